"""Calibration from the running system: sensor_msgs/CameraInfo and TF instead of a file.

Waits, while a node starts, for `<camera>/camera_info` of every camera and for the transforms on
/tf_static and /tf that connect the world frame with each camera's optical frame.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage

from hybrid_pose_ros.errors import CalibrationError
from hybrid_pose_ros.nodes import qos
from hybrid_pose_ros.pose import rig_values as values
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.extrinsics import rotation_of_quaternion, world_to_camera
from hybrid_pose_ros.pose.frames import FrameTree
from hybrid_pose_ros.pose.rig import Rig

DEADLINE_S = 10.0
_TF = QoSProfile(depth=100)
_TF_STATIC = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
_TURN_S = 0.05


def wait_for_rig(
    node: Node, cameras: Sequence[str], world: str = "world", deadline_s: float = DEADLINE_S
) -> Rig:
    """The cameras as their drivers and TF describe them now; called before the node is spun.

    Args:
        node: whose namespace and remappings the topics follow.
        cameras: names, as in the topics.
        world: frame of everything in 3D.
        deadline_s: how long to wait.

    Raises:
        CalibrationError: what did not come in time, or is no calibration.
    """
    infos: dict[str, CameraInfo] = {}
    tree = FrameTree()
    subscriptions = [
        node.create_subscription(
            CameraInfo, f"{name}/camera_info", partial(infos.__setitem__, name),
            profile,
        )
        for name in cameras
        for profile in (qos_profile_sensor_data, qos.LATCHED)  # who publishes it once, latches it
    ]  # fmt: skip
    take = partial(_take_transforms, tree)
    subscriptions += [
        node.create_subscription(TFMessage, "/tf_static", take, _TF_STATIC),
        node.create_subscription(TFMessage, "/tf", take, _TF),
    ]
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    try:
        end = time.monotonic() + deadline_s
        while not _complete(infos, tree, cameras, world) and time.monotonic() < end:
            executor.spin_once(timeout_sec=_TURN_S)
    finally:
        executor.remove_node(node)
        executor.shutdown()
        for subscription in subscriptions:
            node.destroy_subscription(subscription)
    missing = [node.resolve_topic_name(f"{n}/camera_info") for n in cameras if n not in infos]
    if missing:
        raise CalibrationError(
            f"no calibration on {', '.join(missing)} within {deadline_s:g} s; start the driver "
            "with its camera_info, or give a rig file"
        )
    return Rig(world, {n: camera_of(n, infos[n], tree, world) for n in cameras})


def camera_of(name: str, info: CameraInfo, tree: FrameTree, world: str) -> Camera:
    """One camera from its calibration and its place in TF.

    Raises:
        CalibrationError: naming the camera and the value.
    """
    where = f"camera_info of {name}"
    if not info.header.frame_id:
        raise CalibrationError(f"{where} has no frame_id; set it in the driver")
    if not any(info.k):
        raise CalibrationError(
            f"{where}: k is zero, so the camera is not calibrated; calibrate it, or give a rig file"
        )
    roi = info.roi
    cut = (roi.x_offset, roi.y_offset) != (0, 0) or roi.width not in (0, info.width)
    if cut or roi.height not in (0, info.height) or max(info.binning_x, info.binning_y) > 1:
        raise CalibrationError(
            f"{where} has a region of interest or binning; events are in full-sensor pixels, so "
            "publish the calibration of the full sensor"
        )
    size = (
        values.count(info.width, f"{where}: width"),
        values.count(info.height, f"{where}: height"),
    )
    matrix = values.intrinsics(np.reshape(info.k, (3, 3)).tolist(), f"{where}: k")
    flat = not len(info.d) or not (info.distortion_model or any(info.d))
    lens = None if flat else values.distortion(info.distortion_model, info.d, f"{where}: d")
    pose = tree.pose_of(info.header.frame_id, world)
    projection = matrix @ world_to_camera(pose[:3, :3], pose[:3, 3])
    frame_id = info.header.frame_id
    return values.camera(name, size, projection, where, frame_id=frame_id, lens=lens)


def _complete(
    infos: dict[str, CameraInfo], tree: FrameTree, cameras: Sequence[str], world: str
) -> bool:
    try:
        for name in cameras:
            tree.pose_of(infos[name].header.frame_id, world)
    except (KeyError, CalibrationError):
        return False
    return True


def _take_transforms(tree: FrameTree, msg: TFMessage) -> None:
    for stamped in msg.transforms:
        parent = stamped.header.frame_id.lstrip("/")
        tree.set(parent, stamped.child_frame_id.lstrip("/"), _pose(stamped))


def _pose(stamped: TransformStamped) -> np.ndarray:
    """(4, 4) child to parent."""
    shift, turn = stamped.transform.translation, stamped.transform.rotation
    xyzw = values.quaternion(
        [turn.x, turn.y, turn.z, turn.w], f"the rotation of frame {stamped.child_frame_id}"
    )
    pose = np.eye(4)
    pose[:3, :3] = rotation_of_quaternion(xyzw)
    pose[:3, 3] = shift.x, shift.y, shift.z
    return pose
