"""Events of one camera with the 2D skeleton on top."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import cv2
import numpy as np

from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.skeleton import JOINTS, LIMBS
from hybrid_pose_ros.view import canvas

_LEVELS = 8  # more events than this on one pixel look the same


@cache
def side_colour(joint: int) -> canvas.Colour:
    """The colour of a joint: left, right, or text colour for the head."""
    name = JOINTS[joint]
    if name.endswith("_left"):
        return canvas.LEFT
    return canvas.RIGHT if name.endswith("_right") else canvas.TEXT


@cache
def limb_colours(a: int, b: int) -> tuple[canvas.Colour, canvas.Colour]:
    """The colours of the two halves of the limb a-b; a limb of the head has its other joint's."""
    first, second = side_colour(a), side_colour(b)
    if first == canvas.TEXT:
        return second, second
    return (first, first) if second == canvas.TEXT else (first, second)


def confidence_opacity(confidence: np.ndarray) -> np.ndarray:
    """Opacity of a joint (0 = missing): the root, so that a doubtful joint can still be seen."""
    return np.sqrt(np.clip(np.nan_to_num(confidence, nan=0.0), 0.0, 1.0))


@cache
def _event_colours() -> np.ndarray:
    """(256, 1, 3) uint8 colour of the index ON count * 8 + OFF count."""
    on, off = np.divmod(np.arange(256), _LEVELS)
    total = (on + off)[:, None]
    hue = (on[:, None] * np.array(canvas.ON) + off[:, None] * np.array(canvas.OFF)) / np.maximum(
        total, 1
    )
    brightness = np.where(total > 0, 1.0 - 0.45 * np.exp(-(total - 1) / 1.5), 0.0)
    colour = np.array(canvas.BACKGROUND) + brightness * (hue - np.array(canvas.BACKGROUND))
    return np.round(colour).astype(np.uint8)[:, None]


def event_image(events: np.ndarray, width: int, height: int) -> np.ndarray:
    """ON and OFF events in two colours, brighter where there are more.

    Args:
        events: EVENT_DTYPE; what lies outside the sensor is left out.
        width: of the sensor, pixels.
        height: of the sensor, pixels.

    Returns:
        (height, width, 3) uint8 BGR.
    """
    x, y, p = events["x"].astype(np.intp), events["y"].astype(np.intp), events["p"]
    cell = y * width + x
    if len(x) and (x.max() >= width or y.max() >= height):
        inside = (x < width) & (y < height)
        cell, p = cell[inside], p[inside]
    size = width * height
    on = np.bincount(cell[p != 0], minlength=size)
    off = np.bincount(cell[p == 0], minlength=size)
    top = _LEVELS - 1
    index = np.minimum(on, top) * _LEVELS + np.minimum(off, top)
    return cv2.applyColorMap(index.astype(np.uint8).reshape(height, width), _event_colours())


def draw_keypoints(image: np.ndarray, keypoints: Keypoints, ellipses: bool = False) -> None:
    """Draws the skeleton onto `image`, whose pixels `keypoints.uv` are in.

    A joint with confidence 0 or a non-finite position, and every limb that ends there, is left out.
    """
    stroke = max(1.0, min(image.shape[:2]) / 200.0)
    alpha = confidence_opacity(keypoints.confidence) * np.isfinite(keypoints.uv).all(1)
    uv, shown = np.asarray(keypoints.uv, np.float64).tolist(), alpha.tolist()
    for a, b in LIMBS:
        if shown[a] > 0.0 and shown[b] > 0.0:
            with canvas.opacity(image, (uv[a], uv[b]), 2 * stroke + 2, min(shown[a], shown[b])):
                _draw_limb(image, uv[a], uv[b], limb_colours(a, b), stroke)
    for joint in np.flatnonzero(alpha > 0.0):
        with canvas.opacity(image, (uv[joint],), 3 * stroke + 2, shown[joint]):
            canvas.disc(image, uv[joint], 1.9 * stroke + 1, canvas.BACKGROUND)
            canvas.disc(image, uv[joint], 1.9 * stroke, side_colour(joint))
        if ellipses:
            _draw_ellipse(image, uv[joint], keypoints.covariance[joint], side_colour(joint))


def _draw_limb(
    image: np.ndarray,
    a: list[float],
    b: list[float],
    colours: tuple[canvas.Colour, canvas.Colour],
    stroke: float,
) -> None:
    canvas.line(image, a, b, canvas.BACKGROUND, 2 * stroke + 2)
    canvas.line(image, a, b, colours[0], 2 * stroke)
    if colours[0] != colours[1]:
        middle = [(p + q) / 2 for p, q in zip(a, b, strict=True)]
        canvas.line(image, middle, b, colours[1], 2 * stroke)


def _draw_ellipse(
    image: np.ndarray, centre: list[float], covariance: np.ndarray, colour: canvas.Colour
) -> None:
    """The outline that holds 95 % of a Gaussian; covariance: uu, uv, vv."""
    uu, cross, vv = np.asarray(covariance, np.float64)
    if not np.isfinite([uu, cross, vv]).all():
        return
    values, vectors = np.linalg.eigh([[uu, cross], [cross, vv]])
    radii = np.sqrt(np.maximum(values, 0.0) * 5.991)  # chi-square, two degrees of freedom
    angle = np.linspace(0.0, 2 * np.pi, 37)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    ring = (centre + (circle * radii) @ vectors.T).tolist()
    for a, b in pairwise(ring):
        canvas.line(image, a, b, colour)


def draw_truth(image: np.ndarray, uv: np.ndarray, colour: canvas.Colour = canvas.TRUTH) -> None:
    """The true skeleton, (13, 2) pixels of `image`, as a thin line under the estimate."""
    stroke = max(1.0, min(image.shape[:2]) / 250.0)
    points = np.asarray(uv, np.float64).tolist()
    for a, b in LIMBS:
        canvas.line(image, points[a], points[b], colour, stroke)
    for point in points:
        canvas.disc(image, point, 1.6 * stroke, colour)


def scaled(uv: np.ndarray, scale: float) -> np.ndarray:
    """Sensor pixels as pixels of a picture `scale` times as large (centres stay centres)."""
    return (np.asarray(uv, np.float64) + 0.5) * scale - 0.5


def draw_overlay(
    events: np.ndarray,
    width: int,
    height: int,
    keypoints: Keypoints | None = None,
    scale: int = 1,
    truth_uv: np.ndarray | None = None,
    ellipses: bool = False,
) -> np.ndarray:
    """A camera's picture: events, the true skeleton if known, the estimated one on top.

    Args:
        events: EVENT_DTYPE, all drawn whatever their time.
        width: of the sensor, pixels.
        height: of the sensor, pixels.
        keypoints: the estimate in sensor pixels.
        scale: enlargement, a whole number.
        truth_uv: (13, 2) sensor pixels, NaN where unknown.
        ellipses: also draw the 95 % ellipse of every joint.

    Returns:
        (height * scale, width * scale, 3) uint8 BGR.
    """
    image = event_image(events, width, height)
    if scale != 1:
        size = (width * scale, height * scale)
        image = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
    if truth_uv is not None:
        draw_truth(image, scaled(truth_uv, scale))
    if keypoints is not None:
        covariance = np.asarray(keypoints.covariance) * scale**2
        placed = Keypoints(scaled(keypoints.uv, scale), covariance, keypoints.confidence)
        draw_keypoints(image, placed, ellipses)
    return image
