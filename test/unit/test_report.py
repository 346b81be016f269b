"""The report's figures on a tiny made-up run with known answers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hybrid_pose_ros.eval.accuracy import Truth, distances_2d, distances_3d, mean_known
from hybrid_pose_ros.eval.energy import power_mw
from hybrid_pose_ros.eval.film import demo_frames, frame_times
from hybrid_pose_ros.eval.latency import Published
from hybrid_pose_ros.eval.report import Run, build_report, format_report, write_report
from hybrid_pose_ros.eval.results import Results, Skeletons, Updates
from hybrid_pose_ros.eval.source import CameraSource
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path

MS = 1_000_000
EPOCH = 1_600_000_000_000_000_000  # ROS time minus sensor time in the recording
LIVE = 1_700_000_000_000_000_000  # wall time at which the replay began
BIN = 10 * MS
BINS = 20
OFF_BY_PX, OFF_BY_M = 3.0, 0.05
# Cameras cut their packets every 5 ms; packet k proves time (k + 1) * 5 ms. It goes out at once.
PACKETS = 2 * BINS
LATE_NS = 4 * MS


@pytest.fixture
def rig():
    return load_rig(share_path("config", "dhp19_rig.yaml"), ["cam2", "cam3"])


@pytest.fixture
def truth():
    t_ns = EPOCH + np.arange(BINS + 1) * BIN
    still = np.random.default_rng(3).uniform([-0.3, -0.3, 0.2], [0.3, 0.3, 1.7], (13, 3))
    sway = np.linspace(0, 0.2, BINS + 1)[:, None, None] * np.array([1.0, 0.5, 0.0])
    return Truth(t_ns, still + sway)


def source():
    events = np.zeros(2000, EVENT_DTYPE)
    events["t"] = np.linspace(0, BINS * BIN - 1, 2000).astype(np.int64)
    return CameraSource(events, (np.arange(PACKETS) + 1) * 5 * MS, EPOCH)


def updates_of(camera, truth, bins):
    """Every update is off by OFF_BY_PX to the right."""
    end_ns = (np.asarray(bins) + 1) * BIN
    uv = camera.project(truth.at(EPOCH + end_ns)) + [OFF_BY_PX, 0.0]
    count = len(end_ns)
    return Updates(
        keyframe=np.ones(count, np.int64),
        step=np.arange(count),
        sensor_ns=end_ns,
        stamp_ns=LIVE + end_ns,
        uv=uv,
        covariance=np.ones((count, 13, 3)),
        confidence=np.ones((count, 13)),
        spike_rate=np.full(count, 0.04),
        synaptic_operations=np.full(count, 1_000_000),
        keyframes=2,
    )


@pytest.fixture
def run(rig, truth):
    """All bins but the first two; skeletons off by OFF_BY_M, received LATE_NS after the packet."""
    bins = np.arange(2, BINS)
    end_ns = (bins + 1) * BIN
    xyz = truth.at(EPOCH + end_ns) + [0.0, 0.0, OFF_BY_M]
    skeletons = Skeletons(
        LIVE + end_ns, LIVE + end_ns + LATE_NS, xyz, np.ones((len(bins), 13), np.float32)
    )
    published = LIVE + (np.arange(PACKETS) + 1) * 5 * MS
    return Run(
        rig=rig,
        sources={name: source() for name in rig.cameras},
        truth=truth,
        published=Published(
            {f"/{name}/events": published for name in rig.cameras}, EPOCH, LIVE, rate=1.0
        ),
        results=Results(
            {name: updates_of(camera, truth, bins) for name, camera in rig.cameras.items()},
            skeletons,
        ),
        macs_per_keyframe=100_000_000,
        memory_mb=123.45,
    )


def test_known_run(run):
    report = build_report(run)
    assert report == {
        "skeletons_published": 18,
        "skeletons_expected": 20,
        "rate_hz": 100.0,
        "error_2d_px": {"cam2": 3.0, "cam3": 3.0},
        "error_3d_mm": 50.0,
        "latency_ms": {"p50": 4.0, "p99": 4.0},
        "bins_lost": 4,
        "spike_rate": 0.04,
        # (36 x 1e6 x 0.38 pJ + 4 x 1e8 x 1.69 pJ) / 0.2 s
        "energy_mw": pytest.approx(1000 * (36e6 * 0.38e-12 + 4e8 * 1.69e-12) / 0.2, abs=5e-4),
        "memory_mb": 123.5,
    }


def test_error_is_scaled_to_a_crop_of_256(run):
    camera = run.rig.cameras["cam2"]
    half = replace(camera, crop=Crop(0, 0, 128, 128))
    uv = camera.project(run.truth.xyz) + [0.0, 1.0]
    np.testing.assert_allclose(distances_2d(uv, run.truth.xyz, half), 2.0)


def test_wrong_time_shows_as_error(run):
    """The person moves 1.1 m/s: poses judged one bin too early are off by 11 mm more."""
    updates = run.results.updates
    late = {n: replace(u, sensor_ns=u.sensor_ns - BIN) for n, u in updates.items()}
    shifted = replace(run, results=Results(late, run.results.skeletons))
    assert abs(build_report(shifted)["error_2d_px"]["cam2"] - 3.0) > 0.1
    faster = replace(run, published=replace(run.published, start_ns=LIVE + BIN))
    assert build_report(faster)["error_3d_mm"] > 50.5


def test_latency_counts_from_the_later_camera(run):
    times = dict(run.published.published_ns)
    times["/cam3/events"] = times["/cam3/events"] + 3 * MS
    late = replace(run, published=replace(run.published, published_ns=times))
    assert build_report(late)["latency_ms"]["p50"] == 1.0


def test_latency_waits_for_the_packet_that_proves_the_bin_is_over(run):
    """With packets every 7 ms the bin that ends at 30 ms is over with the packet of 35 ms."""
    ends = (np.arange(40) + 1) * 7 * MS
    sources = {n: replace(s, packet_end_ns=ends) for n, s in run.sources.items()}
    times = {f"/{name}/events": LIVE + ends for name in sources}
    skeletons = run.results.skeletons
    first = Skeletons(*(value[:1] for value in vars(skeletons).values()))
    cut = replace(
        run,
        sources=sources,
        published=replace(run.published, published_ns=times),
        results=Results(run.results.updates, first),
    )
    assert build_report(cut)["latency_ms"]["p50"] == -1.0  # received at 34 ms, sent at 35 ms


def test_a_dead_camera_is_counted_and_the_rest_judged(run, truth):
    camera = run.rig.cameras["cam3"]
    updates = {**run.results.updates, "cam3": updates_of(camera, truth, [])}
    report = build_report(replace(run, results=Results(updates, run.results.skeletons)))
    assert report["error_2d_px"]["cam3"] is None
    assert report["bins_lost"] == 22
    assert report["latency_ms"]["p50"] == 4.0


def test_nothing_published(run):
    none = Skeletons(*(value[:0] for value in vars(run.results.skeletons).values()))
    report = build_report(replace(run, results=Results(run.results.updates, none)))
    assert report["skeletons_published"] == 0
    assert report["rate_hz"] is report["error_3d_mm"] is report["latency_ms"]["p50"] is None
    assert "-" in format_report(report)


def test_unknown_joints_are_left_out():
    xyz = np.zeros((2, 13, 3))
    xyz[0, 0] = np.nan
    distances = distances_3d(xyz, np.zeros((2, 13, 3)) + [0.0, 0.3, 0.4])
    assert np.isnan(distances[0, 0])
    assert mean_known(distances) == pytest.approx(500.0)
    assert mean_known(np.full((2, 2), np.nan)) is None


def test_truth_is_linear_between_samples_and_unknown_outside():
    truth = Truth(np.array([0, 10]), np.stack([np.zeros((13, 3)), np.ones((13, 3))]))
    at = truth.at(np.array([-1, 0, 4, 10, 11]))
    np.testing.assert_allclose(at[:, 0, 0], [np.nan, 0.0, 0.4, 1.0, np.nan])


def test_power_of_a_known_number_of_operations():
    assert power_mw(10**9, 0, 0, 1.0) == pytest.approx(0.38)
    assert power_mw(0, 10, 10**9, 2.0) == pytest.approx(8.45)


def test_report_is_json_and_appears_at_once(tmp_path, run):
    report = build_report(run)
    write_report(tmp_path / "out" / "report.json", report)
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["report.json"]


def test_film_shows_estimate_truth_and_error_of_its_moment(run):
    times = frame_times(run, 25.0)
    frames = list(demo_frames(run, 25.0, {"skeletons": "100 Hz"}))
    assert len(frames) == len(times) == 5  # 0.2 s
    assert frames[0].xyz is None  # nothing was published yet
    frame = frames[2]  # at 80 ms
    np.testing.assert_allclose(frame.truth_xyz, run.truth.xyz[8])
    np.testing.assert_allclose(frame.xyz, run.truth.xyz[8] + [0, 0, OFF_BY_M])
    events, keypoints, uv = frame.cameras["cam2"]
    assert events["t"].min() >= 50 * MS and events["t"].max() < 80 * MS
    np.testing.assert_allclose(keypoints.uv, uv + [OFF_BY_PX, 0.0], atol=1e-4)
    assert frame.captions == {"skeletons": "100 Hz", "cam2": "3.0 px", "cam3": "3.0 px"}
