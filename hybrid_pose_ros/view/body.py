"""A skeleton in 3D as a figure of shaded tubes and balls, and as a grey ghost of the truth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hybrid_pose_ros.skeleton import INDEX, LIMBS
from hybrid_pose_ros.view import canvas
from hybrid_pose_ros.view.overlay import limb_colours, side_colour
from hybrid_pose_ros.view.pinhole import Pinhole

_LIMB_M, _JOINT_M, _HEAD_M = 0.028, 0.036, 0.1  # radii
_HEAD = INDEX["head"]
_SHOULDERS = (INDEX["shoulder_right"], INDEX["shoulder_left"])
_TORSO = tuple(INDEX[n] for n in ("shoulder_right", "shoulder_left", "hip_left", "hip_right"))


class _Piece(NamedTuple):
    """A tube from a to b, or a ball where both are the same; sorts by distance."""

    far: float
    a: tuple[float, float]
    b: tuple[float, float]
    radius_m: float
    colours: tuple[canvas.Colour, canvas.Colour]
    alpha: float


def draw_skeleton(image: np.ndarray, eye: Pinhole, xyz: np.ndarray, alpha: np.ndarray) -> None:
    """Draws the figure, far pieces first.

    The two lines of LIMBS that end at the head joint (the crown) become a neck and a round head.

    Args:
        image: drawn on.
        eye: who looks.
        xyz: (13, 3) metres; a joint with a NaN is left out with its limbs.
        alpha: (13,) opacity; 0 leaves a joint out with its limbs.
    """
    pieces = sorted(_pieces(eye, xyz, alpha), reverse=True)
    if not pieces:
        return
    _draw_torso(image, eye, xyz, alpha)
    middle = sum(piece.far for piece in pieces) / len(pieces)
    for piece in pieces:
        shade = min(max(0.1 + 0.4 * (piece.far - middle), 0.0), 0.5)
        radius = piece.radius_m * eye.focal_px / piece.far
        with canvas.opacity(image, (piece.a, piece.b), radius + 3, piece.alpha):
            if piece.a == piece.b:
                _draw_ball(image, piece.a, radius, piece.colours[0], shade)
            else:
                _draw_tube(image, piece, radius, shade)


def draw_ghost(image: np.ndarray, eye: Pinhole, xyz: np.ndarray) -> None:
    """Draws the true skeleton grey and wider than the estimate, half transparent as a whole."""
    pieces = _pieces(eye, xyz, np.ones(len(xyz)))
    if not pieces:
        return
    ends = [point for piece in pieces for point in (piece.a, piece.b)]
    with canvas.opacity(image, ends, 60, 0.5):
        for piece in pieces:
            extra = 0.024 if piece.a != piece.b else 0.015
            radius = (piece.radius_m + extra) * eye.focal_px / piece.far
            canvas.line(image, piece.a, piece.b, canvas.GHOST, 2 * radius)


def _pieces(eye: Pinhole, xyz: np.ndarray, alpha: np.ndarray) -> list[_Piece]:
    uv, depth = eye.project(xyz)
    shown = np.where(np.isfinite(uv).all(1), np.nan_to_num(alpha), 0.0).tolist()
    points, far = [tuple(point) for point in uv.tolist()], depth.tolist()
    pieces = [
        _Piece((far[a] + far[b]) / 2, points[a], points[b], _LIMB_M, limb_colours(a, b), visible)
        for a, b in LIMBS
        if _HEAD not in (a, b) and (visible := min(shown[a], shown[b])) > 0
    ]
    pieces += [
        _Piece(far[j] - _JOINT_M, points[j], points[j], _JOINT_M, (side_colour(j),) * 2, shown[j])
        for j in range(len(shown))
        if j != _HEAD and shown[j] > 0
    ]
    return pieces + _head_pieces(eye, np.asarray(xyz, np.float64), shown)


def _head_pieces(eye: Pinhole, xyz: np.ndarray, shown: list[float]) -> list[_Piece]:
    """The round head just below the crown, and the neck where both shoulders are seen."""
    if shown[_HEAD] <= 0:
        return []
    grey = (canvas.mix(canvas.TEXT, canvas.MUTED, 0.4),) * 2
    crown, neck = xyz[_HEAD], xyz[list(_SHOULDERS)].mean(0)
    has_neck = min(shown[j] for j in _SHOULDERS) > 0
    down = neck - crown if has_neck else np.array([0.0, 0.0, -1.0])
    down = _HEAD_M * down / max(float(np.linalg.norm(down)), 1e-6)
    uv, depth = eye.project(np.stack([crown + down, crown + 1.9 * down, neck]))
    if not np.isfinite(uv[0]).all():
        return []
    head, chin, base = (tuple(point) for point in uv.tolist())
    pieces = [_Piece(depth[0] - _HEAD_M, head, head, _HEAD_M, grey, shown[_HEAD])]
    if has_neck and np.isfinite(uv).all():
        visible = min(shown[j] for j in (_HEAD, *_SHOULDERS))
        pieces.append(_Piece(depth[1:].mean(), chin, base, _LIMB_M, grey, visible))
    return pieces


def _draw_torso(image: np.ndarray, eye: Pinhole, xyz: np.ndarray, alpha: np.ndarray) -> None:
    corners, _ = eye.project(np.asarray(xyz, np.float64)[list(_TORSO)])
    visible = 0.16 * float(np.min(alpha[list(_TORSO)]))
    if visible > 0.0 and np.isfinite(corners).all():
        with canvas.opacity(image, corners.tolist(), 2, visible):
            canvas.polygon(image, corners, canvas.TEXT)


def _draw_tube(image: np.ndarray, piece: _Piece, radius: float, shade: float) -> None:
    a, b = piece.a, piece.b
    middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    canvas.line(image, a, b, canvas.BACKGROUND, 2 * radius + 3)
    one = piece.colours[0] == piece.colours[1]
    for end, other, colour in (
        (a, b if one else middle, piece.colours[0]),
        (b, middle, piece.colours[1]),
    ):
        dim = canvas.mix(colour, canvas.BACKGROUND, shade)
        canvas.line(image, end, other, canvas.mix(dim, canvas.BACKGROUND, 0.35), 2 * radius)
        canvas.line(image, end, other, dim, 1.3 * radius)
        canvas.line(image, end, other, canvas.mix(dim, canvas.TEXT, 0.35), 0.4 * radius)
        if one:
            break


def _draw_ball(
    image: np.ndarray,
    centre: tuple[float, float],
    radius: float,
    colour: canvas.Colour,
    shade: float,
) -> None:
    dim = canvas.mix(colour, canvas.BACKGROUND, shade)
    x, y = centre
    canvas.disc(image, centre, radius + 1.5, canvas.BACKGROUND)
    canvas.disc(image, centre, radius, canvas.mix(dim, canvas.BACKGROUND, 0.35))
    canvas.disc(image, (x - 0.12 * radius, y - 0.12 * radius), 0.8 * radius, dim)
    light = canvas.mix(dim, canvas.TEXT, 0.5)
    canvas.disc(image, (x - 0.3 * radius, y - 0.3 * radius), 0.35 * radius, light)
