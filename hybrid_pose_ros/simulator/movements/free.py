"""Smooth random joint motion: poses that no catalogue holds, for training diversity."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hybrid_pose_ros.simulator.pose import PAIRS, Pose, resting, standing
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
    "forward": (-0.2, 0.2, 0.3),
    "left": (-0.2, 0.2, 0.3),
}


class _Wander:
    """One value that steps smoothly between random targets, sometimes standing still."""

    def __init__(self, rng: np.random.Generator, limits: tuple[float, float, float], rest: float):
        low, high, resting_share = limits
        moves = rng.lognormal(np.log(0.5), 0.45, _KNOTS)
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
    """Build a random motion of the whole body within the limits of its joints."""
    rest = resting(1)
    wanders = {
        name: [
            _Wander(rng, limits, float(np.ravel(getattr(rest, name))[0]))
            for _ in range(2 if name in PAIRS else 1)
        ]
        for name, limits in _LIMITS.items()
    }
    hops = _Wander(rng, (-0.3, 0.12, 0.5), 0.0)

    def pose_at(t: np.ndarray) -> Pose:
        pose = resting(len(t))
        for name, values in wanders.items():
            getattr(pose, name)[:] = np.stack([w(t) for w in values], axis=-1).reshape(
                getattr(pose, name).shape
            )
        pose.jump[:] = np.maximum(hops(t), 0.0)
        return pose

    return pose_at


def stand(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
    """Stand still; only the sway that every motion gets remains."""
    del rng
    return lambda t: standing(len(t))
