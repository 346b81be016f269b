"""Heatmap logits to keypoints with sub-pixel position, covariance and confidence.

The softmax over the cells of one joint is the probability of its place. The keypoint is the mean of
that distribution within a window around its peak, its covariance the second moment there, and its
confidence the probability mass inside the window.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.native.library import library
from hybrid_pose_ros.pose.keypoints import Keypoints

WINDOW = 3  # cells on each side of the peak
# A distribution on a grid cannot be narrower than its cells: variance of a uniform cell.
CELL_VARIANCE = 1.0 / 12.0


def decode_heatmaps(logits: np.ndarray, crop: Crop) -> Keypoints:
    """One camera's heatmaps to keypoints in sensor pixels.

    Args:
        logits: (J, S, S) float32, finite.
        crop: the sensor window that the heatmaps cover.

    Returns:
        Keypoints; covariance in px^2 of the sensor.
    """
    joints, size, _ = logits.shape
    flat = logits.reshape(joints, -1)
    peak, total = _softmax(flat)
    row, column = np.divmod(peak, size)
    offsets = np.arange(-WINDOW, WINDOW + 1)
    rows, columns = row[:, None] + offsets, column[:, None] + offsets  # (J, 2w+1)
    inside_v, inside_u = (rows >= 0) & (rows < size), (columns >= 0) & (columns < size)
    cells_at = (rows % size)[:, :, None] * size + (columns % size)[:, None, :]
    joint = np.arange(joints)
    near = flat[joint[:, None, None], cells_at] - flat[joint, peak][:, None, None]
    window = np.exp(near) * (inside_v[:, :, None] & inside_u[:, None, :])
    mass = window.sum((1, 2))
    weight = window / mass[:, None, None]
    du = (weight * offsets).sum((1, 2))
    dv = (weight * offsets[:, None]).sum((1, 2))
    uu = (weight * offsets**2).sum((1, 2)) - du**2 + CELL_VARIANCE
    vv = (weight * offsets[:, None] ** 2).sum((1, 2)) - dv**2 + CELL_VARIANCE
    uv = (weight * offsets * offsets[:, None]).sum((1, 2)) - du * dv
    cells = np.stack([column + du, row + dv], 1)
    scale = (crop.width / size) ** 2
    return Keypoints(
        uv=crop.to_sensor(cells, size).astype(np.float32),
        covariance=(np.stack([uu, uv, vv], 1) * scale).astype(np.float32),
        confidence=(mass / total).astype(np.float32),
    )


def _softmax(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(J, cells) logits: index of each largest, and the sum of exp(logit - largest)."""
    kernels = library()
    if kernels is None or flat.dtype != np.float32 or not flat.flags.c_contiguous:
        peak = flat.argmax(1)
        return peak, np.exp(flat - np.take_along_axis(flat, peak[:, None], 1)).sum(1)
    peak, total = np.empty(len(flat), np.int32), np.empty(len(flat), np.float32)
    kernels.spiking_engine_softmax(
        flat.ctypes.data, *flat.shape, peak.ctypes.data, total.ctypes.data
    )
    return peak, total
