"""Fusion: a simulated person on the real rig; order of arrival, losses, gaps and restarts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.eval.simulated_poses import SimulatedPoses
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.pose.triangulation import triangulate
from hybrid_pose_ros.runtime.fusion import Fusion
from hybrid_pose_ros.runtime.fusion_config import FusionConfig
from hybrid_pose_ros.skeleton import LIMBS

RIG_FILE = Path(__file__).resolve().parents[2] / "config" / "dhp19_rig.yaml"
PERIOD = 10_000_000
BINS = 350
TWO, FOUR = ("cam2", "cam3"), ("cam0", "cam1", "cam2", "cam3")
POSES = {cameras: SimulatedPoses(load_rig(RIG_FILE, cameras), BINS) for cameras in (TWO, FOUR)}


def run(bins, change=None, config=None, poses=POSES[TWO]):
    """Feed bins to a new Fusion; change(camera, k, keypoints) may return None = lost."""
    fusion, skeletons = Fusion(poses.rig, config), []
    for k in bins:
        for camera in poses.rig.cameras:
            keypoints = poses.keypoints(camera, k)
            if change is not None:
                keypoints = change(camera, k, keypoints)
            if keypoints is not None:
                skeletons += fusion.add(camera, poses.t_ns(k), keypoints)
    for skeleton in skeletons:
        check_invariants(skeleton)
    return fusion, skeletons


def errors(skeletons, poses=POSES[TWO]):
    """(n, 13) metres; NaN where unknown."""
    truth = [poses.truth((s.t_ns - poses.start_ns) / PERIOD) for s in skeletons]
    return np.linalg.norm(np.array([s.xyz for s in skeletons]) - truth, axis=2)


def rms(values):
    return np.sqrt(np.nanmean(values**2))


def check_invariants(skeleton):
    known = skeleton.confidence > 0
    assert np.isfinite(skeleton.confidence).all()
    assert ((skeleton.confidence >= 0) & (skeleton.confidence <= 1)).all()
    for values in (skeleton.xyz, skeleton.covariance, skeleton.velocity):
        assert np.isfinite(values[known]).all()
    assert np.isnan(skeleton.xyz[~known]).all()
    if known.any():
        assert np.linalg.eigvalsh(skeleton.covariance[known]).min() > 0


def inside(skeletons, poses):
    """Share of joints in their 95 % ellipsoid."""
    found = []
    for s in skeletons:
        error = s.xyz - poses.truth((s.t_ns - poses.start_ns) / PERIOD)
        distance = np.einsum("ji,jik,jk->j", error, np.linalg.inv(s.covariance), error)
        found.append(np.mean(distance < 7.815))
    return np.mean(found)


def test_two_cameras():
    poses = POSES[TWO]
    fusion, skeletons = run(range(200))
    assert [s.t_ns for s in skeletons] == [poses.t_ns(k) for k in range(200)]
    assert rms(errors(skeletons)[20:]) < 0.05
    assert all((s.views == 2).all() for s in skeletons)
    assert np.mean([s.reprojection_px.mean() for s in skeletons]) == pytest.approx(
        2.0, abs=0.5
    )  # two views share it
    assert skeletons[-1].confidence.min() > 0.8
    assert fusion.report("cam2").counters["taken"] == 200
    assert fusion.report("cam2").verdict == "ok"
    assert set(skeletons[0].stamps_ns) == {"cam2", "cam3"}


def test_better_than_raw_triangulation_and_four_cameras_better_than_two():
    raw, two = [], POSES[TWO]
    for k in range(20, 200):
        seen = [two.keypoints(camera, k) for camera in TWO]
        points = triangulate(
            two.rig.projections(), *[
                np.stack([getattr(p, name) for p in seen])
                for name in ("uv", "covariance", "confidence")
            ],
        )  # fmt: skip
        raw.append(np.linalg.norm(points.xyz - two.truth(k), axis=1))
    fused = rms(errors(run(range(200))[1])[20:])
    assert fused < 0.92 * rms(np.array(raw))
    four = run(range(200), poses=POSES[FOUR])[1]
    assert rms(errors(four, POSES[FOUR])[20:]) < 0.8 * fused


@pytest.mark.parametrize("cameras", [TWO, FOUR])
def test_covariances_are_honest_although_errors_last_from_pose_to_pose(cameras):
    config = FusionConfig(pixel_noise_px=0.0)
    shares = []
    for seed in (11, 12):
        poses = SimulatedPoses(load_rig(RIG_FILE, cameras), 250, seed)
        shares.append(inside(run(range(250), config=config, poses=poses)[1][20:], poses))
    assert 0.93 < np.mean(shares) < 0.98
    white = FusionConfig(pixel_noise_px=0.0, correlated_share=0.0)
    careless = inside(run(range(250), config=white, poses=poses)[1][20:], poses)
    assert careless < 0.9  # this test can see a filter that takes every pose for a new witness


def test_velocity_points_the_right_way():
    poses, ratios = POSES[TWO], []
    for s in run(range(150))[1][50:]:
        k = (s.t_ns - poses.start_ns) / PERIOD
        true = (poses.truth(k + 0.5) - poses.truth(k - 0.5)) / 0.01
        fast = np.linalg.norm(true, axis=1) > 1.0
        dot = np.sum(true * s.velocity, axis=1)[fast]
        ratios += (dot / np.sum(true**2, axis=1)[fast]).tolist()
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.15)


def test_nothing_is_known_from_one_camera_alone():
    fusion, skeletons = run(range(50), lambda camera, k, p: p if camera == "cam2" else None)
    assert len(skeletons) == 50
    assert all((s.confidence == 0).all() for s in skeletons)
    assert not fusion.report("cam3").live


def test_both_cameras_lose_bins():
    _, skeletons = run(range(150), lambda camera, k, p: None if k % 10 in (4, 5) else p)
    assert len(skeletons) == 150
    assert rms(errors(skeletons)[20:]) < 0.055
    gap = skeletons[104]
    assert (gap.views == 0).all()
    assert np.isnan(gap.reprojection_px).all()
    assert gap.stamps_ns == {}


def test_joints_that_nobody_sees_fade_and_go():
    def hide(camera, k, p):
        confidence = p.confidence.copy()
        if k >= 100:
            confidence[7:] = 0.05
        uv = np.where(confidence[:, None] < 0.1, np.nan, p.uv)
        return Keypoints(uv, p.covariance, confidence)

    _, skeletons = run(range(220), hide)
    assert skeletons[99].confidence[7:].min() > 0.8
    assert 0 < skeletons[150].confidence[7:].max() < 0.5
    assert (skeletons[215].confidence[7:] == 0).all()
    assert skeletons[215].confidence[:7].min() > 0.8


@pytest.mark.parametrize("poison", ["uv", "covariance", "confidence"])
def test_nan_never_gets_through(poison):
    def spoil(camera, k, p):
        parts = {name: getattr(p, name).copy() for name in ("uv", "covariance", "confidence")}
        parts[poison][k % 13] = [np.nan, np.inf, -1.0][k % 3]
        return Keypoints(**parts)

    assert np.nanmean(errors(run(range(100), spoil)[1])[20:]) < 0.06


def deliveries(count):
    poses = POSES[TWO]
    return [
        (poses.t_ns(k), camera, poses.keypoints(camera, k)) for k in range(count) for camera in TWO
    ]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), horizon=st.integers(1, 30))
def test_any_order_of_arrival_within_the_horizon_gives_the_same(seed, horizon):
    """Poses are late by up to `horizon` bins; corrections by keyframes too."""
    poses, rng = POSES[TWO], np.random.default_rng(seed)
    plan = deliveries(50)
    keyframes = [(poses.t_ns(k), c, poses.keypoints(c, k + 100)) for k in (10, 20, 30) for c in TWO]
    results = []
    for late in (0.0, 1.0):
        fusion = Fusion(poses.rig, FusionConfig(horizon_ns=400_000_000, live_periods=50))
        delay = late * rng.uniform(0, horizon * PERIOD, len(plan))
        delay[:2] = 0
        arrivals = [(t + d, 0, camera, t, p) for (t, camera, p), d in zip(plan, delay, strict=True)]
        arrivals += [(t + 5 * PERIOD + late * 9e7, 1, c, t, p) for t, c, p in keyframes]
        for _, corrects, camera, t_ns, pose in sorted(arrivals, key=lambda a: a[:3]):
            # Stamps that go far back would be a clock's fault.
            if corrects:
                fusion.correct(camera, t_ns, pose)
            else:
                fusion._put(camera, t_ns, pose, corrects=False)
                fusion._collector._cameras[camera].last_ns = poses.t_ns(60)
        fusion._timeline.advance(poses.t_ns(50))
        results.append([array.copy() for array in fusion._tracker.arrays])
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*results, strict=True))


def test_a_late_pose_counts_from_the_next_skeleton_on():
    """One camera is 80 ms behind after a stall; nothing is lost and the end is the same."""
    poses = POSES[TWO]
    plain = Fusion(poses.rig)
    for t_ns, camera, pose in deliveries(60):
        plain.add(camera, t_ns, pose)
    stalled, held = Fusion(poses.rig), []
    for k in range(60):
        stalled.add("cam2", poses.t_ns(k), poses.keypoints("cam2", k))
        held.append(k)
        if not 30 <= k < 38:
            for old in held:
                stalled.add("cam3", poses.t_ns(old), poses.keypoints("cam3", old))
            held.clear()
    assert stalled.report("cam3").counters["replayed"] > 0
    assert stalled.report("cam3").counters["late"] == 0
    pairs = zip(plain._tracker.arrays, stalled._tracker.arrays, strict=True)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def test_a_keyframe_corrects_the_past():
    """Updates of one camera are off by ten pixels until a keyframe says so, 60 ms late."""
    poses = POSES[TWO]

    def drift(camera, k, p):
        return Keypoints(p.uv + np.float32(10.0 if k == 60 else 0.0), p.covariance, p.confidence)

    fusion = run(range(66), drift)[0]
    for camera in TWO:
        fusion.correct(camera, poses.t_ns(60) + 40_000, poses.keypoints(camera, 60))
    assert fusion.report("cam2").counters["corrected"] == 1
    fusion._timeline.advance(poses.t_ns(66))
    plain = run(range(66))[0]
    assert np.allclose(fusion._tracker.filter.xyz, plain._tracker.filter.xyz, atol=1e-4)


def test_memory_is_bounded():
    fusion = run(range(BINS))[0]
    assert fusion.history <= 2 * (400_000_000 // PERIOD + 2)
    assert not fusion._collector._pending


def test_predicted_to_now():
    poses = SimulatedPoses(POSES[TWO].rig, 160, pixel_std=0.5)
    moved, held = [], []
    for last in range(100, 150, 10):
        fusion, skeletons = run(range(last), poses=poses)
        ahead, now = fusion.predict(skeletons[-1], poses.t_ns(last + 4)), skeletons[-1]
        assert ahead.t_ns == poses.t_ns(last + 4)
        sizes = [np.trace(s.covariance, axis1=1, axis2=2) for s in (ahead, now)]
        assert (sizes[0] > sizes[1]).all()
        for skeleton, found in ((ahead, moved), (now, held)):
            found.append(np.linalg.norm(skeleton.xyz - poses.truth(last + 4), axis=1).mean())
    assert np.mean(moved) < 0.8 * np.mean(held)


def test_learns_the_lengths_of_limbs():
    fusion = run(range(BINS), poses=POSES[FOUR])[0]
    limbs, truth = np.array(LIMBS), POSES[FOUR].truth(0)
    true = np.linalg.norm(truth[limbs[:, 0]] - truth[limbs[:, 1]], axis=1)
    rigid = [i for i, (a, b) in enumerate(LIMBS) if {a, b} in ({1, 3}, {3, 7}, {5, 9}, {9, 11})]
    assert np.abs(fusion._tracker.bones.lengths - true)[rigid].max() < 0.03


def test_poses_off_the_grid_are_moved_to_it():
    """One camera's bins end 4 ms after the other's; every pose counts at its own time."""
    poses, skew = POSES[TWO], {"cam2": 0.0, "cam3": 0.4}
    fusion, skeletons = Fusion(poses.rig), []
    for k in range(200):
        for camera, part in skew.items():
            uv = poses.rig.cameras[camera].project(poses.truth(k + part)).astype("f4")
            like = poses.keypoints(camera, k)
            t_ns = poses.start_ns + round((k + part) * PERIOD)
            skeletons += fusion.add(camera, t_ns, Keypoints(uv, like.covariance, like.confidence))
    assert np.mean(errors(skeletons)[100:]) < 0.006


def test_poll_flushes_only_when_all_cameras_are_silent():
    poses = POSES[TWO]
    fusion, _ = run(range(20))
    assert fusion.add("cam2", poses.t_ns(20), poses.keypoints("cam2", 20)) == []
    assert fusion.poll(0) == []
    assert fusion.poll(150_000_000) == []
    assert fusion.add("cam2", poses.t_ns(21), poses.keypoints("cam2", 21)) == []
    assert fusion.poll(200_000_000) == []  # something has come meanwhile
    assert fusion.poll(399_000_000) == []
    assert [s.t_ns for s in fusion.poll(400_000_000)] == [poses.t_ns(20), poses.t_ns(21)]
    assert fusion.poll(900_000_000) == []


def test_a_recording_that_begins_anew_forgets_the_past():
    poses, skeletons = POSES[TWO], []
    fusion, offset = Fusion(poses.rig), -100_000 * PERIOD
    for shift in (0, offset):
        for k in range(100):
            for camera in TWO:
                skeletons += fusion.add(camera, poses.t_ns(k) + shift, poses.keypoints(camera, k))
    assert len(skeletons) >= 197
    assert skeletons[-1].t_ns == poses.t_ns(99) + offset
    assert np.linalg.norm(skeletons[-1].xyz - poses.truth(99), axis=1).max() < 0.15


def test_unknown_camera_is_an_error():
    with pytest.raises(KeyError):
        Fusion(POSES[TWO].rig).add("cam9", 0, POSES[TWO].keypoints("cam2", 0))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"period_ns": 0}, "period_ns must be greater than 0, got 0"),
        ({"min_confidence": 1.0}, "min_confidence must be >= 0 and < 1, got 1.0"),
        ({"accel_noise": float("nan")}, "accel_noise must be greater than 0, got nan"),
        ({"pixel_noise_px": -1.0}, "pixel_noise_px must be >= 0, got -1.0"),
        ({"correlated_share": 1.0}, "correlated_share must be >= 0 and < 1, got 1.0"),
    ],
)
def test_settings_out_of_range(values, message):
    with pytest.raises(ConfigError, match=message):
        FusionConfig(**values)
