"""Inference on a recording as fast as the machine can: the same stages as the live nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hybrid_pose_ros.data.packet_file import camera_topic, open_packets
from hybrid_pose_ros.events.filters import FilterConfig
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.pose.rig import Rig
from hybrid_pose_ros.runtime.camera_input import CameraInput, camera_inputs
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
    model: PoseNetwork,
    rig: Rig,
    config: EstimatorConfig | None = None,
    device: str = "cpu",
    engine: str = "auto",
    delay_bins: int = 0,
    filters: FilterConfig | None = None,
    progress: Callable[[float], None] | None = None,
) -> dict[str, CameraPoses]:
    """Poses of every camera of the rig in a file of events of any known format.

    Camera `c` is read from the stream `/c/events`; one camera alone also from a file's only one.

    Args:
        delay_bins: how late each keyframe comes into force, in bins.
        filters: clean-up of the events, as in the nodes.
        progress: called with the share done, 0..1.

    Raises:
        RecordingError: the recording lacks a camera's topic or is damaged.
        CalibrationError: a sensor's size is not the calibrated one.
        EncodingError: the encoding of some events is not known.
    """
    crops = {name: camera.crop for name, camera in rig.cameras.items()}
    estimator = Estimator(model, crops, config, device, engine, delay_bins)
    inputs = camera_inputs(rig.cameras, filters)
    poses = {name: CameraPoses(one) for name, one in inputs.items()}
    alone = len(rig.cameras) == 1
    with open_packets(recording) as bag:
        topics = {camera_topic(bag, name, alone): name for name in rig.cameras}
        for packet in bag.packets(list(topics)):
            name = topics[packet.topic]
            decoded = inputs[name].decode(packet)
            if (refusal := inputs[name].refusal) is not None:
                raise refusal
            keyframes, updates = estimator.add_packet(name, decoded)
            poses[name].keyframes += keyframes
            poses[name].updates += updates
            if progress is not None:
                progress(bag.share)
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
