"""Events that no light caused: background activity and hot pixels."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.simulator.sensor import SensorModel


class NoiseSource:
    """Random events with a fixed rate of every pixel.

    Args:
        model: rates and their spread.
        width, height: pixels of the sensor.
        rng: draws the pixels' rates now and their events later.
    """

    def __init__(
        self, model: SensorModel, width: int, height: int, rng: np.random.Generator
    ) -> None:
        spread = model.noise_spread
        rates = model.noise_hz * rng.lognormal(-0.5 * spread**2, spread, width * height)
        if model.hot_pixels > 0:
            hot = rng.choice(width * height, model.hot_pixels, replace=False)
            rates[hot] += model.hot_pixel_hz
        self._rng = rng
        self._width = width
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
        events["p"] = rng.random(count) < 0.6  # leakage makes ON events more frequent
        return events
