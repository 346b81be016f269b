"""The body of REP 155: a frame in the middle of the hips, x where the person looks, z up."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.skeleton import INDEX

_HIPS = (INDEX["hip_right"], INDEX["hip_left"])
_SHOULDERS = (INDEX["shoulder_right"], INDEX["shoulder_left"])


def body_pose(xyz: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Where the body is and how it stands.

    The z axis is the world's; x is level, across the line from the right to the left hip (or of the
    shoulders, should the hips be above one another).

    Args:
        xyz: (13, 3) metres, world, z up.
        confidence: (13,); 0 = unknown.

    Returns:
        Position (3,) m and quaternion (4,) x, y, z, w; None where the hips are unknown.
    """
    if min(confidence[i] for i in _HIPS) <= 0:
        return None
    middle = xyz[list(_HIPS)].mean(axis=0)
    for right, left in (_HIPS, _SHOULDERS):
        to_left = xyz[left] - xyz[right]
        length = float(np.hypot(to_left[0], to_left[1]))
        if min(confidence[right], confidence[left]) > 0 and length > 1e-3:
            # Forward is left turned by a quarter to the right: yaw of x, not of y.
            yaw = np.arctan2(-to_left[0], to_left[1])
            return middle, np.array([0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2)])
    return None
