"""Tables and result files of a known evaluation."""

from __future__ import annotations

import csv
import re

import numpy as np

from hybrid_pose_ros.eval.evaluation import FORMAT
from hybrid_pose_ros.eval.published_text import keyframe_text, sequence_text, write_published
from hybrid_pose_ros.eval.tables import comma_separated, latex, markdown

T_MS = [10 * step for step in range(21)]


def row(name: str, error: float, variant: str = "", **more: object) -> dict:
    """Errors grow by 0.1 px a step."""
    errors = [error + 0.1 * step for step in range(21)]
    return {
        "name": name, "variant": variant, "rate_hz": 100, "windows": 8, "t_ms": T_MS,
        "error_2d_px": {"all": errors, "fast": errors, "rest": errors, "published": errors},
        "mean_2d_px": {"all": error + 0.55, "fast": None, "rest": error},
        "joints_2d_px": {"head": error}, "pck": {"5": 0.25, "10": 0.5, "20": None},
        "error_3d_mm": {"2": errors}, "mean_3d_mm": {"2": 10 * error}, "jitter_px": 0.5,
        "delay_ms": None, "macs_per_s": 1.0, "synaptic_operations_per_s": 0.0,
        "power_mw": {"7nm": 60.76, "45nm": 165.4}, **more,
    }  # fmt: skip


def result() -> dict:
    rates = {"static": [0.1 + 0.01 * k for k in range(20)], "res1": [0.02] * 20}
    rows = [
        row("paper/cnn", 5.0),
        row("paper/held", 5.0),
        row("paper/hybrid_cnn_snn", 5.1, spike_rates=rates, spike_rate=0.03),
        row("paper/hybrid_cnn_snn", 5.6, "no states", spike_rates=rates, spike_rate=0.03),
    ]
    section = {"about": "new people", "recordings": ["S13_a", "S14_b"], "rows": rows}
    left_out = ["paper/rnn: no weights given, left out"]
    return {"format": FORMAT, "left_out": left_out, "sections": {"subjects": section}}


def test_markdown_has_a_line_per_contender_and_what_is_left_out():
    text = markdown(result())
    assert "### New people (2 recordings, 8 windows)" in text
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    head, hybrid = cells[0], cells[4]
    assert hybrid[0] == "paper/hybrid_cnn_snn"
    found = dict(zip(head, hybrid, strict=True))
    assert found["px"] == "5.65" and found["50 ms"] == "5.60" and found["mW (45 nm)"] == "165"
    assert found["PCK 10 px %"] == "50.00" and found["spikes %"] == "3.00"
    assert "fast px" not in head and "delay ms" not in head and "300 ms" not in head
    assert text.endswith("- paper/rnn: no weights given, left out\n")


def test_csv_keeps_all_digits():
    read = list(csv.DictReader(comma_separated(result()).splitlines()))
    assert [r["variant"] for r in read] == ["", "", "", "no states"]
    assert float(read[2]["150 ms"]) == 5.1 + 0.1 * 15
    assert read[0]["fast px"] == "" and read[0]["section"] == "subjects"


def test_latex_is_balanced_and_escaped():
    text = latex(result())
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    columns = re.search(r"\{(lr+)\}", text)
    assert columns is not None
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {line.count(" & ") + 1 for line in rows} == {len(columns[1])}
    assert r"paper/hybrid\_cnn\_snn" in text and r"PCK 10 px \%" in text


def parse(text: str) -> dict[str, np.ndarray]:
    """What a reader of the published files makes of one: name -> numbers."""
    found = {}
    for name, values in re.findall(r"^([a-z][^:\n]*):(\[[^\]]*\]|\S+)$", text, re.M):
        found[name] = np.array(values.strip("[]").split(), float)
    return found


def test_the_published_layout():
    errors = [5.0 + 0.1 * k for k in range(10)]
    rates = {"static": [0.1] * 10, "res1": [0.02] * 10, "up3": [0.3] * 10}
    text = sequence_text(errors, [e + 1 for e in errors], rates, hybrid=True)
    found = parse(text)
    assert list(found) == [
        "static_conv_snn", "up3_snn", "mid_residualBlock",
        "total static_conv_snn", "total up3_snn", "total mid_residualBlock",
        "val_running_mpjpe_avg10", "val_running_mpjpe", "val_mpjpe_list", "ablation_mpjpe_list",
    ]  # fmt: skip
    np.testing.assert_allclose(found["val_mpjpe_list"], errors)
    np.testing.assert_allclose(found["ablation_mpjpe_list"], np.array(errors) + 1)
    assert found["val_running_mpjpe_avg10"] == np.mean(errors)
    assert found["val_running_mpjpe"] == errors[-1]
    np.testing.assert_allclose(found["total up3_snn"], 3.0)
    assert "static_conv:" in sequence_text(errors, [], rates, hybrid=False)
    assert keyframe_text(4.5, 0.0002) == "val_running_mpjpe:4.5\nval_running_loss:0.0002\n"


def test_files_of_an_evaluation_stop_at_the_next_keyframe(tmp_path):
    write_published(result(), tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["subjects_paper_cnn_100hz.txt", "subjects_paper_hybrid_cnn_snn_100hz.txt"]
    found = parse((tmp_path / names[1]).read_text())
    np.testing.assert_allclose(found["val_mpjpe_list"], 5.1 + 0.1 * np.arange(1, 11))
    np.testing.assert_allclose(found["ablation_mpjpe_list"], 5.0 + 0.1 * np.arange(1, 11))
    assert len(found["static_conv_snn"]) == 10
    assert (tmp_path / names[0]).read_text() == "val_running_mpjpe:5.0\n"
