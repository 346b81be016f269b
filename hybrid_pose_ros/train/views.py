"""What one camera saw of one recording: all that sequences are cut from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

TRUTH_PERIOD_NS = 10_000_000


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
    """A view whose events (EVENT_DTYPE) are in memory, as those of simulated clips are."""

    name: str
    events: np.ndarray
    uv: np.ndarray

    def between(self, t0_ns: int, t1_ns: int) -> np.ndarray:
        first, end = np.searchsorted(self.events["t"], [t0_ns, t1_ns])
        return self.events[first:end]

    def time_of(self, index: int) -> int | None:
        return int(self.events["t"][index]) if index < self.events.size else None
