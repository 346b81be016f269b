"""Lets through as many of a stream's messages as somebody needs."""

from __future__ import annotations


class Decimator:
    """Called with the time of each message: whether this one is due.

    Args:
        rate_hz: most messages a second, by their own stamps; 0 for all.
    """

    def __init__(self, rate_hz: float) -> None:
        self._period_ns = round(1e9 / rate_hz) if rate_hz > 0 else 0
        self._last_ns: int | None = None

    def __call__(self, t_ns: int) -> bool:
        # A stream whose clock went back starts anew.
        if self._last_ns is not None and 0 <= t_ns - self._last_ns < self._period_ns:
            return False
        self._last_ns = t_ns
        return True
