"""The 3D pose of one person at one time, as the fusion gives it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FusedSkeleton:
    """One 3D pose; NaN and confidence 0 where a joint is unknown.

    Attributes:
        t_ns: ROS time that the pose describes.
        xyz: (13, 3) m, world.
        covariance: (13, 3, 3) m^2.
        velocity: (13, 3) m/s.
        confidence: (13,) in [0, 1]: what the cameras say, halved at `half_std_m` of uncertainty.
        views: (13,) uint8, cameras that confirmed the joint at this time.
        reprojection_px: (13,) root mean square over these cameras; NaN without one.
        stamps_ns: stamp of each camera's pose that went in; cameras without one are absent.
    """

    t_ns: int
    xyz: np.ndarray
    covariance: np.ndarray
    velocity: np.ndarray
    confidence: np.ndarray
    views: np.ndarray
    reprojection_px: np.ndarray
    stamps_ns: dict[str, int]
