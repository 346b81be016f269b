"""Strict reading of the values in rig files: each fits or is a CalibrationError naming it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hybrid_pose_ros.errors import CalibrationError
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.distortion import Distortion

_CROP_KEYS = {"x", "y", "width", "height"}
_FOCAL_ORDER = ("fx", "fy", "cx", "cy")
_FOCAL_KEYS = set(_FOCAL_ORDER)


def mapping(value: Any, known: set[str], required: set[str], where: str) -> dict[str, Any]:
    """A dict with no other keys than the known ones, and with all required ones."""
    if not isinstance(value, dict):
        raise CalibrationError(f"{where} must map keys to values, got {value!r}")
    unknown = [str(key) for key in value if key not in known]
    lacking = sorted(required - value.keys())
    if unknown:
        raise CalibrationError(
            f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(sorted(known))}"
        )
    if lacking:
        raise CalibrationError(f"{where} lacks {', '.join(lacking)}; add it")
    return value


def text(value: Any, where: str) -> str:
    """A string that is not empty."""
    if not isinstance(value, str) or not value:
        raise CalibrationError(f"{where} must be a name, got {value!r}")
    return value


def count(value: Any, where: str) -> int:
    """A positive whole number of pixels."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise CalibrationError(f"{where} must be a positive whole number of pixels, got {value!r}")
    return value


def numbers(value: Any, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Finite numbers in the given shape, float64."""
    try:
        array = np.array(value, np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.shape != shape or not np.isfinite(array).all():
        what = f"{shape[0]} rows of {shape[1]}" if len(shape) == 2 else f"{shape[0]}"
        raise CalibrationError(f"{where} must be {what} finite numbers, got {value!r}")
    return array


def intrinsics(value: Any, where: str) -> np.ndarray:
    """(3, 3) from a mapping fx, fy, cx, cy or from the matrix itself."""
    if isinstance(value, dict):
        value = mapping(value, _FOCAL_KEYS, _FOCAL_KEYS, where)
        fx, fy, cx, cy = (numbers([value[k]], (1,), f"{where}: {k}")[0] for k in _FOCAL_ORDER)
        value = [[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]
    matrix = numbers(value, (3, 3), where)
    upper = np.allclose(np.tril(matrix, -1), 0, atol=1e-6) and abs(matrix[2, 2] - 1) < 1e-6
    if not upper or not (matrix[0, 0] > 0 and matrix[1, 1] > 0):
        raise CalibrationError(
            f"{where} must be [[fx, s, cx], [0, fy, cy], [0, 0, 1]] in pixels with fx, fy > 0, "
            f"got {matrix.tolist()}"
        )
    return matrix


def rigid(pose: np.ndarray, where: str) -> np.ndarray:
    """[R | t] (3, 4) whose left part is a rotation."""
    rotation = pose[:, :3]
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-4) or np.linalg.det(rotation) < 0:
        raise CalibrationError(
            f"{where}: its left 3 x 3 part must be a rotation (orthogonal, right-handed), got "
            f"{rotation.tolist()}"
        )
    return pose


def quaternion(value: Any, where: str) -> np.ndarray:
    """(4,) x, y, z, w of length 1."""
    xyzw = numbers(value, (4,), where)
    if abs(np.linalg.norm(xyzw) - 1.0) > 1e-3:
        raise CalibrationError(
            f"{where} must be x, y, z, w of length 1, got {xyzw.tolist()} of length "
            f"{np.linalg.norm(xyzw):.3g}"
        )
    return xyzw


def crop(value: Any, width: int, height: int, where: str) -> Crop:
    """A window inside the sensor; None = the largest square in its middle."""
    if value is None:
        return Crop.centered(width, height)
    value = mapping(value, _CROP_KEYS, _CROP_KEYS, where)
    for key, number in value.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise CalibrationError(f"{where}: {key} must be a whole number >= 0, got {number!r}")
    try:
        window = Crop(**value)
    except ValueError as error:
        raise CalibrationError(f"{where}: {error}") from error
    if window.x + window.width > width or window.y + window.height > height:
        raise CalibrationError(
            f"{where} {window.width} x {window.height} at ({window.x}, {window.y}) does not fit "
            f"the {width} x {height} sensor; make it smaller or move it"
        )
    return window


def distortion(model: Any, coefficients: Any, where: str) -> Distortion | None:
    """A lens; None where all coefficients are zero."""
    try:
        lens = Distortion(text(model, f"{where}: model"), tuple(coefficients))
    except (TypeError, CalibrationError) as error:
        raise CalibrationError(f"{where}: {error}") from error
    # An equidistant lens without coefficients still bends: a = atan(r).
    return lens if lens.model == "fisheye" or any(lens.coefficients) else None


def camera(
    name: str,
    size: tuple[int, int],
    projection: np.ndarray,
    where: str,
    *,
    frame_id: str = "",
    window: Crop | None = None,
    lens: Distortion | None = None,
) -> Camera:
    """A camera of a file; says where the matrix came from if it shows no picture."""
    frame_id = frame_id or f"{name}_optical_frame"
    try:
        made = Camera(
            name, *size, projection, frame_id, window or Crop.centered(*size), distortion=lens
        )
    except ValueError as error:
        raise CalibrationError(f"{where}: {error}") from error
    if np.linalg.det(made.projection[:, :3]) < 0:
        raise CalibrationError(
            f"{where} shows a mirrored image, or a scene behind the camera; count v downwards and "
            "u to the right, and scale the matrix so that points in front of the camera have a "
            "positive third coordinate"
        )
    return made


def select(known: Iterable[str], wanted: Sequence[str] | None, source: str) -> list[str]:
    """Names of the cameras wanted, in their order; None = all that the source has."""
    known = [str(name) for name in known]
    chosen = known if wanted is None else [str(name) for name in wanted]
    missing = [name for name in chosen if name not in known]
    if missing:
        raise CalibrationError(
            f"{source} has no calibration for {', '.join(missing)}; it has {', '.join(known)}. "
            "Add the camera to the file, or name only calibrated cameras in `cameras`"
        )
    if not chosen:
        raise CalibrationError("name at least one camera of the rig, got none")
    return chosen
