"""Soft shadows of the shoes on the floor.

DHP19's room was lit by ceiling lamps, so shadows have no edges: a spot on the floor lacks the part
of the ceiling that a shoe hides. That of a horizontal patch of area A at height h, seen from a
distance d beside it, is A h^2 / (pi (h^2 + d^2)^2) of the light (the form factor of a small patch).
The rest of the body is too far from the floor to be told: a trunk of 0.12 m^2 at 1 m hides 4 %.
"""

from __future__ import annotations

import math

import numpy as np

from hybrid_pose_ros.simulator.body import SHOE
from hybrid_pose_ros.simulator.kernel import kernel

# A shoe of 0.26 by 0.08 m, and what is above it. The height of its middle when it stands is such
# that 4 cm beside it a third is hidden, as by a wall as high as the ankle.
AREA_M2, MIDDLE_M = 0.025, 0.10
REACH_M = 0.20  # what is missing there, 3 %, is left out everywhere
SHOES = 2


@kernel
def _sole(part: np.ndarray, foot: np.ndarray) -> None:
    """Place (x, y) of a shoe, and the height from which it hides the light."""
    half = 0.5 * part[12]
    foot[0], foot[1] = part[9] + half * part[6], part[10] + half * part[7]
    clear = part[11] + half * part[8] - 0.5 * (part[13] + part[14])
    foot[2] = max(clear, 0.0) + MIDDLE_M


@kernel
def _bounds(foot: np.ndarray, view: np.ndarray, height: int, width: int, box: np.ndarray) -> None:
    """First row, one past the last, first column, one past the last of a shadow in the picture."""
    top, bottom, left, right = 1e9, -1e9, 1e9, -1e9
    for corner in range(4):
        x = foot[0] + (REACH_M if corner % 2 else -REACH_M)
        y = foot[1] + (REACH_M if corner // 2 else -REACH_M)
        depth = view[2, 0] * x + view[2, 1] * y + view[2, 3]
        if depth < REACH_M:  # beside the camera
            box[:] = 0
            return
        u = (view[0, 0] * x + view[0, 1] * y + view[0, 3]) / depth
        v = (view[1, 0] * x + view[1, 1] * y + view[1, 3]) / depth
        top, bottom, left, right = min(top, v), max(bottom, v), min(left, u), max(right, u)
    box[0], box[1] = min(max(int(top), 0), height), min(max(int(bottom) + 1, 0), height)
    box[2], box[3] = min(max(int(left), 0), width), min(max(int(right) + 1, 0), width)


@kernel
def find(
    parts: np.ndarray,
    materials: np.ndarray,
    view: np.ndarray,
    feet: np.ndarray,
    boxes: np.ndarray,
    shape: tuple[int, int],
    rows: np.ndarray,
) -> None:
    """Where the shoes' shadows are.

    Args:
        parts: (p, PART_SIZE) and materials (p, MATERIAL_SIZE) of one instant.
        view: (4, 4), see `raycast.cast`.
        feet: (SHOES, 3) rewritten; boxes: (SHOES, 4) int64, rewritten.
        shape: height and width of the picture.
        rows: (h, 2) columns that are covered; widened by the boxes.
    """
    boxes[:] = 0
    count = 0
    for i in range(len(parts)):
        if materials[i, 0] == SHOE and count < SHOES:
            _sole(parts[i], feet[count])
            _bounds(feet[count], view, shape[0], shape[1], boxes[count])
            count += 1
    for k in range(SHOES):
        if boxes[k, 2] < boxes[k, 3]:
            for v in range(boxes[k, 0], boxes[k, 1]):
                rows[v, 0] = min(rows[v, 0], boxes[k, 2])
                rows[v, 1] = max(rows[v, 1], boxes[k, 3])


@kernel
def darken(
    feet: np.ndarray,
    boxes: np.ndarray,
    rays: np.ndarray,
    centre: np.ndarray,
    depth: np.ndarray,
    far: float,
    image: np.ndarray,
) -> None:
    """Take the hidden light off the floor, where no body is before it."""
    for k in range(len(feet)):
        x, y, square = feet[k, 0], feet[k, 1], feet[k, 2] ** 2
        full = AREA_M2 * square / math.pi
        least = full / (square + REACH_M**2) ** 2
        for v in range(boxes[k, 0], boxes[k, 1]):
            for u in range(boxes[k, 2], boxes[k, 3]):
                down = rays[2, 0] * u + rays[2, 1] * v + rays[2, 2]
                if depth[v, u] < far or down >= 0.0:
                    continue
                t = -centre[2] / down
                dx = centre[0] + t * (rays[0, 0] * u + rays[0, 1] * v + rays[0, 2]) - x
                dy = centre[1] + t * (rays[1, 0] * u + rays[1, 1] * v + rays[1, 2]) - y
                away = dx * dx + dy * dy
                if away < REACH_M**2:
                    image[v, u] *= 1.0 - (full / (square + away) ** 2 - least)
