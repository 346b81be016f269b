"""A camera that stands still: where world points appear in its image, and which ray a pixel sees.

One 3x4 projection matrix holds intrinsics and pose, and a lens model what the matrix cannot. It
takes metres to sensor pixels with v counted downwards; every other convention is converted at the
door (see `rig.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.pose.distortion import Distortion
from hybrid_pose_ros.pose.distortion_kernel import straighten_covariance
from hybrid_pose_ros.pose.keypoints import Keypoints


@dataclass(frozen=True, eq=False)
class Camera:
    """One calibrated camera.

    Attributes:
        name: key of the camera in topics and files, such as "cam2".
        width: sensor columns, px.
        height: sensor rows, px.
        projection: (3, 4) float64, homogeneous world metres to u*d, v*d, d of the camera without
            its distortion; scaled on construction so that d is the depth in metres, positive in
            front of the camera.
        frame_id: name of the optical frame, for message headers.
        crop: the window of the sensor that the networks see.
        distortion: the lens; None = straight lines stay straight.
    """

    name: str
    width: int
    height: int
    projection: np.ndarray
    frame_id: str
    crop: Crop
    distortion: Distortion | None = None

    def __post_init__(self) -> None:
        projection = np.array(self.projection, np.float64)
        if projection.shape != (3, 4) or not np.isfinite(projection).all():
            raise ValueError(
                f"projection of {self.name} must be 3 x 4 finite numbers, got {projection.tolist()}"
            )
        scale = np.linalg.norm(projection[2, :3])
        if scale == 0 or abs(np.linalg.det(projection[:, :3])) < 1e-12 * scale**3:
            raise ValueError(
                f"projection of {self.name} has no centre, got {projection.tolist()}; "
                "its left 3 x 3 part must be invertible"
            )
        if abs(scale - 1.0) > 1e-15:  # a scaled matrix keeps its last digits: files round-trip
            projection /= scale
        projection.setflags(write=False)
        object.__setattr__(self, "projection", projection)

    @property
    def center(self) -> np.ndarray:
        """(3,) position of the optical centre in the world, m."""
        return -np.linalg.solve(self.projection[:, :3], self.projection[:, 3])

    @cached_property
    def _factors(self) -> tuple[np.ndarray, np.ndarray]:
        # An RQ decomposition is a QR decomposition with the order of rows and columns reversed.
        orthogonal, lower = np.linalg.qr(self.projection[::-1, :3].T)
        upper, rotation = lower.T[::-1, ::-1], orthogonal.T[::-1]
        signs = np.sign(np.diag(upper))  # an image is never mirrored by its intrinsics
        upper = np.triu(upper * signs) + 0.0  # no -0
        return upper / upper[2, 2], np.ascontiguousarray(signs[:, None] * rotation)

    @cached_property
    def _unfocus(self) -> np.ndarray:
        return np.linalg.inv(self.intrinsics[:2, :2])

    @property
    def intrinsics(self) -> np.ndarray:
        """(3, 3) upper triangular: directions in the optical frame to pixels (fx, skew, cx ...)."""
        return self._factors[0]

    @property
    def rotation(self) -> np.ndarray:
        """(3, 3) world to optical frame (x right, y down, z forward)."""
        return self._factors[1]

    def depth(self, xyz: np.ndarray) -> np.ndarray:
        """Distance in front of the camera along its axis, m: (..., 3) metres -> (...)."""
        return np.asarray(xyz, np.float64) @ self.projection[2, :3] + self.projection[2, 3]

    def project(self, xyz: np.ndarray) -> np.ndarray:
        """World points to sensor pixels.

        Args:
            xyz: (..., 3) metres.

        Returns:
            (..., 2) u, v in pixels, also outside the sensor; NaN behind the camera, beyond the
            reach of the lens model and where xyz is NaN.
        """
        image = np.asarray(xyz, np.float64) @ self.projection[:, :3].T + self.projection[:, 3]
        depth = np.where(image[..., 2:] > 0, image[..., 2:], np.nan)
        return self.distort(image[..., :2] / depth)

    def distort(self, uv: np.ndarray) -> np.ndarray:
        """Pixels of the camera without distortion to sensor pixels: (..., 2) -> (..., 2)."""
        if self.distortion is None:
            return np.asarray(uv, np.float64)
        return self._pixels(self.distortion.distort(self._directions(uv)))

    def undistort(self, uv: np.ndarray) -> np.ndarray:
        """Inverse of `distort`; NaN where the lens shows nothing."""
        if self.distortion is None:
            return np.asarray(uv, np.float64)
        return self._pixels(self.distortion.undistort(self._directions(uv)))

    def rays(self, uv: np.ndarray) -> np.ndarray:
        """Unit directions in the world from `center` through pixels: (..., 2) -> (..., 3)."""
        uv = self.undistort(uv)
        image = np.concatenate([uv, np.ones_like(uv[..., :1])], axis=-1)
        # d = M^-1 (u, v, 1) has unit depth, so it points to the front.
        direction = image @ np.linalg.inv(self.projection[:, :3]).T
        return direction / np.linalg.norm(direction, axis=-1, keepdims=True)

    def linear_keypoints(self, keypoints: Keypoints) -> Keypoints:
        """Sensor keypoints as the camera without distortion, `projection` alone, would see them.

        Positions are undistorted and covariances carried through the derivative; without a lens
        model the argument comes back as it is. Confidence becomes 0 where the lens shows nothing.
        """
        if self.distortion is None:
            return keypoints
        straight, slope = self.distortion.undistort_jacobian(self._directions(keypoints.uv))
        spread = straighten_covariance(
            slope.reshape(-1, 4), self.intrinsics, self._unfocus, keypoints.covariance
        )
        seen = straight[:, 0] == straight[:, 0]  # not NaN
        return Keypoints(
            self._pixels(straight).astype(keypoints.uv.dtype),
            spread.astype(keypoints.covariance.dtype),
            np.where(seen, keypoints.confidence, 0).astype(keypoints.confidence.dtype),
        )

    def _directions(self, uv: np.ndarray) -> np.ndarray:
        """Pixels to (X / Z, Y / Z): (..., 2) -> (..., 2)."""
        return (np.asarray(uv, np.float64) - self.intrinsics[:2, 2]) @ self._unfocus.T

    def _pixels(self, xy: np.ndarray) -> np.ndarray:
        K = self.intrinsics
        return xy @ K[:2, :2].T + K[:2, 2]
