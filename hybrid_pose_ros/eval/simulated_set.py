"""The simulated people that networks are judged on, as DHP19 files in a folder.

Subjects 13 to 17; in the section "fitting" other people that no network has been trained on.

Files that are there already are kept, and read again by the next evaluation, if they show the same
motion: another motion capture file may have the same name.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from tqdm import tqdm

from hybrid_pose_ros.data.dhp19_split import TEST_SUBJECTS
from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.pose.rig import Rig
from hybrid_pose_ros.simulator.dhp19_file import write_dhp19_h5
from hybrid_pose_ros.simulator.look import LOOK
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.movements.catalogue import MOVEMENTS
from hybrid_pose_ros.simulator.performance import (
    Performance,
    check_seconds,
    perform_mocap,
    perform_movement,
)
from hybrid_pose_ros.simulator.simulate import record
from hybrid_pose_ros.simulator.subjects import FIRST_RANDOM_SUBJECT

SAME_MM = 1.0  # of joints, between two simulations of one motion
FITTING_SUBJECTS = tuple(range(FIRST_RANDOM_SUBJECT, FIRST_RANDOM_SUBJECT + 100))


@dataclass(frozen=True)
class SetConfig:
    """What is simulated.

    Attributes:
        sections: "subjects", "movements", "mocap", "fitting".
        recordings: per section.
        seconds: length of each.
        seed: of movements, motion and noise.
        left_out: movements that networks were not trained on.
        clips: motion capture files for the section "mocap".
    """

    sections: tuple[str, ...]
    recordings: int
    seconds: float
    seed: int
    left_out: tuple[int, ...]
    clips: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.recordings < 1:
            raise ConfigError(f"recordings must be at least 1, got {self.recordings}")
        check_seconds(self.seconds)


def find_clips(path: Path) -> tuple[Path, ...]:
    """A motion capture file, or all .amc and .bvh files in a folder.

    Raises:
        ConfigError: there is none.
    """
    found = [path] if path.is_file() else sorted([*path.glob("*.amc"), *path.glob("*.bvh")])
    if not found:
        raise ConfigError(f"no motion capture at {path}; give an .amc or .bvh file or their folder")
    return tuple(found)


def performances(config: SetConfig) -> list[Performance]:
    """Who does what, for every recording of the set.

    Raises:
        MotionError: a motion capture file cannot be used.
    """
    rng = np.random.default_rng(config.seed)
    trained = [m.number for m in MOVEMENTS if m.number not in config.left_out]
    pools = {
        "subjects": rng.permutation(trained).tolist(),
        "movements": rng.permutation(np.array(config.left_out, np.int64)).tolist(),
        "mocap": list(config.clips),
        "fitting": rng.permutation(trained).tolist(),
    }
    found = []
    for section in config.sections:
        pool = pools[section]
        for index in range(config.recordings if pool else 0):
            people = FITTING_SUBJECTS if section == "fitting" else TEST_SUBJECTS
            # Where all have been seen in as many movements, each takes the next one's.
            person, what = (
                people[(index + index // len(pool)) % len(people)],
                pool[index % len(pool)],
            )
            if isinstance(what, Path):
                found.append(perform_mocap(person, what, None, config.seconds))
                continue
            # A recording's seed does not depend on which others there are.
            seed = int(np.random.default_rng([config.seed, person, what]).integers(2**31, 2**32))
            found.append(perform_movement(person, what, seed, config.seconds))
    return list({performance.stem: performance for performance in found}.values())


def make_set(config: SetConfig, rig: Rig, folder: Path) -> set[str]:
    """Simulate what is missing in `folder`, with a progress bar; the stems of the whole set."""
    planned = performances(config)
    missing = [p for p in planned if not _kept(p, folder)]
    for performance in tqdm(missing, "simulating", disable=None):
        seed = config.seed + zlib.crc32(performance.stem.encode())
        write_dhp19_h5(record(performance, seed, list(rig.cameras.values())), folder)
    return {performance.stem for performance in planned}


def _kept(performance: Performance, folder: Path) -> bool:
    """Whether a recording of this very motion is in the folder; one of another is removed."""
    paths = [folder / f"{performance.stem}_events{end}.h5" for end in ("", "_label")]
    if not all(path.exists() for path in paths):
        return False
    try:
        with h5py.File(paths[1], "r") as file:
            stamps, poses = file["XYZ/timestamps"][:], file["XYZ/3d_poses"][:]
    except (OSError, KeyError):  # what is wrong with it is said by who reads it
        return True
    shown = 1000.0 * markers_of(performance.bones(stamps * 1e-6)).transpose(0, 2, 1)
    if shown.shape == poses.shape and np.allclose(shown, poses, atol=SAME_MM):
        return True
    for path in paths:
        path.unlink()
    return False


def folder_name(config: SetConfig, rig: Rig) -> str:
    """A folder's name that differs for recordings that differ: by world, seed, length and rig."""
    cameras = list(rig.cameras.values())
    seen = [(c.width, c.height, c.projection.tolist(), c.distortion) for c in cameras]
    rig_crc = zlib.crc32(repr(seen).encode())
    names = "_".join(rig.cameras)
    return f"look{LOOK}_seed{config.seed}_{config.seconds:g}s_{names}_{rig_crc:08x}"
