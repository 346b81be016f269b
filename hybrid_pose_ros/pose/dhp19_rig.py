"""DHP19's cameras from its own files, and the conventions in which those are written.

Millimetres, and the image's y counted from the bottom: v = height - y. The recorded channels 0..3
belong to the matrices P4, P1, P3, P2 (https://sites.google.com/view/dhp19).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hybrid_pose_ros.errors import CalibrationError
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.pose import rig_values as values
from hybrid_pose_ros.pose.camera import Camera

DHP19_WIDTH, DHP19_HEIGHT = 346, 260
DHP19_CROP = Crop(34, 2, 256, 256)
_MATRIX_OF_CHANNEL = {"cam0": "P4.npy", "cam1": "P1.npy", "cam2": "P3.npy", "cam3": "P2.npy"}


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

    Args:
        projection: (3, 4), millimetres to u, y (the files P1.npy .. P4.npy).
        name: name of the camera; the optical frame is named after it unless `frame_id` is given.
        width: sensor columns, px.
        height: sensor rows, px.
        frame_id: name of the optical frame.
        crop: the window that the networks see.
    """
    metres = from_dhp19(projection, height)
    return Camera(name, width, height, metres, frame_id or f"{name}_optical_frame", crop)


def from_dhp19(projection: np.ndarray, height: int) -> np.ndarray:
    """A matrix of DHP19 (3, 4) to metres and v downwards."""
    row_u, row_y, row_w = np.asarray(projection, np.float64)
    downwards = np.stack([row_u, height * row_w - row_y, row_w])
    return downwards * np.array([1000.0, 1000.0, 1000.0, 1.0])


def read_dhp19_folder(folder: Path, wanted: Sequence[str] | None) -> tuple[str, dict[str, Camera]]:
    """World frame and cameras cam0..cam3 from a folder with P1.npy .. P4.npy.

    Raises:
        CalibrationError: a matrix is missing or is none.
    """
    present = [name for name, file in _MATRIX_OF_CHANNEL.items() if (folder / file).is_file()]
    if not present:
        raise CalibrationError(
            f"{folder} holds no calibration; a folder must have DHP19's P1.npy .. P4.npy, other "
            "rigs are one YAML or TOML file"
        )
    cameras = {}
    for name in values.select(present, wanted, f"{folder}"):
        path = folder / _MATRIX_OF_CHANNEL[name]
        try:
            content = np.load(path).tolist()
        except (OSError, ValueError) as error:
            raise CalibrationError(
                f"{path} is not a NumPy matrix: {error}; copy it from DHP19 again"
            ) from error
        matrix = from_dhp19(values.numbers(content, (3, 4), f"{path}"), DHP19_HEIGHT)
        size = (DHP19_WIDTH, DHP19_HEIGHT)
        cameras[name] = values.camera(name, size, matrix, f"{path}", window=DHP19_CROP)
    return "world", cameras
