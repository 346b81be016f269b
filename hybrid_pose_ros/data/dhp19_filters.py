"""The filters that DHP19's own scripts run over its events.

All cameras are taken as one wide picture, 346 columns each, whose pixels count from 1: so do the
scripts (github.com/SensorsINI/DHP19, generate_DHP19), and so are the lamps' places given.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.pose.rig import DHP19_HEIGHT, DHP19_WIDTH

HOT_EVENTS = 10_000  # a pixel with so many in one recording is hot
SUPPORT_NS = 70_000_000
# Infrared lamps of the motion capture: columns and rows between which (excluded) nothing is kept.
LAMPS = ((780, 810, 115, 145), (1252, 1259, 136, 144))


def keep(events: np.ndarray, camera: np.ndarray, cameras: int) -> np.ndarray:
    """Which events (n,) bool remain after all three filters, run one after the other.

    Args:
        events: EVENT_DTYPE sorted by time, pixels from 0.
        camera: (n,) number of the camera of each.
        cameras: how many there are.
    """
    x = camera.astype(np.int64) * DHP19_WIDTH + events["x"] + 1
    y = events["y"].astype(np.int64) + 1
    width = cameras * DHP19_WIDTH
    kept = ~hot(x, y, width)
    kept[kept] = supported(x[kept], y[kept], events["t"][kept], width)
    return kept & ~lit(x, y)


def hot(x: np.ndarray, y: np.ndarray, width: int) -> np.ndarray:
    """Events (n,) bool of pixels that have too many."""
    pixel = (y - 1) * width + (x - 1)
    counts = np.bincount(pixel, minlength=width * DHP19_HEIGHT)
    return counts[pixel] >= HOT_EVENTS


def supported(x: np.ndarray, y: np.ndarray, t: np.ndarray, width: int) -> np.ndarray:
    """Events (n,) bool of which one of the 8 neighbours fired within the last 70 ms.

    Pixels at the border of the wide picture support nobody, as in the scripts.
    """
    latest = np.full((DHP19_HEIGHT + 1, width + 1), -SUPPORT_NS - 1, np.int64)
    return _supported(x, y, t, latest)


@njit(cache=True)
def _supported(x: np.ndarray, y: np.ndarray, t: np.ndarray, latest: np.ndarray) -> np.ndarray:
    out = np.empty(len(t), np.bool_)
    height, width = latest.shape[0] - 1, latest.shape[1] - 1
    for i in range(len(t)):
        u, v = x[i], y[i]
        out[i] = t[i] - latest[v, u] <= SUPPORT_NS
        if 1 < u < width and 1 < v < height:
            own = latest[v, u]  # a pixel does not support itself
            latest[v - 1 : v + 2, u - 1 : u + 2] = t[i]
            latest[v, u] = own
    return out


def lit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Events (n,) bool of the infrared lamps."""
    out = np.zeros(len(x), bool)
    for left, right, top, bottom in LAMPS:
        out |= (x > left) & (x < right) & (y > top) & (y < bottom)
    return out
