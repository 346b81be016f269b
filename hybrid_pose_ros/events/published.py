"""The published event representations, for parity with the published checkpoints' inputs.

    histogram   bin = floor(bins (t - t_first) / (t_last - t_first)), clipped to bins - 1
    voxel grid  +-1 per event, shared linearly between the two nearest of `bins` instants

Edges are the first and last event of the slice, so both depend on how events are cut; streaming
uses `events/representation.py`. Where all events have one time, all fall into the first bin (the
published code divides by zero there).
"""

from __future__ import annotations

import numpy as np


def stacked_histogram(
    x: np.ndarray, y: np.ndarray, p: np.ndarray, t: np.ndarray, bins: int, height: int, width: int
) -> np.ndarray:
    """Event counts per bin, polarity and pixel.

    Args:
        x, y: (n,) pixels from 0.
        p: (n,) 0 or 1.
        t: (n,) times, sorted; any unit.

    Returns:
        (bins, 2, height, width) float32.

    Raises:
        ValueError: a pixel outside the sensor.
    """
    _check(x, y, height, width)
    index = np.minimum((bins * _phase(t)).astype(np.int64), bins - 1)
    out = np.zeros((bins, 2, height, width), np.float32)
    np.add.at(out, (index, p.astype(np.int64), y, x), 1.0)
    return out


def voxel_grid(
    x: np.ndarray, y: np.ndarray, p: np.ndarray, t: np.ndarray, bins: int, height: int, width: int,
    standardise: bool = True,
) -> np.ndarray:  # fmt: skip
    """Signed events, bilinear in time.

    Args:
        x, y, p, t: as in `stacked_histogram`.
        standardise: subtract the mean of the non-zeros and divide by their standard deviation.

    Returns:
        (bins, 1, height, width) float32.

    Raises:
        ValueError: a pixel outside the sensor.
    """
    _check(x, y, height, width)
    place = _phase(t) * (bins - 1)
    below = np.floor(place).astype(np.int64)
    sign = np.where(p > 0, 1.0, -1.0)
    out = np.zeros((bins, 1, height, width))
    for instant in (below, below + 1):
        inside = instant < bins
        share = sign * (1.0 - np.abs(place - instant))
        np.add.at(out, (instant[inside], 0, y[inside], x[inside]), share[inside])
    grid = out.astype(np.float32)
    filled = grid != 0
    if standardise and filled.any():
        values = grid[filled].astype(np.float64)
        spread = values.std(ddof=1) if values.size > 1 else 0.0
        grid[filled] = (values - values.mean()) / (spread if spread > 0 else 1.0)
    return grid


def _phase(t: np.ndarray) -> np.ndarray:
    """(n,) times from 0 at the first event to 1 at the last."""
    if t.size == 0:
        return np.zeros(0)
    duration = float(t[-1] - t[0])
    return (t - t[0]) / duration if duration > 0 else np.zeros(t.size)


def _check(x: np.ndarray, y: np.ndarray, height: int, width: int) -> None:
    for name, values, limit in (("x", x, width), ("y", y, height)):
        if values.size and (values.min() < 0 or values.max() >= limit):
            raise ValueError(
                f"{name} must lie in 0..{limit - 1}, got {values.min()}..{values.max()}"
            )
