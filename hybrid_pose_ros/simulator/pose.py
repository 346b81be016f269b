"""Joint angles of the simulated body over time: what a motion produces and the body consumes."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

RIGHT, LEFT = 0, 1
# Outwards is -left for the right side and +left for the left side.
OUTWARD = np.array([-1.0, 1.0])
# People stand with their hips 62 +- 13 mm and their shoulders 38 +- 19 mm before the ankles
# (15 people; Woodhull et al., Eur. J. Appl. Physiol. 54, 1985); our trunk is upright.
_AHEAD = 0.05


@dataclass
class Pose:
    """Angles in radians and offsets in metres for n instants.

    Pairs are (n, 2) arrays with the columns RIGHT, LEFT; the others are (n,). Zero is a body that
    stands upright with limbs hanging straight down. Flexion lifts a limb forwards, abduction
    outwards. `arm_twist` turns the plane in which the elbow bends: 0 bends forwards, positive
    outwards and, with the arm held out sideways, up. `ankle` lifts the toes.
    """

    arm_flexion: np.ndarray
    arm_abduction: np.ndarray
    elbow: np.ndarray
    arm_twist: np.ndarray
    hip_flexion: np.ndarray
    hip_abduction: np.ndarray
    knee: np.ndarray
    ankle: np.ndarray
    yaw: np.ndarray  # whole body about the vertical, positive to its left
    twist: np.ndarray  # shoulders against the pelvis, positive to the left
    lean: np.ndarray  # trunk forwards
    roll: np.ndarray  # trunk to the left
    head_yaw: np.ndarray
    head_pitch: np.ndarray  # nodding, positive down
    forward: np.ndarray  # metres from the place of the subject
    left: np.ndarray
    shift_forward: np.ndarray  # metres of the pelvis from above the middle of the planted feet
    shift_left: np.ndarray
    jump: np.ndarray  # clearance of the lowest foot above the floor
    soft: np.ndarray  # 1: the hips rise and sink softly, see `spring`
    rise: np.ndarray  # metres of the hips above where that foot would have them
    breath: np.ndarray  # -1 .. 1
    planted: np.ndarray  # 1: the foot keeps its place on the floor while the angles do not lift it
    stride: np.ndarray  # metres of that place forwards
    aside: np.ndarray  # metres of that place to the left
    stance: np.ndarray  # metres from the middle to either planted ankle
    balance: np.ndarray  # 1: the rest of the body answers what the limbs do, see `balance`


PAIRS = frozenset(
    ("arm_flexion", "arm_abduction", "elbow", "arm_twist")
    + ("hip_flexion", "hip_abduction", "knee", "ankle", "planted", "stride", "aside")
)


def resting(count: int) -> Pose:
    """A relaxed upright pose, repeated `count` times; the feet go where the angles put them."""
    values = {
        field.name: np.zeros((count, 2) if field.name in PAIRS else count) for field in fields(Pose)
    }
    pose = Pose(**values)
    pose.arm_flexion += 0.05
    pose.arm_abduction += 0.12
    pose.elbow += 0.2
    pose.arm_twist -= 0.2
    pose.hip_flexion += 0.05
    pose.hip_abduction += 0.04
    pose.knee += 0.09
    pose.stance += 0.12
    return pose


def planted(count: int) -> Pose:
    """Upright on both feet, which keep their places while they are on the floor."""
    pose = resting(count)
    pose.planted += 1.0
    pose.shift_forward += _AHEAD
    return pose


def standing(count: int) -> Pose:
    """The relaxed pose of somebody who stands on both feet and keeps the balance."""
    pose = planted(count)
    pose.balance += 1.0
    return pose


def mixed(first: Pose, second: Pose, weight: np.ndarray) -> Pose:
    """(1 - weight) * first + weight * second; weight (n,) in 0..1."""
    values = {}
    for field in fields(Pose):
        a, b = getattr(first, field.name), getattr(second, field.name)
        w = weight[:, None] if field.name in PAIRS else weight
        values[field.name] = (1.0 - w) * a + w * b
    return Pose(**values)


def added(first: Pose, second: Pose) -> Pose:
    """Sum of all angles and offsets of two poses of equal length."""
    return Pose(**{f.name: getattr(first, f.name) + getattr(second, f.name) for f in fields(Pose)})
