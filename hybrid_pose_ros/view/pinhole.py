"""The eye that looks at the 3D scene: a plain pinhole camera that can orbit a point."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

NEAR_M = 0.1  # nothing closer to the eye than this is drawn


@dataclass(frozen=True)
class Pinhole:
    """A camera at `eye` that looks at `target`; world z is up in the picture.

    Attributes:
        eye: (3,) metres.
        target: (3,) metres; must not lie straight above or below the eye.
        focal_px: focal length in pixels.
        centre_px: (x, y) where the target appears.
    """

    eye: np.ndarray
    target: np.ndarray
    focal_px: float
    centre_px: tuple[float, float]

    @staticmethod
    def orbit(
        target: np.ndarray,
        distance_m: float,
        azimuth_rad: float,
        elevation_rad: float,
        focal_px: float,
        centre_px: tuple[float, float],
    ) -> Pinhole:
        """The eye at an azimuth (from +x towards +y) and elevation seen from the target."""
        flat = np.cos(elevation_rad)
        direction = np.array(
            [flat * np.cos(azimuth_rad), flat * np.sin(azimuth_rad), np.sin(elevation_rad)]
        )
        target = np.asarray(target, np.float64)
        return Pinhole(target + distance_m * direction, target, focal_px, centre_px)

    @cached_property
    def rotation(self) -> np.ndarray:
        """(3, 3) world to camera: rows are right, down and forward."""
        forward = np.asarray(self.target, np.float64) - self.eye
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, (0.0, 0.0, 1.0))
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(forward, right), forward])

    def to_camera(self, xyz: np.ndarray) -> np.ndarray:
        """World points (..., 3) as camera coordinates: right, down, forward, metres."""
        return (np.asarray(xyz, np.float64) - self.eye) @ self.rotation.T

    def project(self, xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Projects world points.

        Args:
            xyz: (..., 3) metres.

        Returns:
            Pixels (..., 2) and depth (...) in metres along the line of sight; NaN pixels for
            what is nearer than NEAR_M or behind the eye.
        """
        seen = self.to_camera(xyz)
        depth = seen[..., 2]
        safe = np.where(depth >= NEAR_M, depth, np.nan)
        return self.focal_px * seen[..., :2] / safe[..., None] + self.centre_px, depth

    def project_segments(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ends (n, 2), (n, 2) in pixels of the segments a-b (n, 3), cut where the eye is too near.

        A segment that lies wholly too near gets NaN ends.
        """
        a, b = np.broadcast_arrays(self.to_camera(a), self.to_camera(b))
        ends = []
        for here, there in ((a, b), (b, a)):
            gap = there[:, 2] - here[:, 2]
            share = (NEAR_M - here[:, 2]) / np.where(gap == 0.0, 1.0, gap)
            cut = np.where(
                (here[:, 2] < NEAR_M)[:, None], here + share[:, None] * (there - here), here
            )
            depth = np.where((there[:, 2] < NEAR_M) & (here[:, 2] < NEAR_M), np.nan, cut[:, 2])
            ends.append(self.focal_px * cut[:, :2] / depth[:, None] + self.centre_px)
        return ends[0], ends[1]
