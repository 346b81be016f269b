"""Calibrations by aniposelib, and by what writes its TOML (Anipose, FreeMoCap, Pose2Sim).

One table per camera with name, size, matrix, distortions, rotation (a rotation vector), translation
and, for equidistant lenses, fisheye = true. The file names no unit: lengths are metres here unless
the table [metadata] says `unit = "mm"` or "cm"; a rig larger than a hall is refused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_pose_ros.errors import CalibrationError
from hybrid_pose_ros.pose import rig_values as values
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.extrinsics import rotation_of_vector

_UNITS_M = {"m": 1.0, "cm": 0.01, "mm": 0.001}
_NEEDED = {"size", "matrix", "distortions", "rotation", "translation"}
_HALL_M = 100.0


def read_toml(path: Path, wanted: Sequence[str] | None) -> tuple[str, dict[str, Camera]]:
    """World frame and cameras of a file of aniposelib.

    Raises:
        CalibrationError: naming file, camera, value and remedy.
    """
    tables = _tables(path)
    unit_m = _unit(tables.pop("metadata", {}), path)
    named = {str(table.get("name", key)): table for key, table in tables.items()}
    cameras = {}
    for name in values.select(named, wanted, f"{path}"):
        cameras[name] = _camera(name, named[name], unit_m, f"{path}: camera {name}")
    centers = np.array([camera.center for camera in cameras.values()])
    span = float(np.ptp(centers, axis=0).max())
    if span > _HALL_M:
        raise CalibrationError(
            f"{path}: the cameras are {span:.0f} m apart if the file's unit is {unit_m:g} m; write "
            '`unit = "mm"` into the table [metadata]'
        )
    return "world", cameras


def _tables(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CalibrationError(
            f"cannot read the rig file {path}: {error.strerror}; give the path of a calibration"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{path} is not valid TOML: {error}; correct the file") from error
    tables = {key: value for key, value in content.items() if isinstance(value, dict)}
    if not set(tables) - {"metadata"}:
        raise CalibrationError(f"{path} has no cameras; aniposelib writes one table for each")
    return tables


def _unit(metadata: dict[str, Any], path: Path) -> float:
    unit = metadata.get("unit", "m")
    if unit not in _UNITS_M:
        raise CalibrationError(
            f"{path}: unit in [metadata] must be one of {', '.join(_UNITS_M)}, got {unit!r}"
        )
    return _UNITS_M[unit]


def _camera(name: str, table: dict[str, Any], unit_m: float, where: str) -> Camera:
    # Programs add keys of their own, so that unknown ones are no mistake here.
    table = values.mapping(table, _NEEDED | table.keys(), _NEEDED, where)
    size = values.numbers(table["size"], (2,), f"{where}: size").tolist()
    width, height = (values.count(int(n) if n == int(n) else n, f"{where}: size") for n in size)
    matrix = values.intrinsics(table["matrix"], f"{where}: matrix")
    rotation = values.numbers(table["rotation"], (3,), f"{where}: rotation")
    translation = values.numbers(table["translation"], (3,), f"{where}: translation")
    pose = np.column_stack([rotation_of_vector(rotation), unit_m * translation])
    model = "fisheye" if table.get("fisheye", False) else "plumb_bob"
    lens = values.distortion(model, table["distortions"], f"{where}: distortions")
    return values.camera(name, (width, height), matrix @ pose, where, lens=lens)
