"""Distances between estimates and ground truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.pose.camera import Camera


@dataclass(frozen=True)
class Truth:
    """True joints over time.

    Attributes:
        t_ns: (n,) int64, ascending.
        xyz: (n, 13, 3) metres, NaN where unknown.
    """

    t_ns: np.ndarray
    xyz: np.ndarray

    def at(self, t_ns: np.ndarray) -> np.ndarray:
        """Linear in between: (m,) times -> (m, 13, 3); NaN outside of the known time."""
        t_ns = np.asarray(t_ns, np.int64)
        if len(self.t_ns) == 0:
            return np.full((len(t_ns), *self.xyz.shape[1:]), np.nan)
        right = np.clip(np.searchsorted(self.t_ns, t_ns), 1, max(1, len(self.t_ns) - 1))
        left, right = right - 1, np.minimum(right, len(self.t_ns) - 1)
        span = np.maximum(self.t_ns[right] - self.t_ns[left], 1)
        share = ((t_ns - self.t_ns[left]) / span)[:, None, None]
        xyz = self.xyz[left] * (1 - share) + self.xyz[right] * share
        outside = (t_ns < self.t_ns[0]) | (t_ns > self.t_ns[-1])
        return np.where(outside[:, None, None], np.nan, xyz)


def distances_2d(uv: np.ndarray, truth_xyz: np.ndarray, camera: Camera) -> np.ndarray:
    """Pixels between estimates and projected truth, in a crop scaled to 256 x 256.

    Args:
        uv: (n, 13, 2) sensor pixels.
        truth_xyz: (n, 13, 3) metres.
        camera: its projection and crop.

    Returns:
        (n, 13), NaN where either is unknown.
    """
    return np.linalg.norm(uv - camera.project(truth_xyz), axis=-1) * (256 / camera.crop.width)


def distances_3d(xyz: np.ndarray, truth_xyz: np.ndarray) -> np.ndarray:
    """Millimetres between estimates and truth: (n, 13, 3) metres each -> (n, 13)."""
    return np.linalg.norm(xyz - truth_xyz, axis=-1) * 1000.0


def mean_known(values: np.ndarray) -> float | None:
    """Mean of what is not NaN, None if nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
