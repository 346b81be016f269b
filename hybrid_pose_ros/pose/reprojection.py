"""How far points appear from their pixels: the compiled loop behind `triangulation`."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True)
def reproject(
    projections: np.ndarray, uv: np.ndarray, used: np.ndarray, xyz: np.ndarray, error: np.ndarray
) -> None:
    """See `triangulation.reprojection_error`; writes the last argument."""
    for j in range(len(xyz)):
        total, count = 0.0, 0
        for c in range(len(projections)):
            if used[c, j]:
                p = projections[c]
                depth = p[2, 0] * xyz[j, 0] + p[2, 1] * xyz[j, 1] + p[2, 2] * xyz[j, 2] + p[2, 3]
                for i in range(2):
                    q = p[i, 0] * xyz[j, 0] + p[i, 1] * xyz[j, 1] + p[i, 2] * xyz[j, 2] + p[i, 3]
                    total += (q / depth - uv[c, j, i]) ** 2
                count += 1
        error[j] = np.sqrt(total / count) if count else np.nan
