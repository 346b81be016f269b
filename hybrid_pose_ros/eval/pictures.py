"""Pictures of single moments: events with estimated and true skeletons, and the same in 3D."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.eval.examples import Example
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.skeleton import NUM_JOINTS
from hybrid_pose_ros.view import canvas
from hybrid_pose_ros.view.overlay import draw_overlay
from hybrid_pose_ros.view.scene3d import Scene3D

SCALE = 2
_SIDE = 460  # of a 3D picture, px
_BAR = 28  # height of the line above a picture, px
_LEFT_OUT = ("no carry", "no states", "no output", "no keyframe")


def shown(example: Example) -> list[int]:
    """Numbers of the contenders that are drawn: whole networks, not their variants."""
    return [i for i, name in enumerate(example.labels) if not any(v in name for v in _LEFT_OUT)]


def picture_2d(example: Example) -> np.ndarray:
    """(H, W, 3) uint8 BGR: one picture per contender, the truth as a thin green line."""
    width, height = example.size
    panels = []
    for i in shown(example):
        pose = Keypoints(
            example.uv[i].astype(np.float32),
            np.zeros((NUM_JOINTS, 3), np.float32),
            example.confidence[i].astype(np.float32),
        )
        image = draw_overlay(example.events, width, height, pose, SCALE, example.truth_uv)
        error = np.linalg.norm(example.uv[i] - example.truth_uv, axis=-1)
        panels.append(_titled(image, f"{example.labels[i]}  {np.nanmean(error):.1f} px"))
    return _grid(panels)


def picture_3d(example: Example) -> np.ndarray:
    """(H, W, 3) uint8 BGR: one room per contender, the truth as a grey body."""
    panels = []
    for i in shown(example):
        image = Scene3D(_SIDE, _SIDE).draw(0.0, example.xyz[i], None, example.truth_xyz)
        error = 1000 * np.linalg.norm(example.xyz[i] - example.truth_xyz, axis=-1)
        mean = f"{np.nanmean(error):.0f} mm" if np.isfinite(error).any() else "no position"
        panels.append(_titled(image, f"{example.labels[i]}  {mean}"))
    return _grid(panels)


def _titled(image: np.ndarray, title: str) -> np.ndarray:
    bar = canvas.new_canvas(_BAR, image.shape[1])
    canvas.text(bar, (8, 19), title, 15)
    return np.concatenate([bar, image])


def _grid(panels: list[np.ndarray]) -> np.ndarray:
    """At most three in a row, gaps dark."""
    columns = min(3, len(panels))
    height, width = panels[0].shape[:2]
    rows = -(-len(panels) // columns)
    page = canvas.new_canvas(rows * (height + 6) - 6, columns * (width + 6) - 6)
    for i, panel in enumerate(panels):
        top, left = i // columns * (height + 6), i % columns * (width + 6)
        page[top : top + height, left : left + width] = panel
    return page
