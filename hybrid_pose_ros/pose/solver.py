"""One point from several pixels: the compiled inner loops of `triangulation` and `kalman`.

Plain loops over a handful of views are both shorter and ten times faster than numpy here, where
the arrays are tiny. Metres and pixels throughout; measurements are weighed by whitening them with
the inverse Cholesky factor of their covariance. All functions that call each other are in this one
file because numba's cache does not notice a change in another file.
"""

from __future__ import annotations

import numba
import numpy as np

# 99.9 % quantiles of the chi-square distribution for 1, 2, 3, ... degrees of freedom.
CHI2_999 = np.array(
    [10.828, 13.816, 16.266, 18.467, 20.515, 22.458, 24.322, 26.125, 27.877, 29.588, 31.264]
    + [32.909, 34.528, 36.123, 37.697, 39.252, 40.790, 42.312, 43.820, 45.315]
)
_STEPS = 10
_CONVERGED_M = 1e-8


@numba.njit(cache=True)
def whiten(covariance: np.ndarray, factor: np.ndarray) -> bool:
    """Inverse Cholesky factor of one 2 x 2 covariance; False if it is not positive definite.

    Args:
        covariance: (3,) var(u), cov(u, v), var(v).
        factor: (3,) written: a, b, c of the lower triangle [[a, 0], [b, c]].
    """
    uu, uv, vv = covariance[0], covariance[1], covariance[2]
    if not (0.0 < uu < np.inf and 0.0 < vv < np.inf and abs(uv) < np.inf):
        return False
    rest = vv - uv * uv / uu
    if not rest > 0.0:
        return False
    factor[0] = 1.0 / np.sqrt(uu)
    factor[2] = 1.0 / np.sqrt(rest)
    factor[1] = -uv / uu * factor[2]
    return True


@numba.njit(cache=True)
def invert3(m: np.ndarray, out: np.ndarray) -> bool:
    """Inverse of a symmetric 3 x 3 matrix by cofactors; False if it is not positive definite."""
    out[0, 0] = m[1, 1] * m[2, 2] - m[1, 2] * m[1, 2]
    out[0, 1] = m[0, 2] * m[1, 2] - m[0, 1] * m[2, 2]
    out[0, 2] = m[0, 1] * m[1, 2] - m[0, 2] * m[1, 1]
    determinant = m[0, 0] * out[0, 0] + m[0, 1] * out[0, 1] + m[0, 2] * out[0, 2]
    scale = m[0, 0] * m[1, 1] * m[2, 2]
    if not (determinant > 1e-13 * scale and scale > 0.0):
        return False
    out[1, 1] = m[0, 0] * m[2, 2] - m[0, 2] * m[0, 2]
    out[1, 2] = m[0, 1] * m[0, 2] - m[0, 0] * m[1, 2]
    out[2, 2] = m[0, 0] * m[1, 1] - m[0, 1] * m[0, 1]
    for i in range(3):
        for j in range(i, 3):
            out[i, j] /= determinant
            out[j, i] = out[i, j]
    return True


@numba.njit(cache=True)
def pixel_rows(
    projection: np.ndarray, uv: np.ndarray, factor: np.ndarray, xyz: np.ndarray, rows: np.ndarray
) -> float:
    """Linearise one view at a point.

    Args:
        projection: (3, 4) with the third row giving depth in metres.
        uv: (2,) measured pixel.
        factor: (3,) whitening factor of the measurement.
        xyz: (3,) point.
        rows: (2, 4) written: whitened derivative of the pixel by x, y, z | whitened residual.

    Returns:
        The depth of the point, m.
    """
    image = np.empty(3)
    for i in range(3):
        image[i] = projection[i, 3]
        for k in range(3):
            image[i] += projection[i, k] * xyz[k]
    depth = image[2]
    u, v = image[0] / depth, image[1] / depth
    for k in range(3):
        du = (projection[0, k] - u * projection[2, k]) / depth
        dv = (projection[1, k] - v * projection[2, k]) / depth
        rows[0, k] = factor[0] * du
        rows[1, k] = factor[1] * du + factor[2] * dv
    rows[0, 3] = factor[0] * (uv[0] - u)
    rows[1, 3] = factor[1] * (uv[0] - u) + factor[2] * (uv[1] - v)
    return depth


@numba.njit(cache=True)
def _linear_start(
    projections: np.ndarray,
    uv: np.ndarray,
    factors: np.ndarray,
    used: np.ndarray,
    xyz: np.ndarray,
    normal: np.ndarray,
    inverse: np.ndarray,
) -> bool:
    """Least squares on (p_u - u p_d) . X = u t_d - t_u, whitened as if all depths were equal."""
    normal[:] = 0.0
    right = np.zeros(3)
    rows = np.empty((2, 4))
    for c in range(len(projections)):
        if not used[c]:
            continue
        p, f = projections[c], factors[c]
        for k in range(4):
            ru = p[0, k] - uv[c, 0] * p[2, k]
            rv = p[1, k] - uv[c, 1] * p[2, k]
            rows[0, k] = f[0] * ru
            rows[1, k] = f[1] * ru + f[2] * rv
        _accumulate(rows, normal, right)
    if not invert3(normal, inverse):
        return False
    for i in range(3):
        xyz[i] = 0.0
        for k in range(3):
            xyz[i] -= inverse[i, k] * right[k]
    return True


