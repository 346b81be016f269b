"""Fused skeletons as Skeleton3D and as TF frames, cheap enough for 100 a second."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import TransformStamped
from tf2_msgs.msg import TFMessage

from hybrid_pose_ros.msg import Skeleton3D
from hybrid_pose_ros.nodes.convert import stamp_to_msg
from hybrid_pose_ros.pose.body_frame import body_pose
from hybrid_pose_ros.runtime.fused_skeleton import FusedSkeleton
from hybrid_pose_ros.skeleton import JOINTS


def skeleton_to_msg(skeleton: FusedSkeleton, frame_id: str) -> Skeleton3D:
    """A skeleton in the frame `frame_id`; unknown joints are NaN with confidence 0."""
    msg = Skeleton3D()
    msg.header.stamp = stamp_to_msg(skeleton.t_ns)
    msg.header.frame_id = frame_id
    msg.position = _flat(skeleton.xyz)
    msg.velocity = _flat(skeleton.velocity)
    msg.covariance = _flat(skeleton.covariance)
    msg.confidence = _flat(skeleton.confidence)
    msg.views = np.asarray(skeleton.views, np.uint8)
    msg.reprojection_error = _flat(skeleton.reprojection_px)
    return msg


class JointFrames:
    """TF frames of a person: prefix + joint name, axes parallel to the world's, and `body_<id>`.

    The body is that of REP 155: in the middle of the hips, x forward, z up; without a `body_id` it
    has no frame. The messages are made once and changed in place; publish one before asking for
    the next.
    """

    def __init__(self, frame_id: str, prefix: str, body_id: str = "") -> None:
        self._joints = [_transform(frame_id, prefix + joint) for joint in JOINTS]
        self._body = _transform(frame_id, f"body_{body_id}") if body_id else None

    def message(self, skeleton: FusedSkeleton) -> TFMessage:
        """The frames of this skeleton; joints that are unknown are left out."""
        stamp = stamp_to_msg(skeleton.t_ns)
        known = []
        for transform, xyz, confidence in zip(
            self._joints, skeleton.xyz.tolist(), skeleton.confidence.tolist(), strict=True
        ):
            if confidence > 0:
                transform.header.stamp = stamp
                place = transform.transform.translation
                place.x, place.y, place.z = xyz
                known.append(transform)
        body = body_pose(skeleton.xyz, skeleton.confidence) if self._body else None
        if self._body and body is not None:
            place, turn = self._body.transform.translation, self._body.transform.rotation
            self._body.header.stamp = stamp
            place.x, place.y, place.z = body[0].tolist()
            turn.x, turn.y, turn.z, turn.w = body[1].tolist()
            known.append(self._body)
        return TFMessage(transforms=known)


def _transform(frame_id: str, child: str) -> TransformStamped:
    transform = TransformStamped()
    transform.header.frame_id = frame_id
    transform.child_frame_id = child
    transform.transform.rotation.w = 1.0
    return transform


def _flat(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32).ravel()
