"""How many events there were over time, in few bins, without knowing the length beforehand."""

from __future__ import annotations

import numpy as np

_FIRST_BIN_NS = 1_000_000
_MOST_BINS = 64


class RateHistogram:
    """Counts of events in equal bins of time from the first event on; the bins double as needed.

    Attributes:
        bin_ns: length of a bin.
        start_ns: time of the first event; None before it.
    """

    def __init__(self) -> None:
        self.bin_ns = _FIRST_BIN_NS
        self.start_ns: int | None = None
        self._counts = np.zeros(_MOST_BINS, np.int64)
        self._last = 0

    def add(self, times_ns: np.ndarray) -> None:
        """Count events; those before the first one seen go to the first bin."""
        if not len(times_ns):
            return
        if self.start_ns is None:
            self.start_ns = int(times_ns[0])
        elapsed = np.maximum(times_ns - self.start_ns, 0)
        latest = int(elapsed.max())
        while latest >= _MOST_BINS * self.bin_ns:
            pairs = self._counts.reshape(-1, 2).sum(1)
            self._counts = np.concatenate([pairs, np.zeros(len(pairs), np.int64)])
            self.bin_ns *= 2
            self._last //= 2
        self._counts += np.bincount(elapsed // self.bin_ns, minlength=_MOST_BINS)
        self._last = max(self._last, latest // self.bin_ns)

    def per_second(self) -> list[float]:
        """Events per second in every bin up to the last event."""
        if self.start_ns is None:
            return []
        return (self._counts[: self._last + 1] * (1e9 / self.bin_ns)).tolist()
