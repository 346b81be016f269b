"""The person as ROS4HRI (REP 155) wants it: ids of bodies and the 2D skeleton of one camera.

The package hri_msgs is optional; without it nothing is published. Its skeleton has 18 points in the
unit square; those that the 13 joints lack (eyes, ears) have confidence 0, the neck is between the
shoulders and the head stands for the nose.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from hybrid_pose_ros.nodes.convert import stamp_to_msg
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.runtime.fused_skeleton import FusedSkeleton
from hybrid_pose_ros.skeleton import INDEX

_COUNT = 18
# Constants of hri_msgs/Skeleton2D and the joints that they are the mean of.
_POINTS = {
    "NOSE": ("head",),
    "NECK": ("shoulder_right", "shoulder_left"),
    **{
        f"{side.upper()}_{theirs}": (f"{ours}_{side}",)
        for side in ("right", "left")
        for theirs, ours in (
            ("SHOULDER", "shoulder"), ("ELBOW", "elbow"), ("WRIST", "hand"),
            ("HIP", "hip"), ("KNEE", "knee"), ("ANKLE", "foot"),
        )
    },
}  # fmt: skip


def hri_messages() -> Any | None:
    """The module hri_msgs.msg, or None where it is not installed."""
    try:
        return importlib.import_module("hri_msgs.msg")
    except ImportError:
        return None


class HriSkeleton:
    """Builds the messages of one body.

    Args:
        messages: the module hri_msgs.msg.
        body_id: name of the body.
        camera: the one in whose picture the 2D skeleton lies.
    """

    def __init__(self, messages: Any, body_id: str, camera: Camera) -> None:
        self._messages = messages
        self._body_id = body_id
        self._camera = camera
        kind = messages.Skeleton2D
        self._points = {
            int(getattr(kind, name)): [INDEX[joint] for joint in joints]
            for name, joints in _POINTS.items()
        }

    def ids(self, skeleton: FusedSkeleton) -> Any:
        """The bodies that are tracked now: this one, or none."""
        message = self._messages.IdsList()
        message.header.stamp = stamp_to_msg(skeleton.t_ns)
        message.ids = [self._body_id] if (skeleton.confidence > 0).any() else []
        return message

    def skeleton2d(self, skeleton: FusedSkeleton) -> Any:
        """The projection into the camera's picture, (0, 0) top left to (1, 1) bottom right."""
        camera = self._camera
        message = self._messages.Skeleton2D()
        message.header.stamp = stamp_to_msg(skeleton.t_ns)
        message.header.frame_id = camera.frame_id
        uv = camera.project(skeleton.xyz)
        place = (uv + 0.5) / [camera.width, camera.height]
        points = [self._messages.NormalizedPointOfInterest2D() for _ in range(_COUNT)]
        for number, joints in self._points.items():
            x, y = place[joints].mean(axis=0).tolist()
            sure = float(skeleton.confidence[joints].min())
            if sure > 0 and 0.0 <= x <= 1.0 and 0.0 <= y <= 1.0:
                points[number].x, points[number].y, points[number].c = x, y, float(np.float32(sure))
        message.skeleton = points
        return message
