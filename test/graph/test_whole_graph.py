"""Every process of the graph on a short recording, through the commands that a user types."""

from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pytest
import yaml

from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.data.statistics import summarise
from hybrid_pose_ros.eval.live_run import LOG, POSES, play_through_graph
from hybrid_pose_ros.eval.results import read_results
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.graph import GraphOptions

KEYS = [
    "skeletons_published", "skeletons_expected", "rate_hz", "error_2d_px", "error_3d_mm",
    "latency_ms", "bins_lost", "spike_rate", "energy_mw", "memory_mb",
]  # fmt: skip
REAL = ["test_data_mono_cd", "test_data_evt3_trigger", "test_data_libcaer_rollover"]


def test_demo_reports_on_a_recording(hybrid_pose, recording, weights, tmp_path):
    out = tmp_path / "out"
    status, output, errors = hybrid_pose(
        "demo", "--bag", recording, "--weights", weights, "--out", out
    )
    assert status == 0, errors
    report = json.loads((out / "report.json").read_text())
    assert list(report) == KEYS
    assert report["skeletons_expected"] == 200
    assert report["skeletons_published"] > 50
    assert report["rate_hz"] == pytest.approx(100, rel=0.2)
    assert set(report["error_2d_px"]) == {"cam2", "cam3"}
    assert set(report["latency_ms"]) == {"p50", "p99"}
    assert 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p99"]
    assert report["memory_mb"] > 100
    assert report["energy_mw"] > 0
    assert "skeletons_published" in output
    assert (out / "demo.mp4").stat().st_size > 10_000
    assert (out / "demo.png").stat().st_size > 10_000
    with open_recording(out / POSES) as bag:
        published = {topic for topic in bag.topics if any(True for _ in bag.messages(topic))}
    assert published == {
        "/skeleton", "/tf", "/diagnostics", "/cam2/keyframe", "/cam2/update", "/cam3/keyframe",
        "/cam3/update",
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.fixture
def real_rig(tmp_path):
    """A rig with one camera named event_camera, of any sensor size."""

    def make(width, height):
        projection = [[500.0, 0, width / 2, 0], [0, 500.0, height / 2, 0], [0, 0, 1.0, 0]]
        camera = {"width": width, "height": height, "projection": projection}
        rig = {"world_frame": "world", "cameras": {"event_camera": camera}}
        path = tmp_path / "rig.yaml"
        path.write_text(yaml.safe_dump(rig))
        return path

    return make


@pytest.mark.parametrize("name", REAL)
def test_real_recordings_play_without_a_person(name, shared, real_rig, weights, tmp_path):
    bag = shared / "data" / "event_packets" / name
    if not bag.is_dir():
        pytest.skip(f"no recording {bag}; set HYBRID_POSE_SHARED")
    with suppress(FileNotFoundError):  # else nothing is said about confidence
        weights = share_path("weights", "lite_hybrid.safetensors")
    with open_events(bag) as source:
        (known,) = summarise(source).values()
    options = GraphOptions(
        cameras=("event_camera",),
        rig=str(real_rig(known["width"], known["height"])),
        weights=str(weights),
        device="cpu",
        parameters={"replay_node": {"end_delay_s": 2.5}},  # until the last diagnostics are out
    )
    play_through_graph(bag, options, tmp_path)
    counted = last_diagnostics(tmp_path / POSES, "snn_node: camera event_camera")
    assert int(counted["packets"]) == known["packets"]
    assert int(counted["events"]) == known["events"]
    assert int(counted.get("triggers", 0)) == known["triggers"]
    updates = read_results(tmp_path / POSES, ("event_camera",)).updates["event_camera"]
    if known["last_t_ns"] - known["first_t_ns"] > 500_000_000:
        assert len(updates) > 20
        assert np.isfinite(updates.uv).all()
        if weights.name == "lite_hybrid.safetensors":
            assert np.median(updates.confidence) < 0.5
    assert "FATAL" not in (tmp_path / LOG).read_text()


def last_diagnostics(bag, name):
    values = {}
    with open_recording(bag) as recording:
        for _, message in recording.messages("/diagnostics"):
            for status in message.status:
                if status.name == name:
                    values = {pair.key: pair.value for pair in status.values}
    return values
