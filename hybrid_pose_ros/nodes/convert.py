"""Messages to records of the runtime and back; nothing else."""

from __future__ import annotations

import array

import numpy as np
from builtin_interfaces.msg import Time

from hybrid_pose_ros.msg import KeyframeRequest, Pose2D, PoseUpdate2D
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.runtime.pose_assembler import RelativePose
from hybrid_pose_ros.runtime.records import Keyframe, Update


def stamp_to_msg(t_ns: int) -> Time:
    """Nanoseconds since the epoch to a time stamp."""
    seconds, nanoseconds = divmod(t_ns, 1_000_000_000)
    return Time(sec=seconds, nanosec=nanoseconds)


def stamp_to_ns(stamp: Time) -> int:
    """A time stamp to nanoseconds since the epoch."""
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def keyframe_to_msg(
    keyframe: Keyframe, stamp_ns: int, frame_id: str, transport: str, carried: bytes
) -> Pose2D:
    """A keyframe; stamp_ns: ROS time of keyframe.t_ns, the last two: what StateSender.send says."""
    msg = Pose2D(keyframe=keyframe.number, sensor_time=keyframe.t_ns, model=keyframe.model_id)
    _fill_header(msg, stamp_ns, frame_id)
    msg.u, msg.v = _columns(keyframe.keypoints.uv)
    _fill_uncertainty(msg, keyframe.keypoints)
    msg.state_transport = transport
    # array.array goes to the middleware in one copy; any other sequence, number by number.
    msg.state = array.array("B", carried)
    return msg


def keyframe_from_msg(msg: Pose2D, camera: str, states: bytes) -> Keyframe:
    """A keyframe without its stamp; states: what StateReceiver.receive found."""
    return Keyframe(
        camera,
        msg.keyframe,
        msg.sensor_time,
        keyframe_keypoints(msg),
        states,
        msg.model,
    )


def request_to_msg(t_ns: int, stamp_ns: int, frame_id: str) -> KeyframeRequest:
    """A keyframe of sensor time t_ns is wanted; stamp_ns: ROS time of it."""
    msg = KeyframeRequest(sensor_time=t_ns)
    _fill_header(msg, stamp_ns, frame_id)
    return msg


def keyframe_keypoints(msg: Pose2D) -> Keypoints:
    """The pose of a keyframe alone."""
    uv = np.stack([msg.u, msg.v], axis=1)
    return Keypoints(uv, _covariance(msg), np.array(msg.confidence))


def update_to_msg(update: Update, stamp_ns: int, frame_id: str) -> PoseUpdate2D:
    """An update as a difference from its keyframe; stamp_ns: ROS time of update.t_ns."""
    msg = PoseUpdate2D(
        keyframe=update.keyframe,
        step=update.step,
        sensor_time=update.t_ns,
        spike_rate=update.spike_rate,
        synaptic_operations=update.synaptic_operations,
    )
    _fill_header(msg, stamp_ns, frame_id)
    msg.du, msg.dv = _columns(update.keypoints.uv - update.keyframe_uv)
    _fill_uncertainty(msg, update.keypoints)
    return msg


def relative_pose(msg: PoseUpdate2D) -> RelativePose:
    """An update as it was sent, still relative to its keyframe."""
    delta = np.stack([msg.du, msg.dv], axis=1)
    stamp_ns = stamp_to_ns(msg.header.stamp)
    return RelativePose(msg.keyframe, stamp_ns, delta, _covariance(msg), np.array(msg.confidence))


def _fill_header(
    msg: KeyframeRequest | Pose2D | PoseUpdate2D, stamp_ns: int, frame_id: str
) -> None:
    msg.header.stamp = stamp_to_msg(stamp_ns)
    msg.header.frame_id = frame_id


def _fill_uncertainty(msg: Pose2D | PoseUpdate2D, keypoints: Keypoints) -> None:
    msg.confidence = np.ascontiguousarray(keypoints.confidence, np.float32)
    msg.covariance_uu, msg.covariance_uv, msg.covariance_vv = _columns(keypoints.covariance)


def _columns(table: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.ascontiguousarray(column, np.float32) for column in table.T)


def _covariance(msg: Pose2D | PoseUpdate2D) -> np.ndarray:
    """(13, 3) px^2: var(u), cov(u, v), var(v)."""
    return np.stack([msg.covariance_uu, msg.covariance_uv, msg.covariance_vv], axis=1)
