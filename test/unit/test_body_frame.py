"""The body's frame and covariance ellipsoids, by closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hybrid_pose_ros.pose.body_frame import body_pose
from hybrid_pose_ros.pose.ellipsoid import ellipsoids
from hybrid_pose_ros.skeleton import INDEX

SURE = np.ones(13)


def person(yaw):
    """Someone whose x axis is turned by yaw; left is y."""
    xyz = np.zeros((13, 3))
    left = np.array([-np.sin(yaw), np.cos(yaw), 0.0])
    for name, width, height in (("hip", 0.1, 0.9), ("shoulder", 0.2, 1.4)):
        xyz[INDEX[name + "_left"]] = width * left + [1.0, 2.0, height]
        xyz[INDEX[name + "_right"]] = -width * left + [1.0, 2.0, height]
    return xyz


@pytest.mark.parametrize("yaw", np.linspace(-3.0, 3.0, 7))
def test_x_looks_forward_and_z_up(yaw):
    place, quaternion = body_pose(person(yaw), SURE)
    assert place == pytest.approx([1.0, 2.0, 0.9])
    turn = Rotation.from_quat(quaternion)
    assert turn.apply([1, 0, 0]) == pytest.approx([np.cos(yaw), np.sin(yaw), 0], abs=1e-12)
    assert turn.apply([0, 0, 1]) == pytest.approx([0, 0, 1])


def test_shoulders_stand_in_for_hips_above_one_another():
    xyz = person(0.5)
    xyz[INDEX["hip_left"]], xyz[INDEX["hip_right"]] = [1, 2, 0.8], [1, 2, 1.0]
    turn = Rotation.from_quat(body_pose(xyz, SURE)[1])
    assert turn.apply([1, 0, 0]) == pytest.approx([np.cos(0.5), np.sin(0.5), 0], abs=1e-12)


def test_no_body_without_hips():
    confidence = SURE.copy()
    confidence[INDEX["hip_left"]] = 0
    assert body_pose(person(0.0), confidence) is None


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_ellipsoids_rebuild_their_covariance(seed):
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(4, 3, 3)) * 10 ** rng.uniform(-3, 0, (4, 1, 1))
    covariance = half @ half.swapaxes(1, 2)
    axes, quaternions = ellipsoids(covariance)
    for matrix, axis, quaternion in zip(covariance, axes, quaternions, strict=True):
        turn = Rotation.from_quat(quaternion).as_matrix()
        again = turn @ np.diag((axis / 2) ** 2 / 7.815) @ turn.T
        assert np.allclose(again, matrix, atol=1e-9 * np.trace(matrix))
