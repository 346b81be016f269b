"""The 13 points that DHP19 labels, placed on the bones of the simulated body."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.simulator.bones import Bones
from hybrid_pose_ros.simulator.pose import LEFT, OUTWARD, RIGHT
from hybrid_pose_ros.simulator.vectors import carried, unit

_UP = np.array([0.0, 0.0, 1.0])


def markers_of(bones: Bones) -> np.ndarray:
    """The 13 labelled points (n, 13, 3) in metres, in the order of `skeleton.JOINTS`.

    DHP19 labels are the centres of reflecting spheres on skin and clothes, not joints: on the
    crown, the acromion, the outside of the elbow, the front of the pelvis (iliac spine), above
    the knee cap, on the back of the wrist and on the shoe.
    """
    s = bones.lengths.unit
    out = OUTWARD[None, :, None] * bones.left[:, None]
    front, up = bones.front[:, None], bones.up[:, None]
    upper = unit(bones.elbow - bones.shoulder)
    fore = unit(bones.hand - bones.elbow)
    thigh = unit(bones.knee - bones.hip)
    # The outside of an arm goes up with it.
    aside, back = unit(carried(out, -up, upper)), unit(carried(out, -up, fore))
    knee_front = unit(front - thigh * np.sum(front * thigh, -1, keepdims=True) + 1e-6 * up)
    points = np.empty((len(bones.neck), 13, 3))
    points[:, 0] = bones.head + (0.140 * bones.head_up - 0.02 * bones.head_front) * s
    pairs = (
        (1, bones.shoulder + (0.085 * up + 0.025 * front + 0.005 * out) * s),
        (3, bones.elbow + (0.042 * aside - 0.045 * upper - 0.012 * front) * s),
        (5, bones.hip + (0.110 * up + 0.085 * front + 0.02 * out) * s),
        (7, bones.hand + (0.03 * back + 0.02 * fore + 0.012 * front) * s),
        (9, bones.knee + (0.056 * knee_front - 0.038 * thigh) * s),
        (11, bones.ankle + (0.155 * bones.toe_way - 0.004 * _UP) * s),
    )
    for first, pair in pairs:
        points[:, first] = pair[:, RIGHT]
        points[:, first + 1] = pair[:, LEFT]
    return points
