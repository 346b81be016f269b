"""Inference on a recording as fast as the machine can: the same stages as the live nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
from hybrid_pose_ros.pose.rig import Rig
from hybrid_pose_ros.runtime.camera_input import CameraInput
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.estimator import Estimator
from hybrid_pose_ros.runtime.records import Keyframe, Update


@dataclass
class CameraPoses:
    """Everything that was estimated of one camera.

    Attributes:
        inputs: its packets' decoder with clock and counters; `clock.to_ros` gives ROS stamps.
    """

    inputs: CameraInput
    keyframes: list[Keyframe] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)


def infer_recording(
    recording: Path,
    model: LiteHybrid,
    rig: Rig,
    config: EstimatorConfig | None = None,
    device: str = "cpu",
    engine: str = "auto",
    delay_bins: int = 0,
    progress: Callable[[float], None] | None = None,
) -> dict[str, CameraPoses]:
    """Poses of every camera of the rig in a recording; camera `c` is read from topic `/c/events`.

    Args:
        delay_bins: how late each keyframe comes into force, in bins.
        progress: called with the share done, 0..1.

    Raises:
        RecordingError: the recording lacks a camera's topic or is damaged.
        CalibrationError: a sensor's size is not the calibrated one.
    """
    crops = {name: camera.crop for name, camera in rig.cameras.items()}
    estimator = Estimator(model, crops, config, device, engine, delay_bins)
    poses = {name: CameraPoses(CameraInput(camera)) for name, camera in rig.cameras.items()}
    topics = {f"/{name}/events": name for name in rig.cameras}
    with open_recording(recording) as bag:
        for topic in topics:
            bag.require_camera(topic)
        length = max(1, bag.end_ns - bag.start_ns)
        for packet in bag.packets(list(topics)):
            name = topics[packet.topic]
            keyframes, updates = estimator.add_packet(name, poses[name].inputs.decode(packet))
            poses[name].keyframes += keyframes
            poses[name].updates += updates
            if progress is not None:
                progress((packet.log_time_ns - bag.start_ns) / length)
    return poses


def update_arrays(poses: CameraPoses) -> dict[str, np.ndarray]:
    """The updates of one camera as arrays, one row each: for files and for comparisons."""
    updates = poses.updates
    joints = np.zeros((0, 13), np.float32)

    def stack(values: list, empty: np.ndarray) -> np.ndarray:
        return np.stack(values) if values else empty

    return {
        "keyframe": np.array([u.keyframe for u in updates], np.int64),
        "step": np.array([u.step for u in updates], np.int64),
        "sensor_time_ns": np.array([u.t_ns for u in updates], np.int64),
        "ros_time_ns": np.array([poses.inputs.clock.to_ros(u.t_ns) for u in updates], np.int64),
        "uv": stack([u.keypoints.uv for u in updates], np.zeros((0, 13, 2), np.float32)),
        "covariance": stack(
            [u.keypoints.covariance for u in updates], np.zeros((0, 13, 3), np.float32)
        ),
        "confidence": stack([u.keypoints.confidence for u in updates], joints),
        "spike_rate": np.array([u.spike_rate for u in updates], np.float32),
        "synaptic_operations": np.array([u.synaptic_operations for u in updates], np.int64),
    }
