"""Motion capture files of any kind."""

from __future__ import annotations

from pathlib import Path

from hybrid_pose_ros.errors import MotionError
from hybrid_pose_ros.simulator.mocap.amc import read_amc
from hybrid_pose_ros.simulator.mocap.bvh import read_bvh
from hybrid_pose_ros.simulator.mocap.skeleton import Clip


def load_clip(path: Path, skeleton: Path | None = None) -> Clip:
    """Read a .bvh or .amc file by its ending; `skeleton` is the .asf of an .amc.

    Raises:
        MotionError: the file cannot be used; the message names file, line and problem.
    """
    kind = path.suffix.lower()
    if kind == ".amc":
        return read_amc(path, skeleton)
    if kind != ".bvh":
        raise MotionError(f"{path} is neither an .amc nor a .bvh file; convert it to one of them")
    if skeleton is not None:
        raise MotionError(f"{path} holds its own skeleton; leave --skeleton {skeleton} away")
    return read_bvh(path)
