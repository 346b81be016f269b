"""A pose beside its prediction: the figures by which `camera_trust` judges, compiled."""

from __future__ import annotations

import numba
import numpy as np

# Beyond so many squared standard deviations, further is not worse.
_FAR = 25.0


@numba.njit(cache=True)
def examine(
    xyz: np.ndarray,
    projection: np.ndarray,
    uv: np.ndarray,
    covariance: np.ndarray,
    seen: np.ndarray,
    previous: np.ndarray,
    mirror: np.ndarray,
    out: np.ndarray,
) -> None:
    """Compare a pose with its prediction and with the pose before.

    Args:
        xyz: (J, 3) predicted joints, metres; NaN = unknown.
        projection: (3, 4).
        uv: (J, 2) pixels.
        covariance: (J, 3) px^2.
        seen: (J,) bool.
        previous: (J, 2) this camera's pixels before; NaN = missing.
        mirror: (J,) each joint's opposite; of joints in the middle, itself.
        out: (9,) written: median distance (u, v), how far joints are from that median, number of
            joints compared, how much better it fits mirrored, largest step of a coordinate since
            the pose before, median step (u, v), median length of the distance.
    """
    count, moved, better = 0, 0, 0.0
    off, steps = np.empty((len(uv), 2)), np.empty((len(uv), 2))
    for j in range(len(uv)):
        if not seen[j]:
            continue
        if np.isfinite(previous[j, 0]):
            steps[moved] = uv[j] - previous[j]
            moved += 1
        if not np.isfinite(xyz[j, 0]):
            continue
        u, v = _pixel(projection, xyz[j])
        off[count, 0], off[count, 1] = uv[j, 0] - u, uv[j, 1] - v
        other = mirror[j]
        if other != j and seen[other] and np.isfinite(xyz[other, 0]):
            variance = 0.5 * (covariance[j, 0] + covariance[j, 2])
            plain = off[count, 0] ** 2 + off[count, 1] ** 2
            u, v = _pixel(projection, xyz[other])
            swapped = (uv[j, 0] - u) ** 2 + (uv[j, 1] - v) ** 2
            better += min(plain / variance, _FAR) - min(swapped / variance, _FAR)
        count += 1
    out[:] = 0.0
    if count:
        out[0], out[1] = np.median(off[:count, 0]), np.median(off[:count, 1])
        out[2] = np.median(np.hypot(off[:count, 0] - out[0], off[:count, 1] - out[1]))
        out[8] = np.median(np.hypot(off[:count, 0], off[:count, 1]))
    out[3], out[4] = count, better
    out[5] = np.inf
    if moved:
        out[5] = np.abs(steps[:moved]).max()
        out[6], out[7] = np.median(steps[:moved, 0]), np.median(steps[:moved, 1])


@numba.njit(cache=True)
def _pixel(p: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    depth = p[2, 0] * x[0] + p[2, 1] * x[1] + p[2, 2] * x[2] + p[2, 3]
    u = p[0, 0] * x[0] + p[0, 1] * x[1] + p[0, 2] * x[2] + p[0, 3]
    v = p[1, 0] * x[0] + p[1, 1] * x[1] + p[1, 2] * x[2] + p[1, 3]
    return u / depth, v / depth
