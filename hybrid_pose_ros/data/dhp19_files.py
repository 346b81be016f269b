"""Recordings of DHP19 after conversion: which there are, who is in them, and how they are split."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from hybrid_pose_ros.data.dhp19_split import EXCLUDED, TEST_SUBJECTS
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.types import EVENT_DTYPE

SPLITS = ("train", "test", "all")
_EVENTS = re.compile(r"(?P<stem>S(?P<subject>\d+)_.+)_events\.h5")


@dataclass(frozen=True)
class Dhp19Recording:
    """One recording on disk.

    Attributes:
        stem: such as S13_session4_mov2.
        subject: number of the person.
        events, labels: the two files.
    """

    stem: str
    subject: int
    events: Path
    labels: Path


def find_recordings(folder: str | Path, split: str = "all") -> list[Dhp19Recording]:
    """All recordings below a folder, by name.

    Args:
        folder: with files S{subject}_session{s}_mov{m}_events.h5 and their labels.
        split: "train" (everybody but subjects 13-17), "test" (subjects 13-17) or "all"; the
            recording that the published split leaves out is in none of them.

    Raises:
        RecordingError: nothing is there, or a recording has no labels.
    """
    if split not in SPLITS:
        raise RecordingError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    folder, found = Path(folder), []
    for path in sorted(folder.rglob("*_events.h5"), key=lambda p: _natural(p.name)):
        match = _EVENTS.fullmatch(path.name)
        if match is None or match["stem"] in EXCLUDED:
            continue
        subject = int(match["subject"])
        if split == "all" or (subject in TEST_SUBJECTS) == (split == "test"):
            found.append(Dhp19Recording(match["stem"], subject, path, _labels(path)))
    if not found:
        raise RecordingError(
            f"{folder} has no recordings of the {split} split called "
            "S<subject>_session<s>_mov<m>_events.h5; make them with `hybrid_pose dhp19 prepare` "
            "or `hybrid_pose simulate --format h5`"
        )
    return found


def read_events(group: h5py.Group, first: int = 0, end: int | None = None) -> np.ndarray:
    """EVENT_DTYPE of one camera, from event number `first` to `end`.

    Args:
        group: such as file["cam2_events"]: microseconds, columns and rows counted from 1.
    """
    events = np.zeros((len(group["t"]) if end is None else end) - first, EVENT_DTYPE)
    for column, origin, scale in (("t", 0, 1000), ("x", 1, 1), ("y", 1, 1), ("p", 0, 1)):
        events[column] = (group[column][first:end].astype(np.int64) - origin) * scale
    return events


def _labels(events: Path) -> Path:
    for ending in ("_events_label.h5", "_label.h5"):
        path = events.with_name(events.name.replace("_events.h5", ending))
        if path.exists():
            return path
    raise RecordingError(
        f"{events} has no labels beside it ({events.stem}_label.h5); convert it again"
    )


def _natural(name: str) -> list[int | str]:
    """S2 before S13."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
