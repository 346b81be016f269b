"""One camera's pose, made ready for the fusion."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.skeleton import SWAP

_SIDES = list(SWAP)


@dataclass(frozen=True, eq=False)
class Measurement:
    """Pixels of a camera without distortion, float64, clean: confidence 0 wherever unusable.

    Attributes:
        camera: index in the rig.
        t_ns: ROS time.
        uv: (13, 2) px.
        covariance: (13, 3) px^2: var(u), cov(u, v), var(v).
        confidence: (13,) in [0, 1].
        seen: (13,) bool, where the confidence is not 0.
        corrects: a keyframe's own pose, better than an update of the same time.
    """

    camera: int
    t_ns: int
    uv: np.ndarray
    covariance: np.ndarray
    confidence: np.ndarray
    seen: np.ndarray
    corrects: bool = False

    @property
    def order(self) -> tuple[int, int]:
        """Measurements are taken in this order, however they arrive."""
        return self.t_ns, self.camera

    def mirrored(self) -> Measurement:
        """The same with left and right exchanged."""
        return Measurement(
            self.camera, self.t_ns, self.uv[_SIDES], self.covariance[_SIDES],
            self.confidence[_SIDES], self.seen[_SIDES], self.corrects,
        )  # fmt: skip


def measure(
    index: int,
    camera: Camera,
    t_ns: int,
    keypoints: Keypoints,
    *,
    corrects: bool,
    min_confidence: float,
    pixel_noise_px: float,
) -> Measurement:
    """Straighten a pose, add what its heatmaps cannot know to its variances, and clean it.

    Joints below `min_confidence`, or with a number that is none, get confidence 0.
    """
    linear = camera.linear_keypoints(keypoints)
    uv, covariance = np.array(linear.uv, np.float64), np.array(linear.covariance, np.float64)
    confidence, seen = np.array(linear.confidence, np.float64), np.zeros(len(uv), bool)
    _clean(uv, covariance, confidence, seen, max(min_confidence, 1e-9), pixel_noise_px**2)
    return Measurement(index, int(t_ns), uv, covariance, confidence, seen, corrects)


@numba.njit(cache=True)
def _clean(
    uv: np.ndarray,
    covariance: np.ndarray,
    confidence: np.ndarray,
    seen: np.ndarray,
    least: float,
    variance: float,
) -> None:
    for j in range(len(uv)):
        finite = np.isfinite(uv[j, 0] + uv[j, 1])
        for k in range(3):
            finite = finite and np.isfinite(covariance[j, k])
        covariance[j, 0] += variance
        covariance[j, 2] += variance
        positive = covariance[j, 0] > 0.0 and covariance[j, 2] > 0.0
        seen[j] = finite and positive and confidence[j] >= least
        confidence[j] = min(confidence[j], 1.0) if seen[j] else 0.0
