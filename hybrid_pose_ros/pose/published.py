"""Published geometry: arg-max landmarks, labels of a view, triangulation from two rays.

Images here are DHP19's as the published code sees them: v of the projection matrices counts
upwards (260 - v is the row), and the 256 x 256 crop begins at column 34, row 2.
"""

from __future__ import annotations

import numpy as np

CROP = 256  # side, pixels
CROP_COLUMN, CROP_ROW = 34, 2
SENSOR_HEIGHT = 260


def argmax_landmarks(heatmaps: np.ndarray) -> np.ndarray:
    """(..., J, h, w) heatmaps -> (..., 2, J) int64 column, row of the first largest value."""
    peak = heatmaps.reshape(*heatmaps.shape[:-2], -1).argmax(-1)
    row, column = np.divmod(peak, heatmaps.shape[-1])
    return np.stack([column, row], -2)


def view_labels(xyz: np.ndarray, projection: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels of one camera.

    Args:
        xyz: (T, 3, J) mm, NaN = marker lost.
        projection: (3, 4), v upwards.

    Returns:
        (2, T, J) column, row in the crop, whole numbers, NaN where missing or outside; (T, J) bool.
    """
    homogeneous = np.concatenate([xyz, np.ones_like(xyz[:, :1])], 1)
    image = np.einsum("ij,tjk->itk", projection, homogeneous)
    with np.errstate(invalid="ignore"):
        column = np.floor(image[0] / image[2]) - CROP_COLUMN
        row = np.floor(SENSOR_HEIGHT - image[1] / image[2]) - CROP_ROW
        inside = (column >= 0) & (column < CROP) & (row >= 0) & (row < CROP)
    return np.where(inside, np.stack([column, row]), np.nan), inside


def ray_points(uv: np.ndarray, projection: np.ndarray) -> np.ndarray:
    """A point on each pixel's ray: P^+ (u, v, 1), (2, n) pixels -> (n, 3) mm."""
    homogeneous = np.linalg.pinv(projection) @ np.vstack([uv, np.ones(uv.shape[1])])
    return (homogeneous[:3] / homogeneous[3]).T


def nearest_to_lines(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The point with the least squared distance to n lines, each through (n, 3) start and end."""
    direction = end - start
    direction = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    across = np.eye(3) - direction[:, :, None] * direction[:, None, :]
    return np.linalg.solve(across.sum(0), np.einsum("nij,nj->i", across, start))


def triangulate_rays(uv: np.ndarray, projections: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Joints from their pixels in V views, without weights.

    Args:
        uv: (V, 2, J) pixels, v upwards.
        projections: (V, 3, 4).
        centres: (V, 3) camera positions, mm.

    Returns:
        (J, 3) mm.
    """
    ends = np.stack([ray_points(*view) for view in zip(uv, projections, strict=True)])  # (V, J, 3)
    return np.stack([nearest_to_lines(centres, ends[:, j]) for j in range(uv.shape[2])])
