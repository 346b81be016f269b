"""Events that no light caused: background activity and hot pixels."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.simulator.pixels import DARK, REFERENCE
from hybrid_pose_ros.simulator.sensor import SensorModel


class NoiseSource:
    """Random events with a fixed rate of every pixel: leakage and shot noise.

    Args:
        model: rates and their spread.
        light: (h, w) radiance that the pixels see while nothing moves.
        rng: draws the pixels' rates now and their events later.
    """

    def __init__(self, model: SensorModel, light: np.ndarray, rng: np.random.Generator) -> None:
        self._height, self._width = light.shape
        spread = model.noise_spread
        leak = model.noise_hz * model.leak_share
        # Shot noise grows with the inverse root of the photocurrent.
        dark = np.sqrt((REFERENCE + DARK) / (light.ravel() + DARK))
        shot = model.noise_hz * (1.0 - model.leak_share) * dark
        rates = (leak + shot) * rng.lognormal(-0.5 * spread**2, spread, light.size)
        self._on = ((leak + 0.5 * shot) / np.maximum(leak + shot, 1e-12)).astype(np.float32)
        if model.hot_pixels > 0:
            hot = rng.choice(light.size, model.hot_pixels, replace=False)
            rates[hot] += model.hot_pixel_hz
        self._rng = rng
        self._sums = np.cumsum(rates)

    def between(self, t0_ns: int, t1_ns: int) -> np.ndarray:
        """Events of the time t0..t1, EVENT_DTYPE, not sorted."""
        rng, total = self._rng, float(self._sums[-1])
        count = rng.poisson(total * (t1_ns - t0_ns) * 1e-9)
        events = np.zeros(count, EVENT_DTYPE)
        pixel = np.searchsorted(self._sums, rng.random(count) * total, side="right")
        pixel = np.minimum(pixel, len(self._sums) - 1)
        events["t"] = rng.integers(t0_ns, t1_ns, count) if count else 0
        events["x"] = pixel % self._width
        events["y"] = pixel // self._width
        events["p"] = rng.random(count) < self._on[pixel]
        return events
