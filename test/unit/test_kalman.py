"""JointFilter: against the closed form in one dimension, with gates, one view and gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.pose.kalman import ACCEPTED, MISSING, REJECTED, JointFilter
from hybrid_pose_ros.pose.rig import load_rig

RIG = load_rig(Path(__file__).resolve().parents[2] / "config" / "dhp19_rig.yaml")
DT = 0.01
ONE = np.ones(1, bool)
FOREVER = 1e9  # a velocity that never fades, a bound that is never reached


def started(xyz=(0.0, 0.0, 1.0), variance=0.01, **options):
    joints = JointFilter(1, **options)
    joints.start(ONE, np.array([xyz]), np.eye(3)[None] * variance)
    return joints


def pixels(camera, xyz, variance=1.0):
    return (
        camera.projection,
        camera.project(np.atleast_2d(xyz)),
        np.array([[variance, 0, variance]]),
    )


def test_matches_the_scalar_kalman_filter():
    """One axis of the filter is the textbook filter with F = [[1, dt], [0, 1]]."""
    noise, measured_std, seed = 5.0, 0.02, 0
    joints = started(
        accel_noise=noise, velocity_decay_s=FOREVER, start_speed=2.0, max_std=FOREVER, gate=FOREVER
    )
    x, p = np.array([0.0, 0.0]), np.diag([0.01, 4.0])
    f, q = np.array([[1, DT], [0, 1]]), noise**2 * 0.01
    process = q * np.array([[DT**3 / 3, DT**2 / 2], [DT**2 / 2, DT]])
    for z in np.random.default_rng(seed).normal(0.3, 0.1, 100):
        x, p = f @ x, f @ p @ f.T + process
        gain = p[:, 0] / (p[0, 0] + measured_std**2)
        x, p = x + gain * (z - x[0]), p - np.outer(gain, p[0])
        joints.predict(DT)
        measured = np.array([[z, 0.0, 1.0]])
        joints.update_positions(measured, np.eye(3)[None] * measured_std**2, ONE)
    assert joints.xyz[0, 0] == pytest.approx(x[0], abs=1e-9)
    assert joints.velocity[0, 0] == pytest.approx(x[1], abs=1e-9)
    assert joints.covariance[0, 0, 0] == pytest.approx(p[0, 0], rel=1e-6)


def test_prediction_does_not_depend_on_the_number_of_steps():
    """The noise of the fading velocity is integrated exactly: 50 steps are one step."""
    one, many = (started(accel_noise=20, max_std=FOREVER) for _ in range(2))
    one.predict(0.5)
    for _ in range(50):
        many.predict(0.01)
    assert np.allclose(one.covariance, many.covariance, rtol=1e-9)
    tiny = started(accel_noise=20, max_std=FOREVER)
    for _ in range(5000):  # below 0.3 ms another formula is used
        tiny.predict(0.0001)
    assert np.allclose(one.covariance, tiny.covariance, rtol=1e-3)


def test_unseen_velocity_fades_and_the_joint_comes_to_rest():
    joints = started(velocity_decay_s=0.3)
    for k in range(30):
        joints.predict(DT)
        measured = np.array([[0.01 * (k + 1), 0.0, 1.0]])
        joints.update_positions(measured, np.eye(3)[None] * 1e-8, ONE)
    assert joints.velocity[0, 0] == pytest.approx(1.0, abs=0.05)
    before = joints.xyz[0, 0]
    joints.predict(0.3)
    assert joints.velocity[0, 0] == pytest.approx(np.exp(-1), abs=0.02)
    joints.predict(10.0)
    assert joints.xyz[0, 0] - before == pytest.approx(0.3, abs=0.02)


def test_uncertainty_grows_to_its_bound_only():
    joints = started(variance=1e-4, max_std=0.35)
    last = 0.0
    for _ in range(100):
        joints.predict(0.02)
        widest = np.sqrt(np.linalg.eigvalsh(joints.covariance[0])[-1])
        assert widest >= last - 1e-12
        last = widest
    assert last == pytest.approx(0.35)
    assert np.linalg.eigvalsh(joints._covariance[0]).min() > 0


def test_pixels_and_positions_agree():
    """Two cameras' pixels say the same as their triangulated point."""
    from hybrid_pose_ros.pose.triangulation import triangulate

    cameras = [RIG.cameras["cam2"], RIG.cameras["cam3"]]
    truth = np.array([0.02, -0.01, 1.01])
    by_pixels, by_points = started(), started()
    uv = np.stack([camera.project(truth[None]) for camera in cameras])
    covariance = np.tile([4.0, 0, 4.0], (2, 1, 1))
    for camera, z in zip(cameras, uv, strict=True):
        by_pixels.update_pixels(camera.projection, z, covariance[0], ONE)
    projections = np.stack([camera.projection for camera in cameras])
    point = triangulate(projections, uv, covariance, np.ones((2, 1)))
    by_points.update_positions(point.xyz, point.covariance, ONE)
    assert np.allclose(by_pixels.xyz, by_points.xyz, atol=5e-4)
    assert np.allclose(by_pixels.covariance, by_points.covariance, rtol=0.05, atol=1e-6)


