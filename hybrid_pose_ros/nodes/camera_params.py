"""What every node that knows cameras does with the parameter `rig`."""

from __future__ import annotations

from rclpy.node import Node

from hybrid_pose_ros.nodes.camera_info import wait_for_rig
from hybrid_pose_ros.pose.rig import Rig, is_live, load_rig
from hybrid_pose_ros.resources import share_path


def rig_of(path: str, cameras: tuple[str, ...], node: Node) -> Rig:
    """The calibration of these cameras.

    Args:
        path: a file or folder, see `load_rig`; empty for the DHP19 rig that comes with the package;
            "camera_info" for live CameraInfo and TF, whose world frame is "world" unless
            "camera_info:<frame>" names another.
        cameras: names.
        node: that asks, before it is spun.

    Raises:
        CalibrationError: naming the value and the remedy.
    """
    if is_live(path):
        return wait_for_rig(node, cameras, path.partition(":")[2] or "world")
    return load_rig(path or share_path("config", "dhp19_rig.yaml"), cameras)
