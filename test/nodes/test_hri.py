"""ROS4HRI messages, with a stand-in for the package hri_msgs."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from hybrid_pose_ros.nodes.hri import HriSkeleton, hri_messages
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.fused_skeleton import FusedSkeleton
from hybrid_pose_ros.skeleton import INDEX

# As in hri_msgs/msg/Skeleton2D.msg (https://github.com/ros4hri/hri_msgs).
NAMES = [
    "NOSE", "NECK", "RIGHT_SHOULDER", "RIGHT_ELBOW", "RIGHT_WRIST", "LEFT_SHOULDER", "LEFT_ELBOW",
    "LEFT_WRIST", "RIGHT_HIP", "RIGHT_KNEE", "RIGHT_ANKLE", "LEFT_HIP", "LEFT_KNEE", "LEFT_ANKLE",
    "LEFT_EYE", "RIGHT_EYE", "LEFT_EAR", "RIGHT_EAR",
]  # fmt: skip
CAMERA = load_rig(share_path("config", "dhp19_rig.yaml"), ["cam2"]).cameras["cam2"]


def header():
    return SimpleNamespace(stamp=None, frame_id="")


class Skeleton2D:
    def __init__(self):
        self.header, self.skeleton = header(), []


class IdsList:
    def __init__(self):
        self.header, self.ids = header(), []


class NormalizedPointOfInterest2D:
    def __init__(self):
        self.x = self.y = self.c = 0.0


@pytest.fixture
def messages(monkeypatch):
    for number, name in enumerate(NAMES):
        monkeypatch.setattr(Skeleton2D, name, number, raising=False)
    package, module = ModuleType("hri_msgs"), ModuleType("hri_msgs.msg")
    for kind in (Skeleton2D, IdsList, NormalizedPointOfInterest2D):
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "hri_msgs", package)
    monkeypatch.setitem(sys.modules, "hri_msgs.msg", module)
    return hri_messages()


def skeleton(confidence=0.8):
    xyz = np.tile([0.0, 0.0, 1.0], (13, 1)) + np.arange(13)[:, None] * [0.0, 0.01, 0.02]
    return FusedSkeleton(
        1_500_000_000, xyz, np.zeros((13, 3, 3)), np.zeros((13, 3)),
        np.full(13, confidence), np.full(13, 2, np.uint8), np.zeros(13), {},
    )  # fmt: skip


def test_nothing_without_the_package():
    assert "hri_msgs" not in sys.modules
    assert hri_messages() is None


def test_points_lie_where_the_camera_sees_them(messages):
    pose = skeleton()
    message = HriSkeleton(messages, "person", CAMERA).skeleton2d(pose)
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (1, 500_000_000)
    assert message.header.frame_id == "cam2_optical_frame"
    assert len(message.skeleton) == 18
    uv = CAMERA.project(pose.xyz)
    wrist = message.skeleton[NAMES.index("LEFT_WRIST")]
    u, v = uv[INDEX["hand_left"]]
    assert (wrist.x, wrist.y) == pytest.approx(((u + 0.5) / 346, (v + 0.5) / 260))
    assert wrist.c == pytest.approx(0.8)
    neck = message.skeleton[NAMES.index("NECK")]
    assert neck.x * 346 - 0.5 == pytest.approx(uv[[1, 2], 0].mean())
    for name in ("LEFT_EYE", "RIGHT_EYE", "LEFT_EAR", "RIGHT_EAR"):
        assert message.skeleton[NAMES.index(name)].c == 0.0


def test_unknown_joints_and_points_outside_have_no_confidence(messages):
    pose = skeleton()
    pose.confidence[INDEX["head"]] = 0.0
    pose.xyz[INDEX["head"]] = np.nan
    pose.xyz[INDEX["foot_left"]] = [0.0, 0.0, 50.0]
    points = HriSkeleton(messages, "person", CAMERA).skeleton2d(pose).skeleton
    assert points[NAMES.index("NOSE")].c == 0.0
    assert points[NAMES.index("LEFT_ANKLE")].c == 0.0
    assert all(np.isfinite([p.x, p.y, p.c]).all() for p in points)


def test_ids(messages):
    builder = HriSkeleton(messages, "person", CAMERA)
    assert builder.ids(skeleton()).ids == ["person"]
    assert builder.ids(skeleton(confidence=0.0)).ids == []
