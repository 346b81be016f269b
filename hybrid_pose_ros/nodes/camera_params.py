"""What every node that knows cameras does with the parameters `cameras` and `rig`."""

from __future__ import annotations

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.pose.rig import Rig, load_rig
from hybrid_pose_ros.resources import share_path


def check_cameras(cameras: tuple[str, ...]) -> None:
    """Refuse an empty list and repeated names.

    Raises:
        ConfigError: naming the list.
    """
    if not cameras or not all(cameras) or len(set(cameras)) < len(cameras):
        raise ConfigError(f"cameras must be one or more different names, got {list(cameras)}")


def rig_of(path: str, cameras: tuple[str, ...]) -> Rig:
    """The rig file at `path` (empty: the DHP19 rig that comes with the package), these cameras."""
    return load_rig(path or share_path("config", "dhp19_rig.yaml"), cameras)
