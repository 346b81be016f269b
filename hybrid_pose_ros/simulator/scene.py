"""What stays the same during a recording: the camera's optics, the cloth pattern, the backdrop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.simulator.shading import TEXTURE_CELLS


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
        """Read everything from the projection matrix, which gives the depth in metres."""
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


def backdrop(
    shape: tuple[int, int], rng: np.random.Generator, reflectance: float, contrast: float
) -> np.ndarray:
    """A still, cloudy wall behind the person, (height, width) float32 radiance."""
    clouds = _smooth_noise(rng, shape, 90.0) + 0.4 * _smooth_noise(rng, shape, 25.0)
    return (reflectance * np.exp(contrast * clouds)).astype(np.float32)
