"""What a person does in front of the cameras: one of our movements, or a motion capture file."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.simulator.bones import Bones, bones_of
from hybrid_pose_ros.simulator.motion import make_motion
from hybrid_pose_ros.simulator.movements.catalogue import find_movement
from hybrid_pose_ros.simulator.subjects import Subject, find_subject

BonesAt = Callable[[np.ndarray], Bones]  # time in seconds (n,) -> bones of n instants
MAX_SECONDS = 3600.0


@dataclass(frozen=True)
class Performance:
    """One person's motion.

    Attributes:
        person: whose body.
        bones: the skeleton at any time, also a little before time 0.
        stem: beginning of file names, such as S13_session4_mov2.
        seconds: how long it lasts.
    """

    person: Subject
    bones: BonesAt
    stem: str
    seconds: float


def perform_movement(
    subject: int, movement: int | str, seed: int, seconds: float = 10.0
) -> Performance:
    """A person doing one of our movements.

    Args:
        subject: 1..17 or above 100, see `subjects.find_subject`.
        movement: 1..33, a name, or several separated by commas, done one after the other.
        seed: varies rhythm and sway.
        seconds: total time, divided between the movements.

    Raises:
        ConfigError: for an unknown subject or movement, or an impossible length.
    """
    person = find_subject(subject)
    movements = tuple(find_movement(key) for key in str(movement).split(","))
    check_seconds(seconds)
    motion = make_motion(movements, person.number, seed, seconds)
    stem = f"S{person.number}_" + "_".join(m.name for m in movements)
    if len(movements) == 1 and movements[0].session:
        stem = f"S{person.number}_session{movements[0].session}_mov{movements[0].index}"
    return Performance(person, lambda t: bones_of(motion(t), person), stem, seconds)


def perform_mocap(
    subject: int, path: Path, skeleton: Path | None = None, seconds: float | None = None
) -> Performance:
    """A person doing what a motion capture file says, again and again where it is too short.

    Args:
        subject: as above.
        path: .bvh or .amc file.
        skeleton: .asf file of an .amc; None for the one beside it.
        seconds: total time; None for the length of the file.

    Raises:
        MotionError: the file cannot be used; the message names file, line and remedy.
        ConfigError: for an unknown subject or an impossible length.
    """
    from hybrid_pose_ros.simulator.mocap.clip import load_clip
    from hybrid_pose_ros.simulator.mocap.player import ClipPlayer

    person = find_subject(subject)
    if seconds is not None:
        check_seconds(seconds)
    player = ClipPlayer(load_clip(path, skeleton), person, seconds)
    length = min(player.seconds, MAX_SECONDS) if seconds is None else seconds
    return Performance(person, player.bones, f"S{person.number}_{path.stem}", length)


def check_seconds(seconds: float) -> None:
    """Refuse an impossible length.

    Raises:
        ConfigError: names the length.
    """
    if not (math.isfinite(seconds) and 0.0 < seconds <= MAX_SECONDS):
        raise ConfigError(f"seconds must be above 0 and at most {MAX_SECONDS:.0f}, got {seconds}")
