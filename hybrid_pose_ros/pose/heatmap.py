"""Heatmaps to keypoints with sub-pixel position, covariance and confidence.

Two kinds of heatmaps are decoded. *Logits* (lite networks): their softmax over the cells is the
probability of the joint's place; the keypoint is the mean of that distribution within a window
around its peak, its covariance the second moment there, its confidence the probability mass inside
the window. *Gaussians* (published networks): regressed blobs of height 1 and a known width; the
keypoint is the centroid around the peak, its covariance how much wider than that the blob is, its
confidence the peak's height.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.native.library import library
from hybrid_pose_ros.pose.covariance_scale import UNSCALED, CovarianceScale
from hybrid_pose_ros.pose.keypoints import Keypoints

WINDOW = 3  # cells on each side of the peak of logits
LABEL_SIGMA = 2.0  # cells, of the labels that the published networks regress (seed: kernel of 11)
LABEL_WINDOW = 5  # cells on each side of the peak of such a blob
LABEL_FLOOR = 0.05  # of the peak; what is lower belongs to the background
# A distribution on a grid cannot be narrower than its cells: variance of a uniform cell.
CELL_VARIANCE = 1.0 / 12.0


def decode_heatmaps(
    heatmaps: np.ndarray,
    crop: Crop,
    preset: str = "lite",
    scale: CovarianceScale = UNSCALED,
    ahead: np.ndarray | None = None,
) -> Keypoints:
    """One camera's heatmaps (J, S, S) float32 to keypoints, by the preset of their network.

    Args:
        scale: of the covariances, as fitted for that network.
        ahead: (J, 2) columns and rows, cells, that the joints are ahead of their heatmaps.
    """
    decode = decode_gaussians if preset == "paper" else decode_logits
    raw = decode(heatmaps, crop)
    factor = scale.at(raw.confidence)[:, None]
    uv = raw.uv
    if ahead is not None:
        uv = uv + (crop.width / heatmaps.shape[-1] * ahead).astype(np.float32)
    return Keypoints(uv, raw.covariance * factor, raw.confidence)


def decode_logits(logits: np.ndarray, crop: Crop) -> Keypoints:
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
    at, inside, offsets = _window(peak, size, WINDOW)
    joint = np.arange(joints)
    near = flat[joint[:, None, None], at] - flat[joint, peak][:, None, None]
    window = np.exp(near) * inside
    mass = window.sum((1, 2))
    mean, moments = _moments(window / mass[:, None, None], offsets)
    moments[:, [0, 2]] += CELL_VARIANCE
    return _keypoints(peak, mean, moments, mass / total, size, crop)


def decode_gaussians(heatmaps: np.ndarray, crop: Crop) -> Keypoints:
    """One camera's regressed blobs to keypoints in sensor pixels.

    A network trained on squared error answers an uncertain place with the mean of the labels: a
    lower blob, whose covariance is that of a label plus that of the place.

    Args:
        heatmaps: (J, S, S) float32, finite; labels are Gaussians of height 1.
        crop: the sensor window that the heatmaps cover.

    Returns:
        Keypoints; covariance in px^2 of the sensor; confidence 0 where nothing is above zero.
    """
    joints, size, _ = heatmaps.shape
    flat = heatmaps.reshape(joints, -1)
    peak = flat.argmax(1)
    joint = np.arange(joints)
    height = flat[joint, peak].astype(np.float64)
    at, inside, offsets = _window(peak, size, LABEL_WINDOW)
    blob = np.where(inside, flat[joint[:, None, None], at], 0.0)
    blob = np.maximum(blob - LABEL_FLOOR * np.maximum(height, 0.0)[:, None, None], 0.0)
    mass = blob.sum((1, 2))
    found = mass > 0
    blob[found] /= mass[found, None, None]
    mean, moments = _moments(blob, offsets)
    moments[:, [0, 2]] = np.maximum(moments[:, [0, 2]] - _LABEL_MOMENT, 0.0) + CELL_VARIANCE
    limit = 0.99 * np.sqrt(moments[:, 0] * moments[:, 2])  # the subtraction keeps it a covariance
    moments[:, 1] = np.clip(moments[:, 1], -limit, limit)
    confidence = np.where(found, np.clip(height, 0.0, 1.0), 0.0)
    return _keypoints(peak, mean, moments, confidence, size, crop)


def _window(peak: np.ndarray, size: int, reach: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells around each peak (J, n, n), which of them are in the map, and offsets -reach..reach."""
    row, column = np.divmod(peak, size)
    offsets = np.arange(-reach, reach + 1)
    rows, columns = row[:, None] + offsets, column[:, None] + offsets
    inside_v, inside_u = (rows >= 0) & (rows < size), (columns >= 0) & (columns < size)
    at = (rows % size)[:, :, None] * size + (columns % size)[:, None, :]
    return at, inside_v[:, :, None] & inside_u[:, None, :], offsets


def _moments(weight: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (J, 2) and covariance (J, 3: uu, uv, vv), cells, of weights (J, n, n) of sum 1."""
    du = (weight * offsets).sum((1, 2))
    dv = (weight * offsets[:, None]).sum((1, 2))
    uu = (weight * offsets**2).sum((1, 2)) - du**2
    vv = (weight * offsets[:, None] ** 2).sum((1, 2)) - dv**2
    uv = (weight * offsets * offsets[:, None]).sum((1, 2)) - du * dv
    return np.stack([du, dv], 1), np.stack([uu, uv, vv], 1)


def _label_moment() -> float:
    """Variance of a label's own window, in cells^2: what a certain network would answer."""
    offsets = np.arange(-LABEL_WINDOW, LABEL_WINDOW + 1)
    profile = np.exp(-(offsets**2) / (2 * LABEL_SIGMA**2))
    blob = np.maximum(profile[:, None] * profile - LABEL_FLOOR, 0.0)
    return float(_moments((blob / blob.sum())[None], offsets)[1][0, 0])


_LABEL_MOMENT = _label_moment()


def _keypoints(
    peak: np.ndarray, mean: np.ndarray, moments: np.ndarray, confidence: np.ndarray,
    size: int, crop: Crop,
) -> Keypoints:  # fmt: skip
    """Keypoints in sensor pixels from offsets and covariances in cells around the peaks."""
    row, column = np.divmod(peak, size)
    cells = np.stack([column, row], 1) + mean
    return Keypoints(
        uv=crop.to_sensor(cells, size).astype(np.float32),
        covariance=(moments * (crop.width / size) ** 2).astype(np.float32),
        confidence=confidence.astype(np.float32),
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
