"""What stays the same during a recording: the camera's optics, the cloth pattern, the backdrop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.simulator.shading import TEXTURE_CELLS

_WALL_M = 2.5  # from the person to the wall


@dataclass(frozen=True)
class Optics:
    """A camera in the form that the renderer uses, see `raycast.cast`.

    Attributes:
        view: (4, 4), the projection in three rows, then the focal length in [3, 0].
        rays: (3, 3) pixel (u, v, 1) to a direction in the world of depth 1.
        centre: (3,) of the camera in metres.
    """

    view: np.ndarray
    rays: np.ndarray
    centre: np.ndarray

    @classmethod
    def of(cls, camera: Camera) -> Optics:
        """Read everything from the projection matrix, which gives the depth in metres.

        Raises:
            ConfigError: the camera has a lens model.
        """
        if camera.distortion is not None:
            raise ConfigError(
                f"camera '{camera.name}' has a lens model, which the simulator does not draw; "
                "leave `distortion` out of the rig file for simulating"
            )
        square = camera.projection[:, :3]
        focal = [np.linalg.norm(row - (row @ square[2]) * square[2]) for row in square[:2]]
        view = np.zeros((4, 4))
        view[:3] = camera.projection
        view[3, 0] = max(focal)
        return cls(view, np.linalg.inv(square), camera.center)


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, int], wave: float) -> np.ndarray:
    """Periodic noise of unit variance without detail finer than about `wave` samples."""
    rows = np.fft.fftfreq(shape[0])[:, None]
    columns = np.fft.rfftfreq(shape[1])[None]
    gain = np.exp(-0.5 * (np.hypot(rows, columns) * wave / 0.6) ** 2)
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * gain, s=shape)
    noise -= noise.mean()
    return noise / noise.std()


def cloth_pattern(seed: int, amplitude: float) -> np.ndarray:
    """Folds and prints as log reflectance, (TEXTURE_CELLS, TEXTURE_CELLS) float32."""
    rng = np.random.default_rng([seed, 23])
    cells = (TEXTURE_CELLS, TEXTURE_CELLS)
    folds = _smooth_noise(rng, cells, 40.0) + 0.5 * _smooth_noise(rng, cells, 18.0)
    return (amplitude * 0.8 * folds).astype(np.float32)


def backdrop(optics: Optics, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A still wall behind the person and the floor, (height, width) float32 radiance.

    The wall is light: on real frames of DHP19 an edge of skin that passes a pixel makes two or
    three events, hair and dark clothes more. The floor is darker.
    """
    wall = rng.uniform(0.34, 0.46)
    floor = wall * rng.uniform(0.6, 0.85)
    contrast = rng.uniform(0.05, 0.15)
    clouds = _smooth_noise(rng, shape, 90.0) + 0.4 * _smooth_noise(rng, shape, 25.0)
    light = np.where(_sees_floor(optics, shape), floor, wall)
    return (light * np.exp(contrast * clouds)).astype(np.float32)


def _sees_floor(optics: Optics, shape: tuple[int, int]) -> np.ndarray:
    """Which pixels (h, w) look at the floor less than _WALL_M behind the world's origin."""
    v, u = np.mgrid[: shape[0], : shape[1]]
    rays = optics.rays @ np.stack([u.ravel(), v.ravel(), np.ones(u.size)])
    down = np.minimum(rays[2], -1e-9)
    ground = optics.centre[:2, None] + rays[:2] * (-optics.centre[2] / down)
    away = -optics.centre[:2] / max(float(np.linalg.norm(optics.centre[:2])), 1e-9)
    return ((rays[2] < 0.0) & (away @ ground < _WALL_M)).reshape(shape)
