"""The event camera: from radiance at a moment to ON and OFF events.

Each pixel follows the logarithm of its light through a first-order low-pass, and fires whenever
that has moved by its own threshold since the last event. Stamps are interpolated within a frame.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.simulator.pixels import respond


@dataclass(frozen=True)
class SensorModel:
    """Properties of an event sensor.

    Attributes:
        threshold_on, threshold_off: mean contrast threshold in log units.
        threshold_spread: standard deviation of the threshold over the pixels.
        time_constant_s: of the photoreceptor's low-pass on a mid-grey surface; 0 for none. It is
            inversely proportional to the light.
        refractory_s: dead time of a pixel after an event.
        noise_hz: mean rate of background events of a pixel that sees a mid-grey surface.
        leak_share: of that rate, ON events by leakage, whatever the light; the rest is shot noise
            of both polarities, more of it where it is dark.
        noise_spread: standard deviation of the logarithm of that rate over the pixels.
        hot_pixels: number of pixels that fire all the time, at hot_pixel_hz.
    """

    threshold_on: float = 0.17
    threshold_off: float = 0.17
    threshold_spread: float = 0.025
    time_constant_s: float = 0.003
    refractory_s: float = 0.0005
    noise_hz: float = 0.01
    leak_share: float = 0.25
    noise_spread: float = 1.0
    hot_pixels: int = 2
    hot_pixel_hz: float = 20.0

    def __post_init__(self) -> None:
        for name in ("threshold_on", "threshold_off"):
            if not 0.01 <= getattr(self, name) <= 5.0:
                raise ConfigError(f"{name} must be 0.01 to 5, got {getattr(self, name)}")
        for name in ("threshold_spread", "time_constant_s", "refractory_s", "noise_hz"):
            if not getattr(self, name) >= 0.0:
                raise ConfigError(f"{name} must not be negative, got {getattr(self, name)}")


DAVIS346 = SensorModel()
LOWEST = 0.3  # threshold of the most sensitive pixel, of the mean
PHASE = 0.5  # pixels begin up to so much of their threshold away from their last event


class EventSensor:
    """The pixels of one camera: thresholds drawn once, state carried from frame to frame.

    Args:
        model: sensor properties.
        first: (h, w) radiance to which the pixels are adapted.
        t_ns: time of the beginning.
        rng: draws the pixels' thresholds and phases.
    """

    def __init__(
        self, model: SensorModel, first: np.ndarray, t_ns: int, rng: np.random.Generator
    ) -> None:
        height, width = first.shape
        means = np.array([model.threshold_off, model.threshold_on])[:, None, None]
        thresholds = rng.normal(means, model.threshold_spread, (2, height, width))
        self.thresholds = np.maximum(thresholds, LOWEST * means).astype(np.float32)
        self.t_ns = int(t_ns)
        self._model = model
        self._state = np.full((4, height, width), -1.0, np.float32)
        self._last = np.full((height, width), self.t_ns - 10**9, np.int64)
        self._active = np.tile(np.array([width, 0], np.int32), (height, 1))
        everywhere = np.tile(np.array([0, width], np.int32), (height, 1))
        self._respond(first, everywhere, 0, math.inf, np.zeros(0, EVENT_DTYPE), 0)
        # Where between two events a pixel stands is random.
        phase = rng.uniform(-PHASE, PHASE, (height, width)) * self.thresholds.min(axis=0)
        self._state[3] = self._state[2] + phase.astype(np.float32)
        self._last[:] = self.t_ns - 10**9

    def see(
        self, image: np.ndarray, rows: np.ndarray, t_ns: int, events: np.ndarray, count: int
    ) -> int:
        """Show `image` until `t_ns` and append what the pixels fire to `events`.

        Args:
            image: (h, w) float32 radiance.
            rows: (h, 2) int32 first and one past the last column of each row that may differ
                from the last image.
            t_ns: end of the exposure; it begins where the last one ended.
            events: EVENT_DTYPE buffer; what does not fit is lost.
            count: events already in the buffer.

        Returns:
            The new count.
        """
        dt = int(t_ns) - self.t_ns
        count = self._respond(image, rows, dt, self._pace(dt), events, count)
        self.t_ns = int(t_ns)
        return count

    def _pace(self, dt_ns: int) -> float:
        constant = self._model.time_constant_s
        return dt_ns * 1e-9 / constant if constant > 0.0 else math.inf

    def _respond(
        self,
        image: np.ndarray,
        rows: np.ndarray,
        dt: int,
        pace: float,
        events: np.ndarray,
        count: int,
    ) -> int:
        return respond(
            image,
            rows,
            self.t_ns,
            dt,
            pace,
            int(self._model.refractory_s * 1e9),
            self._state,
            self._last,
            self.thresholds,
            self._active,
            events,
            count,
        )
