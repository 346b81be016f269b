"""A picture of how well cameras fit each other: one panel each, one stroke per joint and time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.view import canvas
from hybrid_pose_ros.view.overlay import side_colour

_SCALE = 2
_TITLE, _GAP = 58, 12
_COLUMNS = 2
_MOST = 60  # times drawn
_FITS_PX = 4.0


def draw_residuals(
    cameras: Sequence[Camera], measured: np.ndarray, expected: np.ndarray, notes: Sequence[str]
) -> np.ndarray:
    """Strokes from measured pixels (dots) to where the other views expect them.

    Args:
        cameras: C cameras.
        measured: (C, T, 13, 2) pixels; NaN = missing.
        expected: (C, T, 13, 2) pixels.
        notes: one line for each camera.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    size = max(c.width for c in cameras), max(c.height for c in cameras)
    width, height = size[0] * _SCALE, size[1] * _SCALE + _TITLE
    columns = min(_COLUMNS, len(cameras))
    rows = -(-len(cameras) // columns)
    image = canvas.new_canvas(rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP)
    for i, camera in enumerate(cameras):
        top, left = _GAP + i // columns * (height + _GAP), _GAP + i % columns * (width + _GAP)
        panel = image[top : top + height, left : left + width]
        panel[:] = canvas.PANEL
        canvas.text(panel, (12, 24), camera.name, 20, canvas.TEXT, bold=True)
        canvas.text(panel, (12, 46), notes[i], 15, canvas.MUTED)
        _strokes(panel[_TITLE:], measured[i], expected[i])
    return image


def _strokes(panel: np.ndarray, measured: np.ndarray, expected: np.ndarray) -> None:
    every = max(1, len(measured) // _MOST)
    for t in range(0, len(measured), every):
        for joint, (dot, end) in enumerate(zip(measured[t], expected[t], strict=True)):
            if not np.isfinite([dot, end]).all():
                continue
            near = float(np.linalg.norm(dot - end)) < _FITS_PX
            colour = canvas.mix(canvas.PANEL, side_colour(joint), 0.45 if near else 1.0)
            a, b = ((p + 0.5) * _SCALE - 0.5 for p in (dot, end))
            canvas.line(panel, a.tolist(), b.tolist(), colour, 1)
            canvas.disc(panel, a.tolist(), 1.6, colour)
