"""The last bins of one stream, for networks that see some of them again (`PoseNetwork.delays`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np


class RecentBins:
    """As many bins as the longest delay; what has not been seen counts as empty."""

    def __init__(self, delays: tuple[int, ...], input_size: int) -> None:
        self.delays = delays
        self._empty = np.zeros((2, input_size, input_size), np.float32)
        self.start([])

    def start(self, before: Sequence[np.ndarray]) -> None:
        """Begin after these bins (2, S, S), the newest last."""
        self._bins = deque([self._empty] * self.delays[-1], maxlen=self.delays[-1])
        self._bins.extend(np.ascontiguousarray(bins, np.float32) for bins in before)

    def seen_with(self, counts: np.ndarray) -> list[np.ndarray]:
        """What a step sees: this bin, then those of the delays; each (2, S, S), contiguous."""
        return [self._bins[-delay] if delay else counts for delay in self.delays]

    def add(self, counts: np.ndarray) -> None:
        """A bin is over."""
        if self.delays[-1]:
            self._bins.append(counts.copy())

    def newest_first(self) -> np.ndarray:
        """(2 n, S, S) all that are kept."""
        return np.concatenate([self._empty[:0], *reversed(self._bins)])
