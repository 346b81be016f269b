"""Ground truth of a simulated recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.data.typestore import SKELETON_3D
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.skeleton import NUM_JOINTS

if TYPE_CHECKING:
    from pathlib import Path

TRUTH_TOPIC = "/ground_truth/skeleton"
TRUTH_PREFIX = "truth_"  # before the names of the joints in TF


def read_truth(path: str | Path, topic: str = TRUTH_TOPIC) -> tuple[np.ndarray, np.ndarray]:
    """True joint positions in a recording.

    Returns:
        t_ns: (n,) int64, ROS time (header stamps), in the order of the recording.
        xyz: (n, 13, 3) float64, metres in the world frame; NaN where unknown.

    Raises:
        RecordingError: if the recording cannot be read or has no such topic.
    """
    times, positions = [], []
    with open_recording(path) as recording:
        if topic not in recording.topics:
            raise RecordingError(
                f"{path} has no ground truth ({topic}) to judge poses by; take a recording that "
                "'hybrid_pose simulate' made, or play this one with 'hybrid_pose up --bag'"
            )
        for _, message in recording.messages(topic, SKELETON_3D):
            stamp = message.header.stamp
            times.append(stamp.sec * 1_000_000_000 + stamp.nanosec)
            positions.append(message.position)
    xyz = np.array(positions, np.float64).reshape(-1, NUM_JOINTS, 3)
    return np.array(times, np.int64), xyz
