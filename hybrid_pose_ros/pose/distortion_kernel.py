"""The numbers behind `distortion.Distortion`, compiled: bending a few points must cost nothing."""

from __future__ import annotations

import numba
import numpy as np

_STEPS = 60
_EXACT = 1e-13  # of a direction, about 1e-10 px


@numba.njit(cache=True)
def _radial(fisheye: bool, k: np.ndarray, square: float) -> tuple[float, float]:
    """Factor g of the radius, and its derivative by the squared radius."""
    if not fisheye:
        n = 1.0 + square * (k[0] + square * (k[1] + square * k[4]))
        d = 1.0 + square * (k[5] + square * (k[6] + square * k[7]))
        dn = k[0] + square * (2.0 * k[1] + square * 3.0 * k[4])
        dd = k[5] + square * (2.0 * k[6] + square * 3.0 * k[7])
        return n / d, (dn * d - n * dd) / (d * d)
    if square < 1e-10:
        return 1.0 + square * (k[0] - 1.0 / 3.0), k[0] - 1.0 / 3.0
    radius = np.sqrt(square)
    angle = np.arctan(radius)
    a = angle * angle
    bent = angle * (1.0 + a * (k[0] + a * (k[1] + a * (k[2] + a * k[3]))))
    growth = 1.0 + a * (3.0 * k[0] + a * (5.0 * k[1] + a * (7.0 * k[2] + a * 9.0 * k[3])))
    factor = bent / radius
    return factor, (growth / (1.0 + square) - factor) / (2.0 * square)


@numba.njit(cache=True)
def _bend_point(fisheye: bool, k: np.ndarray, x: float, y: float, out: np.ndarray) -> None:
    """Write to out (6,): x', y', and their derivatives dx'/dx, dx'/dy, dy'/dx, dy'/dy."""
    g, dg = _radial(fisheye, k, x * x + y * y)
    p1 = 0.0 if fisheye else k[2]
    p2 = 0.0 if fisheye else k[3]
    out[0] = x * g + 2.0 * p1 * x * y + p2 * (3.0 * x * x + y * y)
    out[1] = y * g + p1 * (x * x + 3.0 * y * y) + 2.0 * p2 * x * y
    out[2] = g + 2.0 * x * x * dg + 2.0 * p1 * y + 6.0 * p2 * x
    out[3] = 2.0 * x * y * dg + 2.0 * p1 * x + 2.0 * p2 * y
    out[4] = out[3]
    out[5] = g + 2.0 * y * y * dg + 6.0 * p1 * y + 2.0 * p2 * x


@numba.njit(cache=True)
def bend(
    fisheye: bool, k: np.ndarray, reach: float, xy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Straight (n, 2) to bent (n, 2) directions with derivative (n, 4); NaN beyond reach."""
    moved = np.full(xy.shape, np.nan)
    slope = np.full((len(xy), 4), np.nan)
    out = np.empty(6)
    for i in range(len(xy)):
        x, y = xy[i, 0], xy[i, 1]
        if x * x + y * y <= reach * reach:  # False for NaN
            _bend_point(fisheye, k, x, y, out)
            moved[i] = out[:2]
            slope[i] = out[2:]
    return moved, slope


@numba.njit(cache=True)
def _straight_radius(fisheye: bool, k: np.ndarray, reach: float, bent: float) -> float:
    """Radius that the radial part bends to `bent`: Newton's method kept inside a bracket."""
    low, high = 0.0, min(max(1.0, bent), reach)
    while high < reach and high * _radial(fisheye, k, high * high)[0] < bent and high < 1e6:
        low, high = high, min(2.0 * high, reach)
    radius = 0.5 * (low + high)
    for _ in range(_STEPS):
        g, dg = _radial(fisheye, k, radius * radius)
        miss = radius * g - bent
        if abs(miss) < _EXACT:
            break
        if miss > 0.0:
            high = radius
        else:
            low = radius
        growth = g + 2.0 * radius * radius * dg
        step = radius - miss / growth if growth > 0.0 else low
        radius = step if low < step < high else 0.5 * (low + high)
    return radius


@numba.njit(cache=True)
def unbend(
    fisheye: bool, k: np.ndarray, reach: float, xy: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bent (n, 2) to straight (n, 2) directions with the derivative of `bend` there (n, 4)."""
    moved = np.full(xy.shape, np.nan)
    slope = np.full((len(xy), 4), np.nan)
    out = np.empty(6)
    for i in range(len(xy)):
        u, v = xy[i, 0], xy[i, 1]
        bent = np.sqrt(u * u + v * v)
        if not bent < np.inf:
            continue
        factor = _straight_radius(fisheye, k, reach, bent) / bent if bent > 0.0 else 0.0
        x, y = u * factor, v * factor
        for _ in range(_STEPS):  # the tangential part; without it the first step is the last
            _bend_point(fisheye, k, x, y, out)
            eu, ev = u - out[0], v - out[1]
            determinant = out[2] * out[5] - out[3] * out[4]
            if eu * eu + ev * ev < _EXACT * _EXACT or determinant <= 0.0:
                break
            x += (out[5] * eu - out[3] * ev) / determinant
            y += (out[2] * ev - out[4] * eu) / determinant
        _bend_point(fisheye, k, x, y, out)
        close = abs(u - out[0]) + abs(v - out[1]) < 1e-9
        if close and x * x + y * y <= reach * reach:
            moved[i, 0], moved[i, 1] = x, y
            slope[i] = out[2:]
    return moved, slope


@numba.njit(cache=True)
def straighten_covariance(
    slope: np.ndarray, focal: np.ndarray, unfocus: np.ndarray, covariance: np.ndarray
) -> np.ndarray:
    """Covariances of pixels carried from the bent to the straight image.

    Args:
        slope: (n, 4) derivative of `bend` at each pixel's straight direction.
        focal: (>= 2, >= 2) intrinsics, directions to pixels.
        unfocus: (2, 2) inverse of their upper left part.
        covariance: (n, 3) px^2: var(u), cov(u, v), var(v).

    Returns:
        (n, 3) px^2; NaN where the slope is.
    """
    out = np.empty((len(slope), 3))
    for i in range(len(slope)):
        a, b, c, d = slope[i]
        # Pixels follow from pixels by K J^-1 K^-1.
        determinant = a * d - b * c
        p, q = (focal[0, 0] * d - focal[0, 1] * c), (focal[0, 1] * a - focal[0, 0] * b)
        r, s = (focal[1, 0] * d - focal[1, 1] * c), (focal[1, 1] * a - focal[1, 0] * b)
        m00 = (p * unfocus[0, 0] + q * unfocus[1, 0]) / determinant
        m01 = (p * unfocus[0, 1] + q * unfocus[1, 1]) / determinant
        m10 = (r * unfocus[0, 0] + s * unfocus[1, 0]) / determinant
        m11 = (r * unfocus[0, 1] + s * unfocus[1, 1]) / determinant
        uu, uv, vv = covariance[i]
        out[i, 0] = m00 * m00 * uu + 2.0 * m00 * m01 * uv + m01 * m01 * vv
        out[i, 1] = m00 * m10 * uu + (m00 * m11 + m01 * m10) * uv + m01 * m11 * vv
        out[i, 2] = m10 * m10 * uu + 2.0 * m10 * m11 * uv + m11 * m11 * vv
    return out