@numba.njit(cache=True)
def _accumulate(rows: np.ndarray, normal: np.ndarray, right: np.ndarray) -> None:
    """Add two rows (a | b) to the normal equations: normal += a a^T, right += a b."""
    for r in range(2):
        for i in range(3):
            right[i] += rows[r, i] * rows[r, 3]
            for k in range(3):
                normal[i, k] += rows[r, i] * rows[r, k]


@numba.njit(cache=True)
def solve_point(
    projections: np.ndarray,
    uv: np.ndarray,
    factors: np.ndarray,
    used: np.ndarray,
    xyz: np.ndarray,
    covariance: np.ndarray,
) -> float:
    """Maximum likelihood position of one point.

    Args:
        projections: (C, 3, 4).
        uv: (C, 2) pixels.
        factors: (C, 3) whitening factors.
        used: (C,) bool, the views to use; at least two.
        xyz: (3,) written, metres; NaN where there is no solution in front of the cameras.
        covariance: (3, 3) written, m^2.

    Returns:
        Weighted squared residual (chi-square); NaN without a solution.
    """
    normal = np.empty((3, 3))
    right = np.empty(3)
    rows = np.empty((2, 4))
    solved = _linear_start(projections, uv, factors, used, xyz, normal, covariance)
    chi2 = 0.0
    for _ in range(_STEPS):
        if not solved:
            break
        normal[:] = 0.0
        right[:] = 0.0
        chi2 = 0.0
        for c in range(len(projections)):
            if used[c]:
                depth = pixel_rows(projections[c], uv[c], factors[c], xyz, rows)
                # A point behind a camera is where the rays' backward continuations cross.
                solved = solved and depth > 0.0
                chi2 += rows[0, 3] ** 2 + rows[1, 3] ** 2
                _accumulate(rows, normal, right)
        solved = solved and invert3(normal, covariance)
        if not solved:
            break
        length = 0.0
        for i in range(3):
            step = 0.0
            for k in range(3):
                step += covariance[i, k] * right[k]
            xyz[i] += step
            length += step * step
        if length < _CONVERGED_M**2:
            break
    if not solved:
        xyz[:] = np.nan
        covariance[:] = np.nan
        chi2 = np.nan
    return chi2


@numba.njit(cache=True)
def solve_points(
    projections: np.ndarray,
    uv: np.ndarray,
    covariance: np.ndarray,
    confidence: np.ndarray,
    reject: bool,
    xyz: np.ndarray,
    covariance_xyz: np.ndarray,
    views: np.ndarray,
    used: np.ndarray,
    chi2: np.ndarray,
) -> None:
    """All joints of a skeleton, see `triangulation.Triangulation`; writes the last five."""
    cameras, joints = confidence.shape
    factors = np.empty((cameras, 3))
    mask = np.empty(cameras, np.bool_)
    for j in range(joints):
        for c in range(cameras):
            finite = np.isfinite(uv[c, j, 0]) and np.isfinite(uv[c, j, 1])
            positive = whiten(covariance[c, j], factors[c])
            mask[c] = finite and positive and confidence[c, j] > 0.0
        count = mask.sum()
        if count >= 2:
            pixels = np.ascontiguousarray(uv[:, j])
            chi2[j] = solve_point(projections, pixels, factors, mask, xyz[j], covariance_xyz[j])
            while reject and count > 2 and not chi2[j] <= CHI2_999[min(2 * count - 4, 19)]:
                mask[_worst_view(projections, pixels, factors, mask)] = False
                count -= 1
                chi2[j] = solve_point(projections, pixels, factors, mask, xyz[j], covariance_xyz[j])
        views[j] = count
        used[:, j] = mask


@numba.njit(cache=True)
def _worst_view(
    projections: np.ndarray, uv: np.ndarray, factors: np.ndarray, mask: np.ndarray
) -> int:
    """Index of the view whose absence leaves the smallest residual."""
    xyz = np.empty(3)
    covariance = np.empty((3, 3))
    worst, lowest = -1, np.inf
    for c in range(len(mask)):
        if mask[c]:
            mask[c] = False
            chi2 = solve_point(projections, uv, factors, mask, xyz, covariance)
            mask[c] = True
            if chi2 < lowest or worst < 0:
                worst = c
                lowest = chi2 if np.isfinite(chi2) else np.inf
    return worst


@numba.njit(cache=True)
def whitened_rows(
    projection: np.ndarray,
    uv: np.ndarray,
    covariance: np.ndarray,
    xyz: np.ndarray,
    rows: np.ndarray,
    valid: np.ndarray,
) -> None:
    """Linearise one camera's pixels at J points.

    Args:
        projection: (3, 4).
        uv: (J, 2) pixels.
        covariance: (J, 3) px^2.
        xyz: (J, 3) points, metres; NaN = unknown.
        rows: (J, 2, 4) written, see `pixel_rows`.
        valid: (J,) bool; set to False where the row cannot be used.
    """
    factor = np.empty(3)
    for j in range(len(xyz)):
        if valid[j]:
            depth = -1.0
            if np.isfinite(uv[j, 0] + uv[j, 1]) and whiten(covariance[j], factor):
                depth = pixel_rows(projection, uv[j], factor, xyz[j], rows[j])
            valid[j] = depth > 0.0
