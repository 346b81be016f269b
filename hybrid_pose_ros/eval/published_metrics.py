"""The published error measures: mean per-joint position error in 2D and 3D, per sample, then mean.

Both average over the joints of a sample first; samples without any joint do not count.
"""

from __future__ import annotations

import numpy as np


def mpjpe(predicted: np.ndarray, target: np.ndarray) -> float:
    """(N, 2, J) pixels against (N, 2, J), NaN = missing -> mean distance in pixels, or NaN."""
    distance = np.linalg.norm(predicted - target, axis=1)
    return _mean_of_means(distance, ~np.isnan(distance))


def mpjpe_3d(predicted: np.ndarray, target: np.ndarray, counts: np.ndarray | None = None) -> float:
    """(N, J, 3) against (N, J, 3); `counts` (N, J) bool leaves joints out -> mean distance."""
    distance = np.linalg.norm(predicted - target, axis=2)
    known = ~np.isnan(distance)
    return _mean_of_means(distance, known if counts is None else known & counts)


def _mean_of_means(distance: np.ndarray, counts: np.ndarray) -> float:
    """Mean over samples of the mean over their joints (N, J)."""
    joints = counts.sum(1)
    sums = np.where(counts, distance, 0.0).sum(1)
    some = joints > 0
    return float((sums[some] / joints[some]).mean()) if some.any() else float("nan")
