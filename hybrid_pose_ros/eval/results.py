"""What came out: the poses that a recorder wrote, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_pose_ros.data.bag import Recording, open_recording
from hybrid_pose_ros.skeleton import NUM_JOINTS


@dataclass(frozen=True)
class Updates:
    """The updates of one camera, one row each; those without their keyframe are left out.

    Attributes:
        keyframe, step: (n,) int64.
        sensor_ns, stamp_ns: (n,) end of the bin on the sensor's clock and in ROS time.
        uv: (n, 13, 2) absolute sensor pixels.
        covariance: (n, 13, 3) px^2: uu, uv, vv.
        confidence: (n, 13).
        spike_rate: (n,) share of neurons.
        synaptic_operations: (n,) int64.
        keyframes: how many keyframes came.
    """

    keyframe: np.ndarray
    step: np.ndarray
    sensor_ns: np.ndarray
    stamp_ns: np.ndarray
    uv: np.ndarray
    covariance: np.ndarray
    confidence: np.ndarray
    spike_rate: np.ndarray
    synaptic_operations: np.ndarray
    keyframes: int

    def __len__(self) -> int:
        return len(self.sensor_ns)


@dataclass(frozen=True)
class Skeletons:
    """The fused skeletons, one row each.

    Attributes:
        stamp_ns: (n,) ROS time that the pose describes.
        received_ns: (n,) wall time at which the recorder got it.
        xyz: (n, 13, 3) metres, NaN where unknown.
        confidence: (n, 13).
    """

    stamp_ns: np.ndarray
    received_ns: np.ndarray
    xyz: np.ndarray
    confidence: np.ndarray

    def __len__(self) -> int:
        return len(self.stamp_ns)


@dataclass(frozen=True)
class Results:
    """Everything that a recorder wrote: updates by camera, and skeletons."""

    updates: dict[str, Updates]
    skeletons: Skeletons


def read_results(path: Path, cameras: Sequence[str]) -> Results:
    """Read a bag that the recorder node wrote.

    Raises:
        RecordingError: the bag is missing, damaged, or not of the recorder.
    """
    with open_recording(path) as bag:
        return Results({name: _updates(bag, name) for name in cameras}, _skeletons(bag))


def _updates(bag: Recording, camera: str) -> Updates:
    keyframes = {m.keyframe: _table(m, "u", "v") for _, m in bag.messages(f"/{camera}/keyframe")}
    found = [m for _, m in bag.messages(f"/{camera}/update") if m.keyframe in keyframes]
    uv = [keyframes[m.keyframe] + _table(m, "du", "dv") for m in found]
    covariance = [_table(m, "covariance_uu", "covariance_uv", "covariance_vv") for m in found]
    return Updates(
        keyframe=np.array([m.keyframe for m in found], np.int64),
        step=np.array([m.step for m in found], np.int64),
        sensor_ns=np.array([m.sensor_time for m in found], np.int64),
        stamp_ns=np.array([_stamp_ns(m) for m in found], np.int64),
        uv=np.array(uv, np.float32).reshape(-1, NUM_JOINTS, 2),
        covariance=np.array(covariance, np.float32).reshape(-1, NUM_JOINTS, 3),
        confidence=np.array([m.confidence for m in found], np.float32).reshape(-1, NUM_JOINTS),
        spike_rate=np.array([m.spike_rate for m in found], np.float64),
        synaptic_operations=np.array([m.synaptic_operations for m in found], np.int64),
        keyframes=len(keyframes),
    )


def _skeletons(bag: Recording) -> Skeletons:
    rows = list(bag.messages("/skeleton"))
    return Skeletons(
        stamp_ns=np.array([_stamp_ns(m) for _, m in rows], np.int64),
        received_ns=np.array([t_ns for t_ns, _ in rows], np.int64),
        xyz=np.array([m.position for _, m in rows], np.float64).reshape(-1, NUM_JOINTS, 3),
        confidence=np.array([m.confidence for _, m in rows], np.float32).reshape(-1, NUM_JOINTS),
    )


def _table(message: Any, *columns: str) -> np.ndarray:
    return np.stack([np.asarray(getattr(message, name), np.float32) for name in columns], axis=1)


def _stamp_ns(message: Any) -> int:
    return message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
