"""JointFilter: against the closed form in one dimension, with gates, one view and gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.pose import kalman_steps
from hybrid_pose_ros.pose.kalman import ACCEPTED, MISSING, REJECTED, JointFilter, transition
from hybrid_pose_ros.pose.rig import load_rig

RIG = load_rig(Path(__file__).resolve().parents[2] / "config" / "dhp19_rig.yaml")
DT = 0.01
ONE = np.ones(1, bool)
FOREVER = 1e9  # a velocity that never fades, a bound that is never reached


def started(xyz=(0.0, 0.0, 1.0), variance=0.01, **options):
    """One joint, two cameras whose errors are white unless options say otherwise."""
    joints = JointFilter(1, 4, **{"correlated_share": 0.0, **options})
    joints.start(ONE, np.array([xyz]))
    joints._covariance[:, :3, :3] = np.eye(3) * variance
    return joints


def update_position(joints, xyz, std):
    """A position measured with the same error in all directions."""
    rows = np.zeros((1, 3, 4))
    rows[0, :, :3] = np.eye(3) / std
    rows[0, :, 3] = (np.asarray(xyz) - joints.xyz[0]) / std
    kalman_steps.absorb(
        joints._state, joints._covariance, rows, ONE, ~ONE, FOREVER, 0, 0.0, True, np.zeros(1)
    )


def pixels(camera, xyz, variance=1.0):
    return (
        int(camera.name[-1]),
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
        update_position(joints, [z, 0.0, 1.0], measured_std)
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
        update_position(joints, [0.01 * (k + 1), 0.0, 1.0], 1e-4)
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


def test_agrees_with_triangulation():
    """From nothing known, two cameras' pixels say the same as their triangulated point."""
    from hybrid_pose_ros.pose.triangulation import triangulate

    cameras = [RIG.cameras["cam2"], RIG.cameras["cam3"]]
    truth = np.array([0.005, -0.004, 1.003])
    joints = started(variance=1e4, correlated_share=0.8)
    uv = np.stack([camera.project(truth[None]) for camera in cameras])
    for camera in cameras:
        joints.update_pixels(*pixels(camera, truth, 4.0), ONE)
    projections = np.stack([camera.projection for camera in cameras])
    point = triangulate(projections, uv, np.tile([4.0, 0, 4.0], (2, 1, 1)), np.ones((2, 1)))
    assert np.allclose(joints.xyz, point.xyz, atol=2e-4)
    assert np.allclose(joints.covariance, point.covariance, rtol=0.02, atol=2e-6)


def test_is_the_information_filter():
    """Position, covariance and lasting errors against the whole trajectory's normal equations."""
    camera, rng, steps = RIG.cameras["cam2"], np.random.default_rng(5), 12
    density, decay_s, share, lasting_s, variance = 400.0 * 0.01, 0.3, 0.8, 0.06, 4.0
    joints = started(
        accel_noise=20.0, velocity_decay_s=decay_s, correlated_share=share,
        correlation_s=lasting_s, max_std=FOREVER, gate=FOREVER, start_speed=2.0,
    )  # fmt: skip
    move, rest, pp, pv, vv = transition(DT, density, decay_s)
    fade = np.exp(-DT / lasting_s)
    f, q = np.zeros((8, 8)), np.zeros((8, 8))
    eye = np.eye(3)
    f[:3, :3], f[:3, 3:6], f[3:6, 3:6], f[6:, 6:] = eye, move * eye, rest * eye, fade * np.eye(2)
    q[:3, :3], q[:3, 3:6], q[3:6, :3], q[3:6, 3:6] = pp * eye, pv * eye, pv * eye, vv * eye
    q[6:, 6:] = (1 - fade**2) * np.eye(2)
    at = np.array([0.0, 0.0, 1.0])  # steps are so small that the projection is linear
    jacobian = np.stack([(camera.project(at + 1e-5 * e) - camera.project(at - 1e-5 * e)) / 2e-5
                         for e in eye], axis=1)  # fmt: skip
    h = np.hstack([jacobian, np.zeros((2, 3)), np.sqrt(share * variance) * np.eye(2)])
    information = np.zeros((8 * steps, 8 * steps))
    right = np.zeros(8 * steps)
    prior = np.diag([1e-6] * 3 + [4.0] * 3 + [1.0] * 2)
    joints._covariance[0, :3, :3] = np.eye(3) * 1e-6
    information[:8, :8] += np.linalg.inv(prior)
    for k in range(steps):
        here = slice(8 * k, 8 * k + 8)
        if k:
            both = slice(8 * k - 8, 8 * k + 8)
            step = np.hstack([-f, np.eye(8)])
            information[both, both] += step.T @ np.linalg.inv(q) @ step
            joints.predict(DT)
        error = rng.normal(0, 0.05, 2)
        information[here, here] += h.T @ h / ((1 - share) * variance)
        right[here] += h.T @ error / ((1 - share) * variance)
        _, projection, uv, covariance = pixels(camera, at, variance)
        joints.update_pixels(0, projection, uv + error, covariance, ONE)
    whole = np.linalg.inv(information)
    assert np.allclose(joints.xyz[0] - at, (whole @ right)[-8:-5], atol=2e-4)
    assert np.allclose(joints.covariance[0], whole[-8:-5, -8:-5], rtol=0.01, atol=1e-9)


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
        index, projection, uv, covariance = pixels(camera, truth, 4.0)
        noisy = uv + rng.normal(0, 2, (1, 2))
        joints.update_pixels(index, projection, noisy, covariance, ONE, ONE)
        assert np.linalg.norm(camera.project(joints.xyz[0]) - uv) < 12
    assert np.linalg.norm(joints.xyz[0] - camera.center) == pytest.approx(start, abs=0.15)
    values, vectors = np.linalg.eigh(joints.covariance[0])
    assert np.sqrt(values) == pytest.approx([0.02, 0.02, 0.35], abs=0.03)
    ray = camera.rays(camera.project(joints.xyz[0]))
    assert abs(vectors[:, 2] @ ray) > 0.99


def test_missing_and_unknown_joints():
    joints = JointFilter(3, 4)
    joints.start(np.array([True, True, False]), np.zeros((3, 3)) + [0, 0, 1])
    camera = RIG.cameras["cam2"]
    uv = camera.project(np.tile([0.0, 0, 1.0], (3, 1)))
    uv[0] = np.nan
    joints.predict(DT)
    status = joints.update_pixels(
        2, camera.projection, uv, np.tile([1.0, 0, 1.0], (3, 1)), np.ones(3, bool)
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
