"""Smooth random joint motion: poses that no catalogue holds, for training diversity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hybrid_pose_ros.simulator.movements.jumps import Hops, crouched
from hybrid_pose_ros.simulator.movements.places import Places
from hybrid_pose_ros.simulator.pose import PAIRS, Pose, standing
from hybrid_pose_ros.simulator.rhythm import smoothstep

_KNOTS = 2048
# lowest, highest value and share of the targets that are the resting pose
_LIMITS = {
    "arm_flexion": (-0.6, 2.6, 0.25),
    "arm_abduction": (-0.1, 1.9, 0.25),
    "elbow": (0.02, 2.2, 0.25),
    "arm_twist": (-0.8, 1.4, 0.25),
    "hip_flexion": (-0.35, 1.2, 0.55),
    "hip_abduction": (-0.02, 0.55, 0.6),
    "knee": (0.02, 1.4, 0.55),
    "ankle": (-0.3, 0.3, 0.6),
    "yaw": (-0.4, 0.4, 0.4),
    "twist": (-0.35, 0.35, 0.4),
    "lean": (-0.12, 0.45, 0.5),
    "roll": (-0.22, 0.22, 0.5),
    "head_yaw": (-0.7, 0.7, 0.5),
    "head_pitch": (-0.3, 0.45, 0.5),
}
_LEGS = ("hip_flexion", "hip_abduction", "knee", "ankle")
_REACH_M = 0.2
_FADE_S = 0.5  # in which the legs come down before a step


class _Wander:
    """One value that steps smoothly between random targets, sometimes standing still."""

    def __init__(
        self,
        rng: np.random.Generator,
        limits: tuple[float, float, float],
        rest: float,
        pace_s: float = 0.5,
    ):
        low, high, resting_share = limits
        moves = rng.lognormal(np.log(pace_s), 0.45, _KNOTS)
        holds = np.where(rng.random(_KNOTS) < 0.25, rng.uniform(0.1, 1.0, _KNOTS), 0.0)
        ends = np.cumsum(moves + holds)
        self._starts = np.concatenate([[0.0], ends]) - rng.uniform(1.0, 2.0)
        self._moves = moves
        targets = rng.uniform(low, high, _KNOTS + 1)
        self._targets = np.where(rng.random(_KNOTS + 1) < resting_share, rest, targets)

    def __call__(self, t: np.ndarray) -> np.ndarray:
        index = np.clip(np.searchsorted(self._starts, t, side="right") - 1, 0, _KNOTS - 1)
        share = smoothstep((t - self._starts[index]) / self._moves[index])
        return self._targets[index] * (1.0 - share) + self._targets[index + 1] * share


def free(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
    """Build a random motion of the whole body within the limits of its joints.

    A foot that is down keeps its place; to get to another one the person steps, with legs that
    do nothing else meanwhile. One leg at a time is lifted; both bend. Now and then there is a hop.
    """
    rest = standing(1)
    wanders = {
        name: [
            _Wander(
                rng, limits, float(np.ravel(getattr(rest, name))[0]), 0.8 if name in _LEGS else 0.5
            )
            for _ in range(2 if name in PAIRS else 1)
        ]
        for name, limits in _LIMITS.items()
    }
    turns, bends = _Wander(rng, (-1.0, 1.0, 0.4), 0.0, 1.3), _Wander(rng, (0.0, 0.5, 0.5), 0.0, 0.8)
    places, hops = Places(rng, _REACH_M), Hops(rng)

    def pose_at(t: np.ndarray) -> Pose:
        pose, footing = standing(len(t)), places(t, _FADE_S)
        pose.soft += 1.0
        turn = turns(t)[:, None] * np.array([-1.0, 1.0])
        lifted = footing.calm[:, None] * smoothstep(1.25 * turn)  # never both
        for name, values in wanders.items():
            column = getattr(pose, name)
            wanted = np.stack([w(t) for w in values], axis=-1).reshape(column.shape)
            column += (lifted if name in _LEGS else 1.0) * (wanted - column)
        crouched(pose, footing.calm * bends(t))
        pose.forward += footing.body[:, 0]
        pose.left += footing.body[:, 1]
        pose.stride += footing.feet[..., 0] - footing.body[:, :1]
        pose.aside += footing.feet[..., 1] - footing.body[:, 1:]
        pose.hip_flexion += 0.6 * footing.swing
        pose.knee += 0.9 * footing.swing
        pose.ankle += 0.3 * footing.swing  # the sole stays level
        hops.add(pose, t)
        return pose

    return pose_at


def stand(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
    """Stand still; only the sway that every motion gets remains."""
    del rng
    return lambda t: standing(len(t))
