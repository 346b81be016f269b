"""evaluate, plot, energy and infer's published flags, from files to files; and bad input."""

from __future__ import annotations

import csv
import json
import re

import cv2
import h5py
import numpy as np
import pytest
import torch

from hybrid_pose_ros.cli import main
from hybrid_pose_ros.data.dhp19_dataset import Dhp19Dataset
from hybrid_pose_ros.data.dhp19_sequence import collate
from hybrid_pose_ros.data.dhp19_windows import Windows
from hybrid_pose_ros.eval.published_inference import published_result
from hybrid_pose_ros.eval.scenes import Dhp19Scenes, RecordingScene
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.models.checkpoint import free_notes, load_checkpoint, save_checkpoint
from hybrid_pose_ros.pose.covariance_scale import UNSCALED
from hybrid_pose_ros.pose.heatmap import decode_logits
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.dhp19_file import write_dhp19_h5
from hybrid_pose_ros.simulator.recording import SimulatedRecording, write_bag

SMALL = {"input_size": 32, "cnn_widths": [8, 8, 8, 8], "snn_widths": [8, 8, 8]}
CAMERAS = ("cam2", "cam3")


def recording(stem: str, seconds: float = 0.75) -> SimulatedRecording:
    """Random events, and joints that swing."""
    rng = np.random.default_rng(len(stem))
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), CAMERAS)
    t_ns = np.arange(round(seconds * 100) + 1, dtype=np.int64) * 10_000_000
    swing = 0.3 * np.sin(6 * t_ns * 1e-9)[:, None] + np.linspace(-0.3, 0.3, 13)
    xyz = np.stack([swing, 0 * swing, np.broadcast_to(np.linspace(1.7, 0.1, 13), swing.shape)], -1)
    cameras = {}
    for name in CAMERAS:
        events = np.zeros(30_000, EVENT_DTYPE)
        events["t"] = np.sort(rng.integers(0, round(seconds * 1e9), len(events))) // 1000 * 1000
        events["x"], events["y"] = rng.integers(0, 346, 30_000), rng.integers(0, 260, 30_000)
        cameras[name] = events
    return SimulatedRecording(cameras, rig.cameras, t_ns, xyz, stem, seconds)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Recordings of three sections, and one of a training subject."""
    path = tmp_path_factory.mktemp("dhp19")
    for stem in ("S13_session1_mov1", "S14_session1_mov7", "S15_02_01", "S1_session1_mov1"):
        write_dhp19_h5(recording(stem), path)
    return path


@pytest.fixture
def weights(lively, tmp_path):
    torch.set_num_threads(1)
    path = tmp_path / "hybrid.safetensors"
    save_checkpoint(lively("lite/hybrid_cnn_snn", {**SMALL, "motion": True, "carry": True}), path)
    return path


def call(*words: object) -> int:
    return main.main([str(word) for word in words])


def evaluate(folder, weights, *more: object) -> int:
    return call(
        "evaluate", "--data", folder, "--models", f"lite/hybrid_cnn_snn={weights}", "--device",
        "cpu", "--cameras", ",".join(CAMERAS), *more,
    )  # fmt: skip


def test_from_files_to_tables_and_pictures(folder, weights, tmp_path, capsys):
    out = tmp_path / "out"
    words = ("--parts", "windows,keyframes", "--rates", "100", "--drifts", "2.5", "--out", out)
    assert evaluate(folder, weights, *words, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result["sections"]) == ["subjects", "movements", "mocap"]
    assert result["sections"]["movements"]["recordings"] == ["S14_session1_mov7"]
    assert any(line.startswith("lite/rnn: no weights") for line in result["left_out"])
    rows = {(r["name"], r["variant"]): r for r in result["sections"]["subjects"]["rows"]}
    hybrid = rows["lite/hybrid_cnn_snn", ""]
    assert hybrid["windows"] == 2 * 5 and len(hybrid["t_ms"]) == 41
    assert None not in hybrid["error_2d_px"]["all"][:41]
    assert set(hybrid["error_3d_mm"]) == {"2"} and hybrid["mean_3d_mm"]["2"] > 0
    assert len(hybrid["joints_2d_px"]) == 13 and len(hybrid["spike_rates"]) == 7
    power = {name: rows[f"lite/{name}", ""]["power_mw"]["7nm"] for name in ("cnn", "held")}
    assert power["cnn"] == pytest.approx(10 * power["held"])
    assert json.loads((out / "results.json").read_text()) == result
    curve = result["keyframes"]["subjects"]["networks"]["lite/hybrid_cnn_snn"]
    assert [row["bins"] for row in curve] == [5, 10, 20, 30, 40, 50, None]
    assert curve[1]["keyframes_per_s"] == pytest.approx(10, rel=0.2) and curve[1]["error_px"] > 0
    shares = hybrid["reliability"]["coverage"]["all"]
    assert 0 <= shares["0.5"] <= shares["0.9"] <= shares["0.95"] <= 1
    text = (out / "results.md").read_text()
    assert "Error of each joint, px: new people, motion capture" in text
    assert "on demand, 2.5 px" in text and "True joints in the 95 % ellipses" in text
    with (out / "results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 3 * len(rows)
    assert (out / "published/mocap_lite_hybrid_cnn_snn_100hz.txt").exists()

    assert call("plot", out / "results.json", "--out", out / "plots") == 0
    drawn = capsys.readouterr().out.split()
    kinds = {
        name.split("subjects_")[1].removesuffix(".png") for name in drawn if "subjects_" in name
    }
    assert kinds == {
        "error_100hz", "power", "firing_lite_hybrid_cnn_snn_100hz", "example_2d", "example_3d",
        "reliability_lite_hybrid_cnn_snn_100hz", "keyframes",
    }  # fmt: skip
    for name in drawn:
        image = cv2.imread(name)
        assert image is not None and image.std() > 5


def test_sections_are_those_that_are_asked_for(folder, weights, capsys):
    assert evaluate(folder, weights, "--sections", "movements", "--rates", "100", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result["sections"]) == ["movements"]
    assert result["data"]["movements_left_out"] == "7,8,22,27,28"
    assert result["data"]["models"] == f"lite/hybrid_cnn_snn={weights}"


def test_keyframes_need_a_hybrid_and_recordings_of_half_a_second(
    folder, weights, lively, tmp_path, capsys
):
    save_checkpoint(lively("lite/cnn", SMALL), tmp_path / "cnn.safetensors")
    words = ("--parts", "keyframes", "--cameras", "cam2", "--device", "cpu", "--data")
    text = refused(capsys, "evaluate", "--models", tmp_path / "cnn.safetensors", *words, folder)
    assert "keyframes need a hybrid; given are lite/cnn" in text
    write_dhp19_h5(recording("S13_session1_mov3", 0.45), tmp_path / "short")
    text = refused(capsys, "evaluate", "--models", weights, *words, tmp_path / "short")
    assert "0.5 s" in text


def test_a_network_with_delays_sees_what_came_before_the_keyframe(lively, folder, tmp_path):
    torch.set_num_threads(1)
    network = lively("lite/snn", {**SMALL, "delays": (0, 3)})
    windows = Windows(edges="fixed", input_size=32, heatmap_size=16, earlier=3, events=100)
    batch = collate([Dhp19Dataset(folder, "test", ["cam2"], windows)[1]])
    texts = []
    for before in (batch.before, torch.zeros_like(batch.before)):
        texts.append(published_result(network, [batch._replace(before=before)]))
    network.reset(1)
    network.see(batch.before)
    with torch.no_grad():
        heatmaps = torch.cat([network.step(bins) for bins in batch.bins])
    whole = Crop(0, 0, 16, 16)
    uv = np.stack([decode_logits(maps.numpy(), whole).uv for maps in heatmaps]) * 16
    error = np.linalg.norm(uv - batch.cells[1:, 0].numpy() * 16, axis=-1)
    last = [float(re.search(r"val_running_mpjpe:(.*)", text)[1]) for text in texts]
    assert last[0] == pytest.approx(np.nanmean(error[-1]), rel=1e-4) != pytest.approx(last[1])


def test_a_bag_and_a_folder_show_the_same(folder, tmp_path):
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), CAMERAS)
    write_bag(recording("S13_session1_mov1"), tmp_path / "bag")
    (streamed,) = RecordingScene(tmp_path / "bag", rig)
    stored, *_ = Dhp19Scenes(folder, rig, (7,), ("subjects",))
    assert (streamed.section, stored.section) == ("recording", "subjects")
    for name in CAMERAS:
        for column in ("t", "x", "y", "p"):
            np.testing.assert_array_equal(
                streamed.events[name][column], stored.events[name][column]
            )
    np.testing.assert_array_equal(streamed.truth.t_ns, stored.truth.t_ns)
    np.testing.assert_allclose(streamed.truth.xyz, stored.truth.xyz, atol=1e-6)


def test_energy_of_real_spikes(folder, weights, capsys):
    words = ("energy", "--data", folder, "--models", weights, "--device", "cpu", "--json")
    assert call(*words, "--cameras", "cam2", "--measure-s", "0.01") == 0
    result = json.loads(capsys.readouterr().out)
    found = result["networks"]["lite/hybrid_cnn_snn"]
    spiking = [layer for layer in found["layers"] if layer["spike_rate"] is not None]
    assert len(spiking) == 7 and all(0 < layer["spike_rate"] < 1 for layer in spiking)
    assert all(0 <= layer["idle_rate"] <= 1 for layer in spiking)
    total = sum(layer["arithmetic_mw"]["45nm"] for layer in found["layers"])
    assert found["total"]["arithmetic_mw"]["45nm"] == pytest.approx(total)
    assert result["measured"]  # joules, or why there are none


@pytest.mark.parametrize("name", ["lite/hybrid_cnn_snn", "paper/cnn", "paper/snn"])
def test_published_flags_make_a_result_file(name, lively, folder, tmp_path, capsys):
    torch.set_num_threads(1)
    weights, text = tmp_path / "any.safetensors", tmp_path / "results.txt"
    settings = SMALL if name.startswith("lite") else {"input_size": 32}
    save_checkpoint(lively(name, settings), weights)
    ini = tmp_path / "config.ini"
    ini.write_text(f"[dataloader_parameters]\ndataset_path = {folder}\ncamera_views = [2]\n")
    words = ("--config_path", ini, "--pretrained_dict_path", weights, "--txt_path", text)
    assert call("infer", *words, "--device", "cpu") == 0
    lines = text.read_text()
    assert "val_running_mpjpe:" in lines
    assert ("val_running_loss:" in lines) == (name == "paper/cnn")
    assert ("total static_conv:" in lines) == (name == "paper/snn")
    assert ("ablation_mpjpe_list:" in lines) == (name == "lite/hybrid_cnn_snn")
    assert capsys.readouterr().out == lines


def test_a_covariance_scale_is_fitted_into_the_header_alone(folder, weights, capsys):
    before = load_checkpoint(weights)
    save_checkpoint(before, weights, {"calibration": "of the training", "author": "me"})
    words = ("--data", folder, "--cameras", "cam2", "--device", "cpu", "--subjects", "1")
    assert call("fit-covariance", weights, *words, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    after = load_checkpoint(weights)
    assert list(after.covariance_scale.factor) == told["factor"] and told["joints"] > 60
    assert before.covariance_scale == UNSCALED != after.covariance_scale
    assert free_notes(weights) == {"author": "me"}
    for name, tensor in before.state_dict().items():
        assert torch.equal(tensor, after.state_dict()[name])
    assert "gone" in refused(capsys, "fit-covariance", "gone.safetensors", *words)


def test_covariances_are_not_fitted_on_people_who_were_trained_or_are_judged(
    folder, weights, capsys
):
    words = ("fit-covariance", weights, "--data", folder, "--cameras", "cam2", "--device", "cpu")
    assert "subjects, training; say with --subjects whom to fit on" in refused(capsys, *words)
    assert "--subjects [13] are those that networks are judged on" in refused(
        capsys, *words, "--subjects", "1,13"
    )
    network = load_checkpoint(weights)
    for validated, refuses in (([13, 14], True), ([1], False)):
        data = {"source": "dhp19", "validation_subjects": validated}
        save_checkpoint(network, weights, {"settings": json.dumps({"data": data})})
        if refuses:
            text = refused(capsys, *words, "--subjects", "1")
            assert "were trained on subjects [1]; take others" in text
        else:
            assert call(*words, "--subjects", "1") == 0


def refused(capsys, *words: object) -> str:
    assert call(*words) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("error: ")
    return captured.err


def test_bad_data_is_named_before_anything_is_written(folder, weights, tmp_path, capsys):
    out = tmp_path / "out"
    base = ("evaluate", "--models", weights, "--out", out, "--cameras", "cam2,cam3", "--data")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert str(empty) in refused(capsys, *base, empty)
    assert "nowhere" in refused(capsys, *base, tmp_path / "nowhere")
    write_dhp19_h5(recording("S13_session1_mov2"), tmp_path / "half")
    with h5py.File(tmp_path / "half/S13_session1_mov2_events.h5", "a") as file:
        del file["cam3_events"]
    assert "cam3_events/t" in refused(capsys, *base, tmp_path / "half")
    (tmp_path / "half/S13_session1_mov2_events_label.h5").unlink()
    assert "no labels" in refused(capsys, *base, tmp_path / "half")
    write_dhp19_h5(recording("S13_session1_mov3", 0.2), tmp_path / "short")
    assert "long enough" in refused(capsys, *base, tmp_path / "short")
    assert "cam9" in refused(capsys, *base, folder, "--cameras", "cam9")
    assert not out.exists()


def test_bad_weights_and_settings_are_named(folder, weights, tmp_path, capsys):
    base = ("evaluate", "--data", folder, "--cameras", "cam2")
    said = refused(capsys, *base, "--models", f"lite/rnn={weights}")
    assert "lite/hybrid_cnn_snn" in said and "lite/rnn" in said
    assert "two files" in refused(capsys, *base, "--models", f"{weights},{weights}")
    assert "gone" in refused(capsys, *base, "--models", tmp_path / "gone.safetensors")
    assert "'33'" in refused(capsys, *base, "--rates", "33")
    assert "people" in refused(capsys, *base, "--sections", "people")
    assert "guesses" in refused(capsys, *base, "--parts", "windows,guesses")
    assert "-1" in refused(capsys, *base, "--drifts", "-1")
    assert "many" in refused(capsys, *base, "--drifts", "many")
    assert "--mocap" in refused(capsys, "evaluate", "--sections", "mocap")
    assert "no motion capture" in refused(capsys, "evaluate", "--mocap", tmp_path)
    other = tmp_path / "other.json"
    other.write_text("{}")
    assert "other.json" in refused(capsys, "plot", other, "--out", tmp_path / "plots")
    assert not (tmp_path / "plots").exists()
    assert "--txt_path" in refused(capsys, "infer", folder, "--config_path", "any.ini")
    assert "no recording" in refused(capsys, "infer")
