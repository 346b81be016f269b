"""A motion is a pose at any time: a movement, or several in turn, done by one person.

Every motion carries the person's own posture, sway and breathing; the same movement, subject and
seed give the same motion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from hybrid_pose_ros.simulator.balance import balanced
from hybrid_pose_ros.simulator.movements.catalogue import Movement
from hybrid_pose_ros.simulator.pose import Pose, added, mixed, resting
from hybrid_pose_ros.simulator.rhythm import smoothstep
from hybrid_pose_ros.simulator.spring import eased

Motion = Callable[[np.ndarray], Pose]  # time in seconds (n,) -> pose

_BLEND_S = 0.7
_SWAY = 0.017  # metres and radians


def make_motion(movements: Sequence[Movement], subject: int, seed: int, seconds: float) -> Motion:
    """The motion of one person; several movements share the time equally and blend.

    Args:
        movements: one or more, in the order in which they are done.
        subject: number of the person; the same person keeps the same posture in all movements.
        seed: varies rhythm and sway.
        seconds: total time, used to divide it between the movements.
    """
    parts = []
    for position, movement in enumerate(movements):
        entropy = [seed, subject, movement.number, _text_number(movement.name), position]
        parts.append(movement.build(np.random.default_rng(entropy)))
    rng = np.random.default_rng([seed, subject, 7])
    posture = _posture(np.random.default_rng([subject, 11]))
    sway = _sway(rng)
    share = seconds / len(parts)

    def pose_at(t: np.ndarray) -> Pose:
        t = np.asarray(t, dtype=np.float64)
        # Parts that are over, or have not begun, need not be asked.
        edges = (np.array([t.min(), t.max()]) + _BLEND_S * np.array([-0.5, 0.5])) / share
        first, last = np.clip(np.floor(edges).astype(int), 0, len(parts) - 1)
        pose = _answered(parts[first], t)
        for i in range(first + 1, last + 1):
            weight = smoothstep((t - i * share) / _BLEND_S + 0.5)
            pose = mixed(pose, _answered(parts[i], t), weight)
        return added(pose, sway(t, posture))

    return pose_at


def _answered(part: Motion, t: np.ndarray) -> Pose:
    """What the limbs do, with the answer of the rest of the body."""
    return eased(partial(balanced, part), t)


def _text_number(text: str) -> int:
    return int.from_bytes(text.encode()[:8], "little")


def _posture(rng: np.random.Generator) -> Pose:
    """What makes one person stand differently from another; one row, to be added to a pose."""
    pose = _nothing(1)
    pose.arm_abduction += rng.normal(0.0, 0.05, (1, 2))
    pose.arm_flexion += rng.normal(0.0, 0.05, (1, 2))
    pose.elbow += rng.uniform(-0.1, 0.2, (1, 2))
    pose.arm_twist += rng.normal(0.0, 0.1, (1, 2))
    pose.hip_abduction += rng.uniform(-0.02, 0.06)
    pose.stance += rng.uniform(-0.03, 0.05)
    pose.lean += rng.normal(0.0, 0.02)
    pose.head_pitch += rng.normal(0.0, 0.06)
    return pose


def _nothing(count: int) -> Pose:
    zero = resting(count)
    return Pose(**{name: np.zeros_like(value) for name, value in vars(zero).items()})


def _sway(rng: np.random.Generator) -> Callable[[np.ndarray, Pose], Pose]:
    """Slow drift of the body above the feet, breathing and small turns of the head.

    Its size is that of CMU clip 02_05 (one person punching): while both feet stand, the hips
    drift by 13 and 12 mm (standard deviation, 0.15 to 1.5 Hz, sideways and forwards). That
    includes what belongs to the punches, so somebody who only stands may sway less.
    """
    slow = rng.uniform(0.2, 0.4, 8) * 2.0 * np.pi
    quick = rng.uniform(0.8, 1.3, 8) * 2.0 * np.pi
    shift = rng.uniform(0.0, 2.0 * np.pi, (3, 8))
    size = rng.uniform(0.7, 1.3, 8)
    place = rng.normal(0.0, (0.12, 0.04))  # two real people stood 0.4 m apart in depth
    heading = rng.normal(0.0, 0.03)

    def sway(t: np.ndarray, posture: Pose) -> Pose:
        pose = _nothing(len(t))
        for name, value in vars(posture).items():
            getattr(pose, name)[:] += value
        drift = np.sin(np.outer(t, slow) + shift[0]) + 0.35 * np.sin(np.outer(t, quick) + shift[1])
        drift = drift * size
        pose.forward += place[0]
        pose.left += place[1]
        pose.shift_forward += _SWAY * drift[:, 0]
        pose.shift_left += _SWAY * drift[:, 1]
        pose.lean += _SWAY * drift[:, 2]
        pose.roll += _SWAY * drift[:, 3]
        pose.yaw += 1.25 * _SWAY * drift[:, 4] + heading
        pose.twist += _SWAY * drift[:, 6]
        pose.head_yaw += 5.0 * _SWAY * drift[:, 5]
        pose.head_pitch += 2.0 * _SWAY * drift[:, 7]
        pose.arm_flexion += 2.0 * _SWAY * drift[:, [2, 4]]
        pose.arm_abduction += _SWAY * drift[:, [3, 6]]
        pose.breath += np.sin(0.8 * slow[0] * t + shift[2, 0])
        return pose

    return sway
