"""One checkpoint format for every network; the first format keeps loading."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from hybrid_pose_ros.errors import WeightsError
from hybrid_pose_ros.models.checkpoint import (
    FORMAT,
    LITE_FORMAT,
    fingerprint,
    load_checkpoint,
    read_notes,
    save_checkpoint,
)
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
from hybrid_pose_ros.models.lite.rnn import LiteRnn
from hybrid_pose_ros.models.presets import KINDS, build, name_of

SMALL = {"input_size": 32, "cnn_widths": (8, 8, 8, 8), "snn_widths": (8, 8, 8),
         "rnn_widths": (8, 8, 8)}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_every_lite_network_comes_back_with_its_settings(kind, tmp_path):
    torch.manual_seed(0)
    model = build(f"lite/{kind}", SMALL | {"tau": 2.5, "cnn_step": "rerun"})
    path = tmp_path / "deep/w.safetensors"
    save_checkpoint(model, path, {"figures": "5 px"})
    again = load_checkpoint(path)
    assert type(again) is type(model) and again.config == model.config and not again.training
    assert fingerprint(again) == fingerprint(model)
    notes = read_notes(path)
    assert (notes["format"], notes["network"]) == (FORMAT, f"lite/{kind}")
    assert notes["figures"] == "5 px"
    assert list(tmp_path.glob("**/*.partial")) == []


def test_a_published_network_comes_back_with_its_settings(tmp_path):
    model = build("paper/snn", {"tau": 5.0, "input_size": 64})
    save_checkpoint(model, tmp_path / "w.safetensors")
    again = load_checkpoint(tmp_path / "w.safetensors")
    assert name_of(again) == "paper/snn" and again.config.tau == 5.0
    assert fingerprint(again) == fingerprint(model)


def test_files_of_the_first_format_load(tmp_path):
    shipped = Path(__file__).parents[2] / "weights/lite_hybrid.safetensors"
    assert read_notes(shipped)["format"] in (FORMAT, LITE_FORMAT)
    assert load_checkpoint(shipped, network=LiteHybrid).config.snn_widths == (16, 32, 64)
    model, old = build("lite/hybrid_cnn_snn", SMALL), tmp_path / "old.safetensors"
    config = {key: SMALL[key] for key in ("input_size", "cnn_widths", "snn_widths")}
    tensors = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(tensors, old, {"format": LITE_FORMAT, "config": json.dumps(config)})
    assert fingerprint(load_checkpoint(old)) == fingerprint(model)


def test_another_network_than_the_one_needed_is_named(tmp_path):
    path = tmp_path / "w.safetensors"
    save_checkpoint(build("lite/rnn", SMALL), path)
    assert isinstance(load_checkpoint(path, network=LiteRnn), LiteRnn)
    with pytest.raises(WeightsError, match=r"are of a lite/rnn, but a LiteHybrid is needed"):
        load_checkpoint(path, network=LiteHybrid)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "hybrid_pose_ros/network/9"}, "format 'hybrid_pose_ros/network/9'"),
        ({"network": "lite/gnn"}, "unknown network 'lite/gnn'"),
        ({"config": '{"tau": 0.5}'}, "tau must be > 1 bin, got 0.5"),
        ({"config": '{"colour": 1}'}, "unknown settings .colour."),
        ({"config": "{"}, "do not fit"),
        ({"network": None}, r"lack \['network'\]"),
    ],
)
def test_a_header_that_does_not_fit_is_named(change, message, tmp_path):
    path = tmp_path / "w.safetensors"
    save_checkpoint(build("lite/rnn", SMALL), path)
    header = {k: v for k, v in (read_notes(path) | change).items() if v is not None}
    save_file(load_file(path), path, header)
    with pytest.raises(WeightsError, match=message):
        load_checkpoint(path)


def test_notes_must_not_hide_the_header(tmp_path):
    with pytest.raises(ValueError, match=r"notes must not be named \['config'\]"):
        save_checkpoint(build("lite/rnn", SMALL), tmp_path / "w", {"config": "mine"})
    assert list(tmp_path.iterdir()) == []


def test_whoever_may_read_files_here_may_read_weights(tmp_path):
    (tmp_path / "other").write_text("")
    save_checkpoint(build("lite/snn", {"input_size": 32}), tmp_path / "weights.safetensors")
    modes = [(tmp_path / name).stat().st_mode for name in ("other", "weights.safetensors")]
    assert modes[0] == modes[1]
