"""From a pose's angles to directions: the axes of the trunk, of limbs and of the legs' parts."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.simulator.legs import Legs
from hybrid_pose_ros.simulator.lengths import Lengths
from hybrid_pose_ros.simulator.pose import OUTWARD, Pose
from hybrid_pose_ros.simulator.vectors import turned, unit

_HEADING = -0.5 * np.pi  # world angle of "forward"
FRONT = np.array([np.cos(_HEADING), np.sin(_HEADING), 0.0])
LEFT = np.array([-np.sin(_HEADING), np.cos(_HEADING), 0.0])
_UP = np.array([0.0, 0.0, 1.0])


def limb(flexion: np.ndarray, abduction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Axis of a limb, its forward and its outward normal; (n, 2, 3) in (front, left, up)."""
    sf, cf, sa, ca = np.sin(flexion), np.cos(flexion), np.sin(abduction), np.cos(abduction)
    zero = np.zeros_like(sf)
    axis = np.stack([sf * ca, OUTWARD * sa, -cf * ca], axis=-1)
    forward = np.stack([cf, zero, sf], axis=-1)
    outward = np.stack([-sf * sa, OUTWARD * ca, cf * sa], axis=-1)
    return axis, forward, outward


def pelvis_of(pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Axes (n, 3, 3) with the rows front, left, up: level ones, and those of the leaning pelvis."""
    heading = _HEADING + pose.yaw
    zero = np.zeros_like(heading)
    front0 = np.stack([np.cos(heading), np.sin(heading), zero], axis=-1)
    left0 = np.stack([-np.sin(heading), np.cos(heading), zero], axis=-1)
    level = np.stack([front0, left0, np.broadcast_to(_UP, front0.shape)], axis=-2)
    up = unit(front0 * np.sin(pose.lean)[:, None] + left0 * np.sin(pose.roll)[:, None] + _UP)
    front = unit(front0 - up * np.sum(front0 * up, -1, keepdims=True))
    return level, np.stack([front, np.cross(up, front), up], axis=-2)


def legs_of(pose: Pose, size: Lengths, level: np.ndarray, pelvis: np.ndarray) -> Legs:
    """The legs as the angles have them, for axes as `pelvis_of` gives them."""
    thigh, forward, _ = limb(pose.hip_flexion, pose.hip_abduction)
    shank = turned(thigh, -forward, pose.knee)
    # The foot is square to the shank and turned out.
    ahead = turned(turned(forward, thigh, pose.knee), -shank, pose.ankle)
    toes = unit(ahead + [0.0, 0.15, 0.0] * OUTWARD[:, None])
    return Legs(
        thigh=thigh @ level,
        shank=shank @ level,
        toes=toes @ level,
        knee_front=forward @ level,
        sides=OUTWARD[None, :, None] * pelvis[:, None, 1] * size.hip_half,
        thigh_m=size.thigh,
        shank_m=size.shank,
        ankle_m=size.ankle,
        unit=size.unit,
    )
