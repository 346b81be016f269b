"""All calibrated cameras of a scene, and the YAML file that they are read from.

The file is read strictly: an unknown or missing key, a wrong shape or a mirrored matrix is a
CalibrationError that says which value is wrong and what to do. `config/dhp19_rig.yaml` is a
complete example.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hybrid_pose_ros.errors import CalibrationError
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.pose.camera import Camera

DHP19_WIDTH, DHP19_HEIGHT = 346, 260
DHP19_CROP = Crop(34, 2, 256, 256)

_RIG_KEYS = {"world_frame", "cameras"}
_CAMERA_KEYS = {"frame_id", "width", "height", "crop", "projection", "dhp19_projection"}
_CROP_KEYS = {"x", "y", "width", "height"}


@dataclass(frozen=True, eq=False)
class Rig:
    """Cameras that share one world frame.

    Attributes:
        world_frame: frame_id of everything in 3D.
        cameras: by name, in the order asked for.
    """

    world_frame: str
    cameras: dict[str, Camera]

    def projections(self) -> np.ndarray:
        """(C, 3, 4) projection matrices in the order of `cameras`."""
        return np.stack([camera.projection for camera in self.cameras.values()])


def dhp19_camera(
    projection: np.ndarray,
    name: str,
    *,
    width: int = DHP19_WIDTH,
    height: int = DHP19_HEIGHT,
    frame_id: str = "",
    crop: Crop = DHP19_CROP,
) -> Camera:
    """A camera from a projection matrix as DHP19 gives it.

    DHP19's world is in millimetres and its image counts y from the bottom: v = height - y.

    Args:
        projection: (3, 4), millimetres to u, y (the files P1.npy .. P4.npy).
        name: name of the camera; the optical frame is named after it unless `frame_id` is given.
        width: sensor columns, px.
        height: sensor rows, px.
        frame_id: name of the optical frame.
        crop: the window that the networks see.
    """
    row_u, row_y, row_w = np.asarray(projection, np.float64)
    downwards = np.stack([row_u, height * row_w - row_y, row_w])
    metres = downwards * np.array([1000.0, 1000.0, 1000.0, 1.0])
    return Camera(name, width, height, metres, frame_id or f"{name}_optical_frame", crop)


def load_rig(path: str | Path, cameras: Sequence[str] | None = None) -> Rig:
    """Read a rig file.

    Args:
        path: YAML file.
        cameras: names of the cameras wanted, in this order; None = all in the file.

    Raises:
        CalibrationError: naming file, camera, value and remedy.
    """
    path = Path(path)
    tree = _mapping(_read_yaml(path), _RIG_KEYS, _RIG_KEYS, f"{path}")
    entries = tree["cameras"]
    if not isinstance(entries, dict) or not entries:
        raise CalibrationError(f"{path}: `cameras` must map names to cameras, got {entries!r}")
    wanted = [str(name) for name in (entries if cameras is None else cameras)]
    known = {str(name): entry for name, entry in entries.items()}
    missing = [name for name in wanted if name not in known]
    if missing:
        raise CalibrationError(
            f"{path} has no calibration for {', '.join(missing)}; it has {', '.join(known)}. "
            "Add the camera to the file, or name only calibrated cameras in `cameras`"
        )
    if not wanted:
        raise CalibrationError("name at least one camera of the rig, got none")
    built = {name: _camera(name, known[name], f"{path}: camera {name}") for name in wanted}
    return Rig(_text(tree["world_frame"], f"{path}: world_frame"), built)


def check_sensor(camera: Camera, width: int, height: int) -> None:
    """Refuse events of a sensor that the camera was not calibrated for.

    Raises:
        CalibrationError: if width x height is not the calibrated size.
    """
    if (width, height) != (camera.width, camera.height):
        raise CalibrationError(
            f"{camera.name} sends {width} x {height} pixels but is calibrated for "
            f"{camera.width} x {camera.height}; correct its width, height and projection in the "
            "rig file, or check that the topic belongs to this camera"
        )


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CalibrationError(
            f"cannot read the rig file {path}: {error.strerror}; give the path of a rig file "
            "such as config/dhp19_rig.yaml"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise CalibrationError(f"{path} is not valid YAML: {problem}; correct the file") from error


def _camera(name: str, entry: Any, where: str) -> Camera:
    entry = _mapping(entry, _CAMERA_KEYS, {"width", "height"}, where)
    if ("projection" in entry) == ("dhp19_projection" in entry):
        raise CalibrationError(
            f"{where}: give either `projection` (metres to pixels, v downwards) or "
            "`dhp19_projection` (millimetres to pixels, y from the bottom), and not both"
        )
    width = _count(entry["width"], f"{where}: width")
    height = _count(entry["height"], f"{where}: height")
    crop = _crop(entry.get("crop"), width, height, f"{where}: crop")
    frame_id = _text(entry.get("frame_id", f"{name}_optical_frame"), f"{where}: frame_id")
    key = "projection" if "projection" in entry else "dhp19_projection"
    matrix = _matrix(entry[key], f"{where}: {key}")
    try:
        if key == "projection":
            camera = Camera(name, width, height, matrix, frame_id, crop)
        else:
            camera = dhp19_camera(
                matrix, name, width=width, height=height, frame_id=frame_id, crop=crop
            )
    except ValueError as error:
        raise CalibrationError(f"{where}: {error}") from error
    if np.linalg.det(camera.projection[:, :3]) < 0:
        raise CalibrationError(
            f"{where}: {key} shows a mirrored image, or a scene behind the camera; count v "
            "downwards and u to the right, and scale the matrix so that points in front of the "
            "camera have a positive third coordinate"
        )
    return camera


def _mapping(value: Any, known: set[str], required: set[str], where: str) -> dict[str, Any]:
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


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise CalibrationError(f"{where} must be a name, got {value!r}")
    return value


def _count(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise CalibrationError(f"{where} must be a positive whole number of pixels, got {value!r}")
    return value


def _crop(value: Any, width: int, height: int, where: str) -> Crop:
    if value is None:
        return Crop.centered(width, height)
    value = _mapping(value, _CROP_KEYS, _CROP_KEYS, where)
    for key, number in value.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise CalibrationError(f"{where}: {key} must be a whole number >= 0, got {number!r}")
    try:
        crop = Crop(**value)
    except ValueError as error:
        raise CalibrationError(f"{where}: {error}") from error
    if crop.x + crop.width > width or crop.y + crop.height > height:
        raise CalibrationError(
            f"{where} {crop.width} x {crop.height} at ({crop.x}, {crop.y}) does not fit the "
            f"{width} x {height} sensor; make it smaller or move it"
        )
    return crop


def _matrix(value: Any, where: str) -> np.ndarray:
    try:
        matrix = np.array(value, np.float64)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    if matrix.shape != (3, 4) or not np.isfinite(matrix).all():
        raise CalibrationError(f"{where} must be 3 rows of 4 finite numbers, got {value!r}")
    return matrix
