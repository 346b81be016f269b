"""What one camera saw of one recording: all that sequences are cut from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from hybrid_pose_ros.train.array_on_disk import ArrayOnDisk

TRUTH_PERIOD_NS = 10_000_000
STRIDE = 1024  # events between those whose times are kept in memory


class View(Protocol):
    """Events and true joints of one camera.

    Attributes:
        name: recording and camera.
        uv: (n, 13, 2) float32 true pixels of the sensor every 10 ms from time 0; NaN = unknown.
    """

    @property
    def name(self) -> str: ...

    @property
    def uv(self) -> np.ndarray: ...

    def between(self, t0_ns: int, t1_ns: int) -> np.ndarray:
        """EVENT_DTYPE with t0_ns <= t < t1_ns, in order."""
        ...

    def time_of(self, index: int) -> int | None:
        """Time in ns of the event of that number; None if there are fewer."""
        ...


@dataclass(frozen=True)
class ViewInMemory:
    """A view whose events (EVENT_DTYPE) are in memory."""

    name: str
    events: np.ndarray
    uv: np.ndarray

    def between(self, t0_ns: int, t1_ns: int) -> np.ndarray:
        first, end = np.searchsorted(self.events["t"], [t0_ns, t1_ns])
        return self.events[first:end]

    def time_of(self, index: int) -> int | None:
        return int(self.events["t"][index]) if index < self.events.size else None


@dataclass(frozen=True)
class ViewOnDisk:
    """A view whose events (EVENT_DTYPE) are read as they are needed, as simulated clips are."""

    name: str
    events: ArrayOnDisk
    uv: np.ndarray

    @cached_property
    def _times(self) -> np.ndarray:
        """Time of every STRIDE-th event."""
        return self.events[:]["t"][::STRIDE].copy()

    def between(self, t0_ns: int, t1_ns: int) -> np.ndarray:
        # The first of equal times may lie before an indexed one.
        first = max(0, int(np.searchsorted(self._times, t0_ns)) - 1) * STRIDE
        end = int(np.searchsorted(self._times, t1_ns)) * STRIDE
        events = self.events[first:end]
        first, end = np.searchsorted(events["t"], [t0_ns, t1_ns])
        return events[first:end]

    def time_of(self, index: int) -> int | None:
        return int(self.events[index : index + 1]["t"][0]) if index < len(self.events) else None
