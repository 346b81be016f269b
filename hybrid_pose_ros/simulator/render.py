"""Pictures of a body in front of a backdrop, as one camera sees it."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.simulator import shadow
from hybrid_pose_ros.simulator.raycast import FAR, SEEN_SIZE, cast
from hybrid_pose_ros.simulator.scene import Optics, cloth_pattern
from hybrid_pose_ros.simulator.shading import shade
from hybrid_pose_ros.simulator.subjects import Subject


class Renderer:
    """Draws one person into one image and knows which columns it has changed.

    Args:
        optics: of the camera.
        person: lamps and clothes.
        background: (h, w) float32 radiance behind the person.

    Attributes:
        image: (h, w) float32 radiance, overwritten by every `draw`.
        changed: (h, 2) int32 columns first..last+1 of each row that the last `draw` may have
            changed.
    """

    def __init__(self, optics: Optics, person: Subject, background: np.ndarray) -> None:
        height, width = background.shape
        self.image = background.copy()
        self.changed = np.tile(np.array([width, 0], np.int32), (height, 1))
        self._optics, self._background = optics, background
        self._lamps, self._ambient = np.array(person.lamps), person.ambient
        self._pattern = cloth_pattern(person.seed, person.texture)
        self._covered = self.changed.copy()
        self._depth = np.full((height, width), FAR, np.float32)
        self._index = np.zeros((height, width), np.int16)
        self._feet = np.zeros((shadow.SHOES, 3))
        self._boxes = np.zeros((shadow.SHOES, 4), np.int64)

    def draw(self, parts: np.ndarray, materials: np.ndarray) -> None:
        """Draw the parts (p, PART_SIZE) of one instant."""
        seen = np.empty((len(parts), SEEN_SIZE))
        optics = self._optics
        before = self._covered.copy()
        cast(
            parts,
            optics.view,
            optics.rays,
            optics.centre,
            seen,
            self._depth,
            self._index,
            self._covered,
        )
        feet, boxes = self._feet, self._boxes
        shape = self.image.shape
        shadow.find(parts, materials, optics.view, feet, boxes, shape, self._covered)
        self.changed[:, 0] = np.minimum(before[:, 0], self._covered[:, 0])
        self.changed[:, 1] = np.maximum(before[:, 1], self._covered[:, 1])
        shade(
            parts,
            materials,
            seen,
            self._lamps,
            self._ambient,
            self._pattern,
            self._background,
            self._depth,
            self._index,
            self.changed,
            self.image,
        )
        shadow.darken(feet, boxes, optics.rays, optics.centre, self._depth, FAR, self.image)
