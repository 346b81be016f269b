"""Pictures through a lens that bends straight lines.

The body is drawn without the lens, on a plane large enough, and every pixel of the sensor looks up
its place on that plane.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.simulator.kernel import kernel
from hybrid_pose_ros.simulator.render import Renderer

_LARGEST = 3.0  # times the sensor: where a wide lens would need more of the plane, it sees nothing


@kernel
def _resample(
    image: np.ndarray,
    changed: np.ndarray,
    place: np.ndarray,
    out: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Look up every pixel of `out` whose place on `image` may have changed."""
    height, width = out.shape
    for v in range(height):
        rows[v, 0], rows[v, 1] = width, 0
        for u in range(width):
            x, y = place[v, u, 0], place[v, u, 1]
            i, j = int(x), int(y)
            lo = min(changed[j, 0], changed[j + 1, 0])
            hi = max(changed[j, 1], changed[j + 1, 1])
            if i + 1 < lo or i >= hi:
                continue
            a, b = np.float32(x - i), np.float32(y - j)
            top = image[j, i] + a * (image[j, i + 1] - image[j, i])
            bottom = image[j + 1, i] + a * (image[j + 1, i + 1] - image[j + 1, i])
            out[v, u] = top + b * (bottom - top)
            rows[v, 0], rows[v, 1] = min(rows[v, 0], u), u + 1


class LensRenderer:
    """Draws like `Renderer`, as a camera with distortion sees it.

    Args:
        camera: with its distortion.
        make: the renderer of a camera without distortion.

    Attributes:
        image, changed: as those of `Renderer`, on the pixels of the sensor.
    """

    def __init__(self, camera: Camera, make: Callable[[Camera], Renderer]) -> None:
        v, u = np.mgrid[: camera.height, : camera.width]
        place = camera.undistort(np.stack([u, v], axis=-1).astype(np.float64))
        size = np.array([camera.width, camera.height])
        place = np.nan_to_num(place, nan=0.0)
        place = np.clip(place, 0.5 * (1.0 - _LARGEST) * size, 0.5 * (1.0 + _LARGEST) * size)
        corner = np.floor(place.min(axis=(0, 1))).astype(int) - 1
        extent = np.ceil(place.max(axis=(0, 1))).astype(int) + 3 - corner
        shift = np.eye(3)
        shift[:2, 2] = -corner
        plane = replace(
            camera,
            width=int(extent[0]),
            height=int(extent[1]),
            projection=shift @ camera.projection,
            distortion=None,
        )
        self._renderer = make(plane)
        self._place = (place - corner).astype(np.float32)
        self.image = np.zeros((camera.height, camera.width), np.float32)
        self.changed = np.tile(np.array([0, camera.width], np.int32), (camera.height, 1))
        everything = np.tile(np.array([0, extent[0]], np.int32), (extent[1], 1))
        _resample(self._renderer.image, everything, self._place, self.image, self.changed)

    def draw(self, parts: np.ndarray, materials: np.ndarray) -> None:
        """Draw the parts (p, PART_SIZE) of one instant."""
        inner = self._renderer
        inner.draw(parts, materials)
        _resample(inner.image, inner.changed, self._place, self.image, self.changed)
