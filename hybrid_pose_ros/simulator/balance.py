"""What the rest of the body does while a limb moves: nobody lifts an arm or a leg like a doll.

A limb's mass that goes one way moves the trunk the other way, whether slowly (the centre of mass
must stay above the feet) or fast (momentum stays). Before a foot is lifted the weight goes over to
the other one. Masses: Winter, Biomechanics and Motor Control, table 4.1 (shares of the body).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hybrid_pose_ros.simulator.pose import OUTWARD, Pose, resting
from hybrid_pose_ros.simulator.rhythm import smoothstep

_UPPER_ARM, _FOREARM, _THIGH, _SHANK = 0.028, 0.022, 0.100, 0.061
_TRUNK = 0.578
_TRUNK_ARM_M = 0.33  # from the hips to the centre of mass of trunk and head
_HIPS_SHARE = 0.7  # of the answer that moves the hips; the rest tilts the trunk
_WEIGHT_SHARE = 0.75  # of the way to the standing foot that the hips go
_LIFTED_M = 0.12
# The weight begins to move before the foot does: times of the poses that are averaged.
_LEADS_S = (-0.15, -0.05, 0.05, 0.15, 0.25, 0.35)


def limb_offsets(pose: Pose) -> np.ndarray:
    """Centre of mass of the limbs (n, 2) to the front and left, in metres times the share."""
    out: np.ndarray = np.zeros(2)
    for flexion, abduction, bend, upper_m, lower_m, upper, lower in (
        (pose.arm_flexion, pose.arm_abduction, pose.elbow, 0.30, 0.30, _UPPER_ARM, _FOREARM),
        (pose.hip_flexion, pose.hip_abduction, -pose.knee, 0.43, 0.45, _THIGH, _SHANK),
    ):
        front = np.sin(flexion) * np.cos(abduction)
        side = np.sin(abduction) * OUTWARD
        tip = np.sin(flexion + bend) * np.cos(abduction)
        ahead = (0.43 * upper + lower) * upper_m * front + 0.5 * lower * lower_m * tip
        aside = ((0.43 * upper + lower) * upper_m + 0.5 * lower * lower_m * np.cos(bend)) * side
        out = out + np.stack([ahead.sum(axis=-1), aside.sum(axis=-1)], axis=-1)
    return out


def foot_height(pose: Pose) -> np.ndarray:
    """Height of each foot (n, 2) above the other one, of legs of average length."""
    reach = 0.43 * np.cos(pose.hip_flexion) + 0.41 * np.cos(pose.hip_flexion - pose.knee)
    reach = reach * np.cos(pose.hip_abduction)
    return np.asarray(reach.max(axis=-1, keepdims=True) - reach)


def balanced(part: Callable[[np.ndarray], Pose], t: np.ndarray) -> Pose:
    """The pose of `part` at times (n,) with the answer of the rest of the body."""
    pose = part(t)
    if not pose.balance.any():
        return pose
    moved = limb_offsets(pose) - limb_offsets(resting(1))
    weight = np.zeros(len(t))
    for lead in _LEADS_S:
        up = smoothstep(foot_height(part(t + lead)) / _LIFTED_M)
        weight += (up * -OUTWARD).sum(axis=-1) / len(_LEADS_S)
    tilt = (1.0 - _HIPS_SHARE) / (_TRUNK * _TRUNK_ARM_M)
    k = pose.balance
    pose.shift_forward += -k * _HIPS_SHARE * moved[:, 0]
    pose.shift_left += k * (_WEIGHT_SHARE * pose.stance * weight - _HIPS_SHARE * moved[:, 1])
    pose.lean += -k * tilt * moved[:, 0]
    pose.roll += -k * tilt * moved[:, 1]
    return pose
