"""A camera that stands still: where world points appear in its image, and which ray a pixel sees.

One 3x4 projection matrix holds lens and pose. It takes metres to sensor pixels with v counted
downwards; every other convention is converted at the door (see `rig.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.events.crop import Crop


@dataclass(frozen=True, eq=False)
class Camera:
    """One calibrated camera.

    Attributes:
        name: key of the camera in topics and files, such as "cam2".
        width: sensor columns, px.
        height: sensor rows, px.
        projection: (3, 4) float64, homogeneous world metres to u*d, v*d, d; scaled on
            construction so that d is the depth in metres, positive in front of the camera.
        frame_id: name of the optical frame, for message headers.
        crop: the window of the sensor that the networks see.
    """

    name: str
    width: int
    height: int
    projection: np.ndarray
    frame_id: str
    crop: Crop

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
        projection /= scale
        projection.setflags(write=False)
        object.__setattr__(self, "projection", projection)

    @property
    def center(self) -> np.ndarray:
        """(3,) position of the optical centre in the world, m."""
        return -np.linalg.solve(self.projection[:, :3], self.projection[:, 3])

    def depth(self, xyz: np.ndarray) -> np.ndarray:
        """Distance in front of the camera along its axis, m: (..., 3) metres -> (...)."""
        return np.asarray(xyz, np.float64) @ self.projection[2, :3] + self.projection[2, 3]

    def project(self, xyz: np.ndarray) -> np.ndarray:
        """World points to sensor pixels.

        Args:
            xyz: (..., 3) metres.

        Returns:
            (..., 2) u, v in pixels, also outside the sensor; NaN behind the camera and where
            xyz is NaN.
        """
        image = np.asarray(xyz, np.float64) @ self.projection[:, :3].T + self.projection[:, 3]
        depth = np.where(image[..., 2:] > 0, image[..., 2:], np.nan)
        return image[..., :2] / depth

    def rays(self, uv: np.ndarray) -> np.ndarray:
        """Unit directions in the world from `center` through pixels: (..., 2) -> (..., 3)."""
        uv = np.asarray(uv, np.float64)
        image = np.concatenate([uv, np.ones_like(uv[..., :1])], axis=-1)
        # d = M^-1 (u, v, 1) has unit depth, so it points to the front.
        direction = image @ np.linalg.inv(self.projection[:, :3]).T
        return direction / np.linalg.norm(direction, axis=-1, keepdims=True)
