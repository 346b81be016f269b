"""Scenes from files: a folder of DHP19 recordings (real or ours), or one recording with truth."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np

from hybrid_pose_ros.data.dhp19_files import Dhp19Recording, find_recordings, read_events
from hybrid_pose_ros.data.dhp19_split import TEST_SUBJECTS
from hybrid_pose_ros.data.truth import read_truth
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.eval.accuracy import Truth
from hybrid_pose_ros.eval.scene import Scene
from hybrid_pose_ros.eval.simulated_set import FITTING_SUBJECTS
from hybrid_pose_ros.eval.source import read_source
from hybrid_pose_ros.pose.rig import Rig
from hybrid_pose_ros.simulator.movements.catalogue import MOVEMENTS
from hybrid_pose_ros.skeleton import NUM_JOINTS

_NUMBERED = re.compile(r"S\d+_session(\d+)_mov(\d+)")
_PERSON = re.compile(r"S(\d+)_")


def section_of(
    stem: str, left_out: Sequence[int], fitting: Collection[int] = FITTING_SUBJECTS
) -> str:
    """Section of a DHP19 recording by its name.

    Args:
        stem: of the files.
        left_out: numbers of movements.
        fitting: numbers of people; who is neither among them nor a test subject is of "training".
    """
    person = _PERSON.match(stem)
    if person is not None and int(person[1]) not in TEST_SUBJECTS:
        return "fitting" if int(person[1]) in fitting else "training"
    match = _NUMBERED.fullmatch(stem)
    if match is None:
        return "mocap"
    place = (int(match[1]), int(match[2]))
    names = {(m.session, m.index) for m in MOVEMENTS if m.number in left_out}
    return "movements" if place in names else "subjects"


class Dhp19Scenes:
    """The test recordings (subjects 13 to 17) of a folder, or those of people to fit settings on.

    They are read one at a time.

    Args:
        folder: as `find_recordings` wants it.
        rig: cameras to read.
        left_out: movements that networks were not trained on.
        sections: those wanted.
        stems: names of the recordings; None = all.
        fitting: people of the section of that name.

    Raises:
        RecordingError: nothing to judge, or a recording that is damaged or of another layout.
    """

    def __init__(
        self,
        folder: Path,
        rig: Rig,
        left_out: Sequence[int],
        sections: Sequence[str],
        stems: Collection[str] | None = None,
        fitting: Collection[int] = FITTING_SUBJECTS,
    ) -> None:
        self.rig = rig
        split = "all" if "fitting" in sections else "test"
        recordings = [r for r in find_recordings(folder, split) if stems is None or r.stem in stems]
        found = [(r, section_of(r.stem, left_out, fitting)) for r in recordings]
        self.recordings = [(r, section) for r, section in found if section in sections]
        if not self.recordings:
            have = sorted({section for _, section in found})
            whom = "; say with --subjects whom to fit on" if "fitting" in sections else ""
            raise RecordingError(
                f"{folder} has no recordings of {', '.join(sections)}, only of "
                f"{', '.join(have)}{whom}"
            )
        for recording, _ in self.recordings:
            _check(recording, rig)

    def __len__(self) -> int:
        return len(self.recordings)

    def __iter__(self) -> Iterator[Scene]:
        for recording, section in self.recordings:
            yield _read(recording, section, self.rig)


class RecordingScene:
    """One recording of any rosbag2 kind with ground truth in it.

    Raises:
        RecordingError: it is missing or damaged, or has no truth or no such camera.
    """

    def __init__(self, path: Path, rig: Rig) -> None:
        t_ns, xyz = read_truth(path)
        if not len(t_ns):
            raise RecordingError(f"{path} has no ground truth; simulate one or give DHP19 files")
        sources = read_source(path, rig)
        offset_ns = min(source.offset_ns for source in sources.values())
        events = {}
        for name, source in sources.items():
            events[name] = source.events.copy()
            events[name]["t"] += source.offset_ns - offset_ns
        self.scene = Scene(path.name, "recording", events, Truth(t_ns - offset_ns, xyz), rig)

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[Scene]:
        yield self.scene


def _check(recording: Dhp19Recording, rig: Rig) -> None:
    """Every part of a recording that is read later."""
    columns = [f"{name}_events/{column}" for name in rig.cameras for column in "txyp"]
    for path, names in (
        (recording.events, columns),
        (recording.labels, ["XYZ/3d_poses", "XYZ/timestamps"]),
    ):
        try:
            with h5py.File(path, "r") as file:
                missing = [name for name in names if name not in file]
                poses = file["XYZ/3d_poses"].shape if not missing and "XYZ" in file else None
        except OSError as error:
            raise RecordingError(f"{path} cannot be read: {error}; convert it again") from error
        if missing:
            raise RecordingError(
                f"{path} has no '{missing[0]}': it is not in the layout of converted DHP19 files; "
                "convert it with `hybrid_pose dhp19 prepare`"
            )
        if poses is not None and poses[1:] != (3, NUM_JOINTS):
            raise RecordingError(
                f"{path}: XYZ/3d_poses has the shape {poses}, expected (n, 3, {NUM_JOINTS}); "
                "convert it again"
            )


def _read(recording: Dhp19Recording, section: str, rig: Rig) -> Scene:
    events = {}
    with h5py.File(recording.events, "r") as file:
        for name in rig.cameras:
            events[name] = read_events(file[f"{name}_events"])
    with h5py.File(recording.labels, "r") as file:
        t_ns = file["XYZ/timestamps"][:].astype(np.int64) * 1000
        xyz = file["XYZ/3d_poses"][:].astype(np.float64).transpose(0, 2, 1) / 1000.0
    return Scene(recording.stem, section, events, Truth(t_ns, xyz), rig)
