"""Events to network inputs: counts per pixel, polarity and time bin, on the crop's pooled grid.

The keyframe network sees the last N events of the crop in `bins` equal slices of the time from the
first of them to the keyframe; the spiking network sees the events of one bin. Edges never depend on
where packets were cut.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.events.crop import Crop


@njit(cache=True, nogil=True)
def _accumulate(t, x, y, p, t0, t1, x0, y0, side, size, bins, out):  # type: ignore[no-untyped-def]
    # Divisions cost more than all the rest: places are looked up, and a slot is left only when the
    # time is beyond its edges.
    cells = np.empty(side, np.int64)
    for place in range(side):
        cells[place] = place * size // side
    slot, begin, end = 0, t0, t0
    for i in range(t.size):
        column = np.int64(x[i]) - x0
        row = np.int64(y[i]) - y0
        if column < 0 or row < 0 or column >= side or row >= side:
            continue
        if t[i] < begin or t[i] >= end:
            if t[i] < t0 or t[i] >= t1:
                continue
            slot = (t[i] - t0) * bins // (t1 - t0)
            # The smallest times that are in this slot, and in the next one.
            begin = t0 - (-slot * (t1 - t0)) // bins
            end = t0 - (-(slot + 1) * (t1 - t0)) // bins
        channel = slot if p[i] == 0 else bins + slot
        out[channel, cells[row], cells[column]] += np.float32(1.0)


@njit(cache=True, nogil=True)
def _start_of_last(x, y, x0, y0, side, count):  # type: ignore[no-untyped-def]
    """Index of the first of the last `count` events inside the crop (0 if there are fewer)."""
    seen = 0
    for i in range(x.size - 1, -1, -1):
        column = np.int64(x[i]) - x0
        row = np.int64(y[i]) - y0
        if column >= 0 and row >= 0 and column < side and row < side:
            seen += 1
            if seen == count:
                return i
    return 0


def count_histogram(
    events: np.ndarray, crop: Crop, size: int, bins: int, t0_ns: int, t1_ns: int
) -> np.ndarray:
    """Event counts on a size x size grid over the crop.

    Args:
        events: EVENT_DTYPE; events outside the crop or outside [t0_ns, t1_ns) do not count.
        bins: equal time slices of [t0_ns, t1_ns).

    Returns:
        (2 * bins, size, size) float32: OFF slices 0..bins-1, then ON slices.
    """
    if t1_ns <= t0_ns:
        raise ValueError(f"the window must not be empty, got [{t0_ns}, {t1_ns}) ns")
    out = np.zeros((2 * bins, size, size), np.float32)
    _accumulate(
        events["t"], events["x"], events["y"], events["p"],
        t0_ns, t1_ns, crop.x, crop.y, crop.width, size, bins, out,
    )  # fmt: skip
    return out


def keyframe_input(
    events: np.ndarray, crop: Crop, size: int, bins: int, count: int, t_ns: int
) -> np.ndarray:
    """The keyframe network's input at time t_ns: the last `count` events of the crop before it.

    Args:
        events: EVENT_DTYPE sorted by time, all before t_ns, at least the last `count` of the crop.

    Returns:
        (2 * bins, size, size) float32 counts; zeros if there is no event.
    """
    if events.size == 0:
        return np.zeros((2 * bins, size, size), np.float32)
    first = _start_of_last(events["x"], events["y"], crop.x, crop.y, crop.width, count)
    window = events[first:]
    return count_histogram(window, crop, size, bins, int(window["t"][0]), t_ns)
