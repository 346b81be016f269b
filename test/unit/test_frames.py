"""Chains of frames: composed, inverted, and refused where there is no way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hybrid_pose_ros.errors import CalibrationError
from hybrid_pose_ros.pose.extrinsics import (
    angle_of_rotation,
    rotation_of_quaternion,
    rotation_of_vector,
)
from hybrid_pose_ros.pose.frames import FrameTree


def pose(seed):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.random(random_state=seed).as_matrix()
    matrix[:3, 3] = np.random.default_rng(seed).normal(0, 2, 3)
    return matrix


def test_chains_are_composed_from_either_side():
    tree = FrameTree()
    tree.set("map", "rig", pose(1))
    tree.set("rig", "camera", pose(2))
    tree.set("map", "odom", pose(3))
    assert tree.pose_of("camera", "map") == pytest.approx(pose(1) @ pose(2))
    assert tree.pose_of("map", "camera") == pytest.approx(np.linalg.inv(pose(1) @ pose(2)))
    assert tree.pose_of("camera", "odom") == pytest.approx(
        np.linalg.inv(pose(3)) @ pose(1) @ pose(2)
    )
    assert np.array_equal(tree.pose_of("rig", "rig"), np.eye(4))


def test_the_latest_transform_counts():
    tree = FrameTree()
    tree.set("map", "camera", pose(1))
    tree.set("map", "camera", pose(2))
    assert tree.pose_of("camera", "map") == pytest.approx(pose(2))


def test_frames_without_a_way_are_named():
    tree = FrameTree()
    tree.set("map", "camera", pose(1))
    with pytest.raises(CalibrationError, match="'world' and 'camera'; it has camera, map"):
        tree.pose_of("camera", "world")
    with pytest.raises(CalibrationError, match="it has none"):
        FrameTree().pose_of("camera", "world")


def test_circles_and_nonsense_are_refused():
    tree = FrameTree()
    tree.set("a", "b", pose(1))
    tree.set("b", "a", pose(2))
    with pytest.raises(CalibrationError, match="in a circle"):
        tree.pose_of("a", "world")
    with pytest.raises(CalibrationError, match="frame 'a' in 'a'"):
        tree.set("a", "a", pose(1))
    with pytest.raises(CalibrationError, match="none"):
        tree.set("a", "c", np.full((4, 4), np.nan))


@pytest.mark.parametrize("vector", [[0, 0, 0], [1e-9, 0, 0], [0.3, -0.2, 1.1], [0, np.pi, 0]])
def test_rotations_are_scipys(vector):
    turn = Rotation.from_rotvec(vector)
    assert rotation_of_vector(np.array(vector)) == pytest.approx(turn.as_matrix(), abs=1e-12)
    assert rotation_of_quaternion(3.0 * turn.as_quat()) == pytest.approx(turn.as_matrix())
    assert angle_of_rotation(turn.as_matrix()) == pytest.approx(np.linalg.norm(vector))
