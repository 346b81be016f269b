"""The 13 points that DHP19 labels, placed on the bones of the simulated body."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.simulator.bones import Bones, unit
from hybrid_pose_ros.simulator.pose import LEFT, OUTWARD, RIGHT

_UP = np.array([0.0, 0.0, 1.0])


def markers_of(bones: Bones) -> np.ndarray:
    """The 13 labelled points (n, 13, 3) in metres, in the order of `skeleton.JOINTS`.

    DHP19 labels are markers on the skin, not centres of joints; the offsets are those that a
    network trained on its recordings expects.
    """
    s = bones.lengths.unit
    out = OUTWARD[None, :, None] * bones.left[:, None]
    front, up = bones.front[:, None], bones.up[:, None]
    upper = unit(bones.elbow - bones.shoulder)
    thigh = unit(bones.knee - bones.hip)
    knee_front = unit(front - thigh * np.sum(front * thigh, -1, keepdims=True) + 1e-6 * up)
    points = np.empty((len(bones.neck), 13, 3))
    points[:, 0] = bones.head + (0.137 * bones.head_up - 0.02 * bones.head_front) * s
    pairs = (
        (1, bones.shoulder + (0.083 * up + 0.025 * front + 0.005 * out) * s),
        (3, bones.elbow - (0.062 * upper + 0.02 * front) * s),
        (5, bones.hip + (0.11 * up + 0.078 * front + 0.016 * out) * s),
        (7, bones.hand + (0.022 * front + 0.025 * out + 0.015 * up) * s),
        (9, bones.knee + (0.036 * knee_front - 0.042 * thigh) * s),
        (11, bones.ankle + (0.172 * bones.toe_way + 0.004 * _UP) * s),
    )
    for first, pair in pairs:
        points[:, first] = pair[:, RIGHT]
        points[:, first + 1] = pair[:, LEFT]
    return points