def swing_error(accel_noise, seconds=3.0):
    """Largest error (m) on a noise-free 1 Hz arm swing of 0.4 m, after half a second."""
    cameras = [RIG.cameras["cam2"], RIG.cameras["cam3"]]
    times = np.arange(0, seconds, DT)
    truth = np.array([0, -0.2, 1.2]) + 0.2 * np.sin(2 * np.pi * times)[:, None] * [0.8, 0, 0.6]
    joints = started(truth[0], 1e-4, accel_noise=accel_noise)
    worst = 0.0
    for k in range(1, len(times)):
        joints.predict(DT)
        for camera in cameras:
            joints.update_pixels(*pixels(camera, truth[k], 9.0), ONE)
        if k > 50:
            worst = max(worst, np.linalg.norm(joints.xyz[0] - truth[k]))
    return worst


def test_follows_a_fast_arm():
    assert swing_error(60.0) < 0.005
    assert swing_error(10.0) > 0.015  # this test can see lag


def test_gate_and_reopening():
    joints = started(reopen_after=4, variance=1e-4, accel_noise=1.0)
    camera, away = RIG.cameras["cam2"], np.array([0.0, 0.0, 1.5])
    for _ in range(4):
        before = joints.xyz.copy()
        assert joints.update_pixels(*pixels(camera, away), ONE).tolist() == [REJECTED]
        assert np.array_equal(joints.xyz, before)
    assert joints.update_pixels(*pixels(camera, away), ONE).tolist() == [ACCEPTED]
    assert camera.project(joints.xyz[0]) == pytest.approx(camera.project(away), abs=3)


def test_one_accepted_view_keeps_a_joint_closed():
    joints = started(reopen_after=4, variance=1e-4)
    good, liar = RIG.cameras["cam2"], RIG.cameras["cam3"]
    for _ in range(40):
        joints.predict(1e-4)
        assert joints.update_pixels(*pixels(good, [0, 0, 1.0]), ONE).tolist() == [ACCEPTED]
        assert joints.update_pixels(*pixels(liar, [0, 0, 1.9]), ONE).tolist() == [REJECTED]
    assert joints.xyz[0] == pytest.approx([0, 0, 1], abs=0.01)


def test_one_view_holds_the_depth():
    camera = RIG.cameras["cam2"]
    joints, rng = started(), np.random.default_rng(3)
    start = np.linalg.norm(joints.xyz[0] - camera.center)
    for k in range(500):
        truth = np.array([0.2 * np.sin(0.06 * k), 0.2 * np.sin(0.06 * k), 1.0])
        joints.predict(DT)
        projection, uv, covariance = pixels(camera, truth, 4.0)
        joints.update_pixels(projection, uv + rng.normal(0, 2, (1, 2)), covariance, ONE, ONE)
        assert np.linalg.norm(camera.project(joints.xyz[0]) - uv) < 12
    assert np.linalg.norm(joints.xyz[0] - camera.center) == pytest.approx(start, abs=0.15)
    values, vectors = np.linalg.eigh(joints.covariance[0])
    assert np.sqrt(values) == pytest.approx([0.02, 0.02, 0.35], abs=0.03)
    ray = camera.rays(camera.project(joints.xyz[0]))
    assert abs(vectors[:, 2] @ ray) > 0.99


def test_missing_and_unknown_joints():
    joints = JointFilter(3)
    joints.start(
        np.array([True, True, False]), np.zeros((3, 3)) + [0, 0, 1], np.tile(np.eye(3), (3, 1, 1))
    )
    camera = RIG.cameras["cam2"]
    uv = camera.project(np.tile([0.0, 0, 1.0], (3, 1)))
    uv[0] = np.nan
    joints.predict(DT)
    status = joints.update_pixels(
        camera.projection, uv, np.tile([1.0, 0, 1.0], (3, 1)), np.ones(3, bool)
    )
    assert status.tolist() == [MISSING, ACCEPTED, MISSING]
    assert joints.known.tolist() == [True, True, False]
    assert np.isnan(joints.xyz[2]).all()
    assert np.isfinite(joints.xyz[:2]).all()
    joints.forget(np.array([True, False, False]))
    assert joints.known.tolist() == [False, True, False]
    assert np.isnan(joints.xyz[0]).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_covariance_stays_positive_definite(seed):
    rng = np.random.default_rng(seed)
    joints = started(variance=0.01)
    cameras = list(RIG.cameras.values())
    for _ in range(60):
        joints.predict(rng.choice([0.0, 1e-4, DT, 0.3]))
        camera = cameras[rng.integers(4)]
        truth = np.array([0.0, 0.0, 1.0]) + rng.normal(0, 0.05, 3)
        hold = ONE if rng.random() < 0.5 else ~ONE
        joints.update_pixels(*pixels(camera, truth, rng.uniform(0.5, 30)), ONE, hold)
        assert np.linalg.eigvalsh(joints._covariance[0]).min() > 0
        assert np.isfinite(joints.xyz).all()
