"""Repetitions in time: where in which repetition an instant lies, with natural irregularity."""

from __future__ import annotations

import numpy as np

_REPETITIONS = 4096  # enough for an hour of the shortest movement


class Rhythm:
    """Repetitions whose lengths and sizes vary at random around a mean.

    Args:
        rng: source of the variation; the same generator state gives the same rhythm.
        period_s: mean length of a repetition.
        jitter: standard deviation of the logarithm of a repetition's length.
        spread: standard deviation of a repetition's size around 1.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        period_s: float,
        jitter: float = 0.07,
        spread: float = 0.06,
    ) -> None:
        tempo = rng.lognormal(0.0, 0.08)
        lengths = period_s * tempo * rng.lognormal(0.0, jitter, _REPETITIONS)
        self._starts = (
            np.concatenate([[0.0], np.cumsum(lengths)]) - rng.uniform(0.5, 1.5) * period_s
        )
        self._sizes = np.clip(rng.normal(1.0, spread, _REPETITIONS + 1), 0.75, 1.25)

    def phase(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Phase in 0..1 within the repetition and that repetition's size, each (n,)."""
        index = np.clip(np.searchsorted(self._starts, t, side="right") - 1, 0, _REPETITIONS - 1)
        start, end = self._starts[index], self._starts[index + 1]
        return np.clip((t - start) / (end - start), 0.0, 1.0), self._sizes[index]

    def angle(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Continuous angle in radians (2 pi per repetition) and smoothly varying size."""
        index = np.clip(np.searchsorted(self._starts, t, side="right") - 1, 0, _REPETITIONS - 1)
        phase, _ = self.phase(t)
        ease = smoothstep(phase)
        size = self._sizes[index] * (1.0 - ease) + self._sizes[index + 1] * ease
        return 2.0 * np.pi * (index + phase), size

    def bump(self, t: np.ndarray, rest: float = 0.12, rise: float = 0.5) -> np.ndarray:
        """0 -> size -> 0 once a repetition.

        Args:
            rest: share of the repetition spent at 0.
            rise: share of the remaining time that the way up takes.
        """
        phase, size = self.phase(t)
        x = np.clip(phase / (1.0 - rest), 0.0, 1.0)
        up = smoothstep(np.clip(x / rise, 0.0, 1.0))
        down = smoothstep(np.clip((1.0 - x) / (1.0 - rise), 0.0, 1.0))
        return size * np.minimum(up, down)


def smoothstep(x: np.ndarray) -> np.ndarray:
    """Minimum-jerk step from 0 to 1 for x in 0..1 (clipped)."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * x * (10.0 + x * (6.0 * x - 15.0))


def keyed(phase: np.ndarray, times: tuple[float, ...], values: tuple[float, ...]) -> np.ndarray:
    """Smooth steps through values at the given phases; constant before and after them."""
    out = np.full(np.shape(phase), float(values[0]))
    for i in range(1, len(times)):
        share = smoothstep((phase - times[i - 1]) / (times[i] - times[i - 1]))
        out += (values[i] - values[i - 1]) * share
    return out
