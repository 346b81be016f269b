"""The compiled inner loops of `bones`: measuring limbs, and joints that fit their lengths."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def measure(
    xyz: np.ndarray, covariance: np.ndarray, limbs: np.ndarray, length: np.ndarray, var: np.ndarray
) -> None:
    """Lengths of limbs between uncertain joints, to second order; writes the last two arguments.

    Args:
        xyz: (J, 3) metres; NaN = unknown.
        covariance: (J, 3, 3) m^2.
        limbs: (L, 2) joints.
        length: (L,) m, without the excess that noise across a limb adds to its length; NaN.
        var: (L,) m^2.
    """
    for n in range(len(limbs)):
        i, j = limbs[n]
        unit = xyz[i] - xyz[j]
        raw = np.sqrt(unit[0] ** 2 + unit[1] ** 2 + unit[2] ** 2)
        length[n], var[n] = np.nan, np.nan
        if raw > 1e-6:
            unit /= raw
            along, total = 0.0, 0.0
            for a in range(3):
                total += covariance[i, a, a] + covariance[j, a, a]
                for b in range(3):
                    along += unit[a] * (covariance[i, a, b] + covariance[j, a, b]) * unit[b]
            across = (total - along) / raw
            length[n] = raw - 0.5 * across
            var[n] = along + 0.5 * across * across


@numba.njit(cache=True)
def condition(
    xyz: np.ndarray,
    joint: np.ndarray,
    limbs: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    gate: float,
) -> None:
    """Joints given that their limbs have known lengths, one limb after another.

    Args:
        xyz: (J, 3) metres; changed.
        joint: (3J, 3J) covariance of all joints, m^2; changed.
        limbs: (L, 2) joints.
        mean: (L,) lengths, m; NaN = unknown.
        variance: (L,) of the lengths, m^2.
        gate: a length further from its prediction than so many squared deviations is not used.
    """
    size = len(joint)
    ph = np.empty(size)
    for n in range(len(limbs)):
        i, j = limbs[n]
        unit = xyz[i] - xyz[j]
        raw = np.sqrt(unit[0] ** 2 + unit[1] ** 2 + unit[2] ** 2)
        if not (raw > 1e-6 and np.isfinite(mean[n])):
            continue
        unit /= raw
        total, along = 0.0, 0.0
        for r in range(size):
            ph[r] = 0.0
            for a in range(3):
                ph[r] += (joint[r, 3 * i + a] - joint[r, 3 * j + a]) * unit[a]
        for a in range(3):
            along += unit[a] * (ph[3 * i + a] - ph[3 * j + a])
            total += joint[3 * i + a, 3 * i + a] + joint[3 * j + a, 3 * j + a]
            total -= 2.0 * joint[3 * i + a, 3 * j + a]
        across = max(0.0, total - along) / raw
        innovation = mean[n] - raw - 0.5 * across
        spread = along + variance[n] + 0.5 * across * across
        if innovation * innovation > gate * spread:
            continue
        for r in range(size):
            xyz[r // 3, r % 3] += ph[r] * innovation / spread
        for r in range(size):
            for k in range(size):
                joint[r, k] -= ph[r] * ph[k] / spread


@numba.njit(cache=True)
def impossible(
    xyz: np.ndarray, limbs: np.ndarray, low: np.ndarray, high: np.ndarray, out: np.ndarray
) -> None:
    """Set out (J,) at both ends of limbs (L, 2) shorter than low (L,) or longer than high (L,)."""
    for n in range(len(limbs)):
        i, j = limbs[n]
        total = 0.0
        for a in range(3):
            total += (xyz[i, a] - xyz[j, a]) ** 2
        length = np.sqrt(total)
        if length < low[n] or length > high[n]:
            out[i] = True
            out[j] = True
