"""The floor of the 3D scene: a pool of light, a metre grid and the shadow of the person.

They are what lets a reader see depth and where the feet stand.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from hybrid_pose_ros.skeleton import LIMBS
from hybrid_pose_ros.view import canvas
from hybrid_pose_ros.view.pinhole import Pinhole

_REACH_M = 2.5  # the grid ends this far from the person
_CELL_M = 0.5
_LIT: canvas.Colour = (88, 74, 62)  # the floor below the person
_GRID: canvas.Colour = (150, 130, 112)
_RINGS = np.linspace(1.0, 0.05, 24)  # shares of the reach
_FADES = 10  # brightnesses of the grid


def draw_floor(image: np.ndarray, eye: Pinhole, centre: np.ndarray) -> None:
    """A floor lit around `centre` (x, y, floor height), with grid lines every half metre."""
    uv, _ = eye.project(centre + _REACH_M * _RINGS[:, None, None] * _circle())
    for outline, colour in zip(uv, _floor_colours(_RINGS).tolist(), strict=True):
        canvas.polygon(image, outline, colour)
    starts, ends = _grid_pieces(centre)
    far = np.hypot(*((starts + ends) / 2 - centre)[:, :2].T) / _REACH_M
    a, b = eye.project_segments(starts, ends)
    steps = np.floor(far * _FADES).astype(int)
    shares = (np.arange(_FADES) + 0.5) / _FADES
    floor = _floor_colours(shares)
    colours = floor + 0.45 * (1.0 - shares[:, None]) * (np.array(_GRID) - floor)
    for step, colour in enumerate(colours.tolist()):
        canvas.segments(image, a[steps == step], b[steps == step], colour)


@cache
def _circle() -> np.ndarray:
    angle = np.linspace(0.0, 2 * np.pi, 65)[:-1]
    return np.column_stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)])


def _floor_colours(far: np.ndarray) -> np.ndarray:
    """(n, 3) colours at distances (n,): 0 below the person, 1 where the light ends."""
    light = (1.0 - far[:, None]) ** 1.6
    return canvas.PANEL + light * (np.array(_LIT, np.float64) - canvas.PANEL)


def _grid_pieces(centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half-metre pieces of the grid lines around the person, at whole multiples of the world."""
    low = np.floor((centre[:2] - _REACH_M) / _CELL_M).astype(int)
    count = int(2 * _REACH_M / _CELL_M) + 2
    i, j = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
    corner = np.stack([low[0] + i.ravel(), low[1] + j.ravel()], axis=1) * _CELL_M
    start = np.column_stack([corner, np.full(len(corner), centre[2])])
    step = _CELL_M * np.eye(3)
    return np.concatenate([start, start]), np.concatenate([start + step[0], start + step[1]])


def draw_shadow(image: np.ndarray, eye: Pinhole, xyz: np.ndarray, floor_z: float) -> None:
    """Darkens the floor straight below the limbs of the skeleton (13, 3)."""
    fallen = np.array(xyz, np.float64)
    fallen[:, 2] = floor_z
    uv, depth = eye.project(fallen)
    if not np.isfinite(uv).any():
        return
    margin = 24
    height, width = image.shape[:2]
    low = np.clip(np.nanmin(uv, 0) - margin, 0, (width, height)).astype(int)
    high = np.clip(np.nanmax(uv, 0) + margin, 0, (width, height)).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    if part.size == 0:
        return
    mask = np.zeros(part.shape[:2], np.uint8)
    local, thickness = (uv - low).tolist(), eye.focal_px * 0.09 / depth
    for a, b in LIMBS:
        canvas.line(mask, local[a], local[b], 255, np.nan_to_num(thickness[a], nan=1.0))
    mask = cv2.GaussianBlur(mask, (0, 0), 4.0)
    part[:] = part * (1.0 - 0.7 * mask[..., None].astype(np.float32) / 255.0)
