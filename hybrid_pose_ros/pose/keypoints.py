"""The 2D pose of one person in one camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.skeleton import NUM_JOINTS


@dataclass(frozen=True)
class Keypoints:
    """Joint positions with their uncertainty.

    Attributes:
        uv: (13, 2) float32, sensor pixels, pixel centres at integers, v downwards.
        covariance: (13, 3) float32, px^2: var(u), cov(u, v), var(v).
        confidence: (13,) float32 in [0, 1]; 0 = missing.
    """

    uv: np.ndarray
    covariance: np.ndarray
    confidence: np.ndarray

    def __post_init__(self) -> None:
        for name, shape in (
            ("uv", (NUM_JOINTS, 2)),
            ("covariance", (NUM_JOINTS, 3)),
            ("confidence", (NUM_JOINTS,)),
        ):
            got = getattr(self, name).shape
            if got != shape:
                raise ValueError(f"{name} must have shape {shape}, got {got}")
