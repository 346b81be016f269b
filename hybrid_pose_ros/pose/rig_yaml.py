"""Our own rig file, read strictly: an unknown or missing key is an error, not a default.

A camera is given by one of `projection`, `dhp19_projection`, or `intrinsics` with `pose`, and may
have `distortion`. `config/dhp19_rig.yaml` and docs/calibration.md show complete files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hybrid_pose_ros.errors import CalibrationError
from hybrid_pose_ros.pose import rig_values as values
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.dhp19_rig import from_dhp19
from hybrid_pose_ros.pose.extrinsics import (
    rotation_of_quaternion,
    rotation_of_vector,
    world_to_camera,
)

_RIG_KEYS = {"world_frame", "cameras"}
_FORMS = ("projection", "dhp19_projection", "intrinsics")
_CAMERA_KEYS = {"frame_id", "width", "height", "crop", "pose", "distortion", *_FORMS}
_ROTATIONS = {"quaternion", "rotation_vector"}


def read_yaml(path: Path, wanted: Sequence[str] | None) -> tuple[str, dict[str, Camera]]:
    """World frame and cameras of a rig file.

    Raises:
        CalibrationError: naming file, camera, value and remedy.
    """
    tree = values.mapping(_load(path), _RIG_KEYS, _RIG_KEYS, f"{path}")
    entries = tree["cameras"]
    if not isinstance(entries, dict) or not entries:
        raise CalibrationError(f"{path}: `cameras` must map names to cameras, got {entries!r}")
    known = {str(name): entry for name, entry in entries.items()}
    cameras = {
        name: _camera(name, known[name], f"{path}: camera {name}")
        for name in values.select(known, wanted, f"{path}")
    }
    return values.text(tree["world_frame"], f"{path}: world_frame"), cameras


def write_yaml(world_frame: str, cameras: Mapping[str, Camera], path: Path, comment: str) -> None:
    """See `rig.save_rig`."""
    tree = {
        "world_frame": world_frame,
        "cameras": {name: _entry(camera) for name, camera in cameras.items()},
    }
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    body = yaml.safe_dump(tree, sort_keys=False, default_flow_style=None, width=100)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(head + body, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise CalibrationError(
            f"cannot write {path}: {error.strerror}; choose another path"
        ) from error
    finally:
        if partial.exists():
            partial.unlink()


def _entry(camera: Camera) -> dict[str, Any]:
    window = camera.crop
    entry = {
        "frame_id": camera.frame_id,
        "width": camera.width,
        "height": camera.height,
        "crop": {"x": window.x, "y": window.y, "width": window.width, "height": window.height},
        "projection": camera.projection.tolist(),
    }
    if camera.distortion is not None:
        lens = camera.distortion
        entry["distortion"] = {"model": lens.model, "coefficients": list(lens.coefficients)}
    return entry


def _load(path: Path) -> Any:
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
    entry = values.mapping(entry, _CAMERA_KEYS, {"width", "height"}, where)
    width = values.count(entry["width"], f"{where}: width")
    height = values.count(entry["height"], f"{where}: height")
    window = values.crop(entry.get("crop"), width, height, f"{where}: crop")
    lens = None
    if "distortion" in entry:
        keys = {"model", "coefficients"}
        given = values.mapping(entry["distortion"], keys, keys, f"{where}: distortion")
        lens = values.distortion(given["model"], given["coefficients"], f"{where}: distortion")
    form, matrix = _projection(entry, height, where)
    frame_id = values.text(entry.get("frame_id", f"{name}_optical_frame"), f"{where}: frame_id")
    return values.camera(
        name,
        (width, height),
        matrix,
        f"{where}: {form}",
        frame_id=frame_id,
        window=window,
        lens=lens,
    )


def _projection(entry: dict[str, Any], height: int, where: str) -> tuple[str, np.ndarray]:
    """The key that gives the camera, and the matrix (3, 4) in metres with v downwards."""
    forms = [form for form in _FORMS if form in entry]
    if len(forms) != 1 or ("pose" in entry) != ("intrinsics" in entry):
        raise CalibrationError(
            f"{where}: give either `projection` (metres to pixels, v downwards), "
            "`dhp19_projection` (millimetres to pixels, y from the bottom) or `intrinsics` with "
            f"`pose`, and not both; got {', '.join(k for k in (*_FORMS, 'pose') if k in entry)}"
        )
    form = forms[0]
    if form == "intrinsics":
        matrix = values.intrinsics(entry[form], f"{where}: intrinsics")
        return form, matrix @ _pose(entry["pose"], f"{where}: pose")
    matrix = values.numbers(entry[form], (3, 4), f"{where}: {form}")
    return form, from_dhp19(matrix, height) if form == "dhp19_projection" else matrix


def _pose(value: Any, where: str) -> np.ndarray:
    """[R | t] (3, 4), world to optical frame."""
    value = values.mapping(value, {"world_to_camera", "position", *_ROTATIONS}, set(), where)
    if set(value) == {"world_to_camera"}:
        pose = values.numbers(value["world_to_camera"], (3, 4), f"{where}: world_to_camera")
        return values.rigid(pose, f"{where}: world_to_camera")
    if "position" not in value or len(_ROTATIONS & value.keys()) != 1 or len(value) != 2:
        raise CalibrationError(
            f"{where}: give `world_to_camera` (3 rows of 4), or `position` of the camera in the "
            "world with the `quaternion` (x, y, z, w) or `rotation_vector` that turns its optical "
            f"frame into the world; got {', '.join(value) or 'nothing'}"
        )
    position = values.numbers(value["position"], (3,), f"{where}: position")
    if "quaternion" in value:
        xyzw = values.quaternion(value["quaternion"], f"{where}: quaternion")
        return world_to_camera(rotation_of_quaternion(xyzw), position)
    vector = values.numbers(value["rotation_vector"], (3,), f"{where}: rotation_vector")
    return world_to_camera(rotation_of_vector(vector), position)
