"""All calibrated cameras of a scene, whatever kind of calibration they are read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hybrid_pose_ros.errors import CalibrationError, ConfigError
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.dhp19_rig import (
    DHP19_CROP,
    DHP19_HEIGHT,
    DHP19_WIDTH,
    dhp19_camera,
    read_dhp19_folder,
)
from hybrid_pose_ros.pose.rig_toml import read_toml
from hybrid_pose_ros.pose.rig_yaml import read_yaml, write_yaml

__all__ = [
    "DHP19_CROP",
    "DHP19_HEIGHT",
    "DHP19_WIDTH",
    "Rig",
    "camera_names",
    "check_cameras",
    "check_sensor",
    "dhp19_camera",
    "is_live",
    "load_rig",
    "save_rig",
]

_LIVE = "camera_info"


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
        """(C, 3, 4) projection matrices in the order of `cameras`, without the lenses."""
        return np.stack([camera.projection for camera in self.cameras.values()])


def load_rig(path: str | Path, cameras: Sequence[str] | None = None) -> Rig:
    """Read a calibration.

    Args:
        path: our YAML (`rig_yaml`), aniposelib's TOML (name ends in .toml, `rig_toml`), or a
            folder with DHP19's P1.npy .. P4.npy (`dhp19_rig`).
        cameras: names of the cameras wanted, in this order; None = all.

    Raises:
        CalibrationError: naming file, camera, value and remedy.
    """
    path = Path(path)
    if path.is_dir():
        return Rig(*read_dhp19_folder(path, cameras))
    if path.suffix == ".toml":
        return Rig(*read_toml(path, cameras))
    return Rig(*read_yaml(path, cameras))


def camera_names(text: str) -> tuple[str, ...]:
    """Names of cameras as a person types them: "cam2,cam3", blanks do not matter.

    Raises:
        ConfigError: as `check_cameras`.
    """
    names = tuple(name.strip() for name in text.split(","))
    check_cameras(names)
    return names


def check_cameras(cameras: Sequence[str]) -> None:
    """Refuse no names, empty ones and repeated ones.

    Raises:
        ConfigError: naming the list.
    """
    if not cameras or not all(cameras) or len(set(cameras)) < len(cameras):
        raise ConfigError(
            f"cameras must be one or more different names, such as cam2,cam3; got {list(cameras)}"
        )


def is_live(rig: str) -> bool:
    """Whether a parameter `rig` asks for CameraInfo and TF: "camera_info[:frame]"."""
    return rig.partition(":")[0] == _LIVE


def save_rig(rig: Rig, path: str | Path, comment: str = "") -> None:
    """Write our YAML; `load_rig` reads the same cameras from it, to the last digit.

    Args:
        rig: any cameras.
        path: of the file; replaced as a whole, or left as it is where writing fails.
        comment: lines for the top of the file.

    Raises:
        CalibrationError: the file cannot be written.
    """
    write_yaml(rig.world_frame, rig.cameras, Path(path), comment)


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
