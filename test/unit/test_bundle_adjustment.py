"""Bundle adjustment on simulated keypoints whose errors are as a network's are: lasting and biased.

The pose of a person in front of the DHP19 rig, each joint of each camera with its own constant
error (0.7 px), errors that last half a second (2.5 px), and now and then nonsense.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hybrid_pose_ros.errors import CalibrationError, ConfigError
from hybrid_pose_ros.pose.bundle_adjustment import adjust
from hybrid_pose_ros.pose.bundle_problem import Beliefs, BundleProblem
from hybrid_pose_ros.pose.extrinsics import angle_of_rotation, rotation_of_vector
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.pose.rig_check import residuals_px, suspect
from hybrid_pose_ros.pose.views import Views
from hybrid_pose_ros.simulator.bones import bones_of
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.motion import make_motion
from hybrid_pose_ros.simulator.movements.catalogue import find_movement
from hybrid_pose_ros.simulator.subjects import find_subject

RIG = load_rig(Path(__file__).resolve().parents[2] / "config" / "dhp19_rig.yaml")
ALL = list(RIG.cameras.values())
FRONT = [RIG.cameras["cam2"], RIG.cameras["cam3"]]
MOVEMENTS = (9, 27, 22, 3, 17, 32, 5, 20, 25, 1, 7, 33)


@pytest.fixture(scope="module")
def joints():
    """(100, 13, 3) metres: a minute of subject 13."""
    person = find_subject(13)
    motion = make_motion(tuple(find_movement(n) for n in MOVEMENTS), 13, 77, 60.0)
    return markers_of(bones_of(motion(np.arange(100) * 0.6), person))


def lasting(rng, shape, std_px):
    """Errors (C, T, J, 2) of which each remembers a third of the one before."""
    errors = rng.normal(0, std_px, shape)
    for t in range(1, shape[1]):
        errors[:, t] = 0.3 * errors[:, t - 1] + np.sqrt(1 - 0.3**2) * errors[:, t]
    return errors


def seen(cameras, joints, seed=0, noise_px=2.5, bias_px=0.7, nonsense=0.02):
    """Views as a network would deliver them, and as `adjust` takes them."""
    rng = np.random.default_rng(seed)
    uv = np.stack([camera.project(joints) for camera in cameras])
    uv = uv + bias_px * rng.normal(size=(len(cameras), 1, 13, 2))
    uv = uv + lasting(rng, uv.shape, noise_px)
    wrong = rng.uniform(size=uv.shape[:3]) < nonsense
    uv[wrong] += rng.normal(0, 40, (wrong.sum(), 2))
    uv[rng.uniform(size=uv.shape[:3]) < 0.05] = np.nan
    covariance = np.broadcast_to([16.0, 0.0, 16.0], (*uv.shape[:3], 3))
    return Views(np.arange(len(joints)) * 600_000_000, uv, covariance)


def bumped(camera, degrees, axis):
    axis = np.array(axis) / np.linalg.norm(axis)
    rotation = rotation_of_vector(np.radians(degrees) * axis) @ camera.rotation
    pose = np.column_stack([rotation, -rotation @ camera.center])
    return replace(camera, projection=camera.intrinsics @ pose)


def off_by_deg(one, other):
    return np.degrees(angle_of_rotation(one.rotation @ other.rotation.T))


def bump(cameras, name, degrees, axis):
    return [bumped(c, degrees, axis) if c.name == name else c for c in cameras]


@pytest.mark.parametrize(("name", "axis"), [("cam3", [1, 1, 0.3]), ("cam2", [0, 0, 1])])
def test_two_degrees_come_back_with_four_cameras(joints, name, axis):
    views = seen(ALL, joints)
    found = adjust(bump(ALL, name, 2.0, axis), views.uv, views.covariance, [name])
    for result, truth in zip(found.cameras, ALL, strict=True):
        assert off_by_deg(result, truth) < (0.2 if result.name == name else 1e-9)
        assert np.linalg.norm(result.center - truth.center) < 0.02
    assert found.used.mean() > 0.85


def test_two_cameras_without_noise_are_exact(joints):
    views = seen(FRONT, joints, noise_px=1e-4, bias_px=0.0, nonsense=0.0)
    start = bump(FRONT, "cam3", 2.0, [1, 1, 0.3])
    sure = Beliefs(position_m=1e-5, joint_bias_px=1e-3)
    found = adjust(start, views.uv, views.covariance, ["cam3"], sure)
    assert off_by_deg(found.cameras[1], FRONT[1]) < 0.01
    assert found.cameras[0] is start[0]


def test_two_cameras_with_noise_gain(joints):
    """Two cameras know the turn that moves pixels along the other's rays only badly."""
    views = seen(FRONT, joints)
    found = adjust(bump(FRONT, "cam3", 2.0, [1, 1, 0.3]), views.uv, views.covariance, ["cam3"])
    assert off_by_deg(found.cameras[1], FRONT[1]) < 0.8


