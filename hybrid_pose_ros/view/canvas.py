"""The drawing vocabulary of all pictures: one palette, text, antialiased strokes, opacity.

Images are (H, W, 3) uint8, BGR. Positions are (x, y) pixels with pixel centres at integers and may
be fractional, non-finite or far outside: what cannot be seen is not drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

Colour = tuple[int, int, int]

BACKGROUND: Colour = (20, 15, 12)
PANEL: Colour = (34, 26, 21)
RULE: Colour = (66, 54, 46)
TEXT: Colour = (245, 240, 236)
MUTED: Colour = (168, 152, 140)
ON: Colour = (255, 232, 206)  # brighter: ice white
OFF: Colour = (226, 112, 58)  # darker: blue
LEFT: Colour = (48, 182, 255)  # amber
RIGHT: Colour = (160, 82, 255)  # magenta
TRUTH: Colour = (150, 215, 165)  # pale green on events
GHOST: Colour = (146, 174, 152)  # the same truth, greyer, in the 3D scene

_SHIFT = 4  # fractional bits of OpenCV's coordinates
_ONE = 2**_SHIFT
_REACH = 10_000.0  # strokes are clipped to this square, in pixels


def new_canvas(height: int, width: int, colour: Colour = BACKGROUND) -> np.ndarray:
    """An image of one colour."""
    image = np.empty((height, width, 3), np.uint8)
    cv2.rectangle(image, (0, 0), (width, height), colour, -1)  # ten times faster than np.full
    return image


def mix(a: Sequence[float], b: Sequence[float], share: float) -> Colour:
    """Colour `a` with `share` (0..1) of `b`."""
    blue, green, red = (round(p + (q - p) * share) for p, q in zip(a, b, strict=True))
    return blue, green, red


@contextmanager
def opacity(
    image: np.ndarray, points: Sequence[Sequence[float]], margin: float, alpha: float
) -> Iterator[None]:
    """What is drawn within `margin` of the finite `points` in this block is `alpha` opaque."""
    if alpha >= 0.995:
        yield
        return
    x, y = [point[0] for point in points], [point[1] for point in points]
    height, width = image.shape[:2]
    left, right = (int(min(max(e, 0), width)) for e in (min(x) - margin, max(x) + margin + 2))
    top, bottom = (int(min(max(e, 0), height)) for e in (min(y) - margin, max(y) + margin + 2))
    part = image[top:bottom, left:right]
    before = part.copy()
    yield
    if part.size:
        cv2.addWeighted(part, alpha, before, 1.0 - alpha, 0.0, dst=part)


def clip_segment(
    a: Sequence[float], b: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> tuple[list[float], list[float]] | None:
    """The part of segment a-b inside the box low..high (any dimension); None if there is none."""
    step, enter, leave = [q - p for p, q in zip(a, b, strict=True)], 0.0, 1.0
    for start, delta, lo, hi in zip(a, step, low, high, strict=True):
        if not math.isfinite(delta):
            return None
        if delta == 0.0:
            if not lo <= start <= hi:
                return None
            continue
        near, far = sorted(((lo - start) / delta, (hi - start) / delta))
        enter, leave = max(enter, near), min(leave, far)
    if enter > leave:
        return None
    first, last = ([p + t * d for p, d in zip(a, step, strict=True)] for t in (enter, leave))
    return first, last


def _inside(*values: float) -> bool:
    return all(-_REACH < value < _REACH for value in values)  # False for NaN


def line(
    image: np.ndarray,
    a: Sequence[float],
    b: Sequence[float],
    colour: Colour | int,
    thickness: float = 1,
) -> None:
    """An antialiased stroke from a to b; `image` may also have one channel, `colour` one number."""
    if not _inside(*a, *b):
        kept = clip_segment(a, b, (-_REACH, -_REACH), (_REACH, _REACH))
        if kept is None:
            return
        a, b = kept
    start, end = (int(a[0] * _ONE), int(a[1] * _ONE)), (int(b[0] * _ONE), int(b[1] * _ONE))
    cv2.line(image, start, end, colour, max(1, round(thickness)), cv2.LINE_AA, _SHIFT)


def segments(image: np.ndarray, a: np.ndarray, b: np.ndarray, colour: Colour) -> None:
    """Many thin strokes of one colour at once: from a (n, 2) to b (n, 2)."""
    ends = np.stack([a, b], axis=1) * _ONE
    ends = ends[(np.abs(ends) < _REACH * _ONE).all((1, 2))]  # False for NaN
    if len(ends):
        cv2.polylines(image, list(ends.astype(np.int32)), False, colour, 1, cv2.LINE_AA, _SHIFT)


def disc(
    image: np.ndarray, centre: Sequence[float], radius: float, colour: Colour, thickness: int = -1
) -> None:
    """An antialiased filled circle, or a ring where thickness is positive."""
    x, y = centre
    if _inside(x, y):
        fixed = (int(x * _ONE), int(y * _ONE))
        cv2.circle(image, fixed, int(radius * _ONE), colour, thickness, cv2.LINE_AA, _SHIFT)


def polygon(image: np.ndarray, points: np.ndarray, colour: Colour) -> None:
    """An antialiased filled polygon, points (n, 2); nothing if one is not finite or far away."""
    points = np.asarray(points, np.float64)
    if (np.abs(points) < 100 * _REACH).all():
        fixed = np.round(points * _ONE).astype(np.int32)
        cv2.fillPoly(image, [fixed], colour, cv2.LINE_AA, _SHIFT)


@lru_cache(maxsize=512)
def _text_pixels(
    string: str, size: int, bold: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Rows (baseline: `size`), columns and opacities (n, 1) of a text's pixels, and its width."""
    page = np.zeros((2 * size, (len(string) + 2) * size, 3), np.uint8)
    if hasattr(cv2, "FontFace"):  # OpenCV 5 has real fonts
        font = _font()
        cv2.putText(page, string, (2, int(1.3 * size)), (255,) * 3, font, size, 600 * bold or 400)
    else:
        scale = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_SIMPLEX, max(1, int(0.66 * size)), 1)
        origin, strokes = (2, int(1.3 * size)), 2 if bold else 1
        cv2.putText(page, string, origin, 0, scale, (255,) * 3, strokes, cv2.LINE_AA)
    mask = page[int(0.3 * size) :, 2:, 0]
    rows, columns = np.nonzero(mask)
    if not rows.size:  # a row that is never inside a picture keeps `text` free of special cases
        return np.array([-1 << 20]), np.array([0]), np.zeros((1, 1), np.float32), size // 3
    alpha = mask[rows, columns, None].astype(np.float32) / 255.0
    return rows, columns, alpha, int(columns.max()) + 2


@lru_cache(maxsize=1)
def _font() -> Any:
    return cv2.FontFace("sans")


def text(
    image: np.ndarray,
    position: Sequence[float],
    string: str,
    size: int = 16,
    colour: Colour = TEXT,
    bold: bool = False,
    align: str = "left",
) -> int:
    """Writes one line whose baseline starts (align: left, right, center) at `position`.

    Returns:
        The width of the text in pixels.
    """
    rows, columns, alpha, width = _text_pixels(string, size, bold)
    x = int(position[0]) - {"left": 0, "right": width, "center": width // 2}[align]
    rows, columns = rows + int(position[1]) - size, columns + x
    height, limit = image.shape[:2]
    if rows[0] < 0 or rows[-1] >= height or x < 0 or x + width > limit:
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < limit)
        rows, columns, alpha = rows[inside], columns[inside], alpha[inside]
    below = image[rows, columns].astype(np.float32)
    image[rows, columns] = below + alpha * (np.array(colour, np.float32) - below) + 0.5
    return width


def text_width(string: str, size: int = 16, bold: bool = False) -> int:
    """How wide `text` would draw the string, in pixels."""
    return _text_pixels(string, size, bold)[3]