def test_a_shift_comes_back_too(joints):
    views = seen(ALL, joints[::2])
    pose = np.column_stack([ALL[3].rotation, -ALL[3].rotation @ (ALL[3].center + [0.1, 0.1, 0])])
    start = [*ALL[:3], replace(ALL[3], projection=ALL[3].intrinsics @ pose)]
    wide = Beliefs(position_m=0.1)
    found = adjust(start, views.uv, views.covariance, ["cam3"], wide).cameras[3]
    assert np.linalg.norm(found.center - ALL[3].center) < 0.07
    before, after = (residuals_px(c, views)[3] for c in (start, [*ALL[:3], found]))
    assert np.nanmedian(after) < 0.7 * np.nanmedian(before)


def test_derivatives_are_those_of_small_steps(joints):
    """Where the weights are equal, the projected derivative is the derivative."""
    views = seen(FRONT, joints[:4], nonsense=0.0)
    problem = BundleProblem(FRONT, views.uv, joints[:4], Beliefs(), ["cam3"])
    whiten = np.isfinite(views.uv[..., :1, None]) * np.eye(2)
    problem.reweight(whiten * (np.isfinite(views.uv[..., 0]).all(axis=0))[..., None, None])
    rng = np.random.default_rng(0)
    at = problem.start() + 0.01 * rng.normal(size=problem.start().size)
    value, slope = problem.residuals(at), problem.jacobian(at)
    gradient = slope.T @ value
    # Variable projection: the gradient of the reduced cost is exact, single rows are not.
    for i in rng.choice(at.size, 12, replace=False):
        step = 1e-5 * np.eye(at.size)[i]
        up, down = (0.5 * np.sum(problem.residuals(at + s) ** 2) for s in (step, -step))
        assert gradient[i] == pytest.approx((up - down) / 2e-5, rel=2e-3, abs=2e-3)


def test_the_moved_camera_is_found(joints):
    views = seen(ALL, joints[::3])
    found = suspect(bump(ALL, "cam0", 2.0, [0, 1, 0.2]), views)
    assert found.moved == ("cam0",)
    assert found.turned_deg[0] == pytest.approx(2.0, abs=0.3)
    assert found.rivals == ()


def test_cameras_that_fit_are_left_alone(joints):
    assert suspect(ALL, seen(ALL, joints[::3])).moved == ()


def test_two_cameras_cannot_say_which(joints):
    found = suspect(bump(FRONT, "cam3", 2.0, [1, 0.1, 0.2]), seen(FRONT, joints[::2]))
    assert {*found.moved, *found.rivals} == {"cam2", "cam3"}


def test_too_little_is_refused(joints):
    views = seen(FRONT, joints[:10])
    with pytest.raises(CalibrationError, match=r"only \d+ joints are seen by two cameras at once"):
        adjust(FRONT, views.uv, views.covariance, ["cam3"])


def test_beliefs_are_positive():
    with pytest.raises(ConfigError, match="position_m must be above 0, got 0"):
        Beliefs(position_m=0.0)
