"""Turns the raw download of DHP19 into the HDF5 files that the data set class reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from hybrid_pose_ros.data.dhp19_filters import keep
from hybrid_pose_ros.data.dhp19_raw import LABEL_NS, cut, read_markers, read_raw_events, span
from hybrid_pose_ros.data.readers.aedat2 import CAMERAS
from hybrid_pose_ros.errors import RecordingError

_RAW = re.compile(r"S(\d+)/session(\d+)/mov(\d+)\.aedat")


@dataclass(frozen=True)
class RawPair:
    """The two raw files of one recording and the two that they become."""

    stem: str
    events: Path
    markers: Path
    out: Path

    @property
    def files(self) -> tuple[Path, Path]:
        """Converted events and labels."""
        return (
            self.out / f"{self.stem}_events.h5",
            self.out / f"{self.stem}_events_label.h5",
        )

    @property
    def done(self) -> bool:
        """Whether both are there; neither appears before it is complete."""
        return all(path.exists() for path in self.files)


def find_raw(raw: Path, out: Path, subjects: tuple[int, ...] = ()) -> list[RawPair]:
    """All recordings of the download, by subject, session and movement.

    Args:
        raw: folder with DVS_movies/S1/session1/mov1.aedat and Vicon_data/S1_1_1.mat.
        out: folder of the converted files.
        subjects: only these; empty for all.

    Raises:
        RecordingError: there is none.
    """
    found = []
    for path in (raw / "DVS_movies").rglob("*.aedat"):
        match = _RAW.search(path.as_posix())
        if match is None:
            continue
        subject, session, movement = (int(number) for number in match.groups())
        if not subjects or subject in subjects:
            markers = raw / "Vicon_data" / f"S{subject}_{session}_{movement}.mat"
            stem = f"S{subject}_session{session}_mov{movement}"
            found.append(((subject, session, movement), RawPair(stem, path, markers, out)))
    if not found:
        raise RecordingError(
            f"{raw} has no recordings DVS_movies/S<subject>/session<s>/mov<m>.aedat"
            + (f" of the subjects {', '.join(map(str, subjects))}" if subjects else "")
            + "; give the folder of the DHP19 download"
        )
    return [pair for _, pair in sorted(found, key=lambda item: item[0])]


def prepare(pair: RawPair) -> dict[str, int]:
    """Convert one recording; both files appear at once, or none.

    Returns:
        Counts: events read, kept, and labels.

    Raises:
        RecordingError: naming the raw file and what is wrong with it.
    """
    if not pair.markers.exists():
        raise RecordingError(
            f"{pair.events} has no labels: {pair.markers} is missing; download it too"
        )
    poses = read_markers(pair.markers)
    raw = read_raw_events(pair.events)
    start_ns, end_ns = span(raw, len(poses), pair.events)
    inside = cut(raw, start_ns, end_ns)
    if not len(inside.events):
        raise RecordingError(
            f"{pair.events} has no events during the motion capture, which its external signals "
            f"place at {start_ns * 1e-9:.3f} to {end_ns * 1e-9:.3f} s"
        )
    kept = keep(inside.events, inside.camera, CAMERAS)
    events, camera = inside.events[kept], inside.camera[kept]
    length_ms = -(-(end_ns - start_ns) // 1_000_000)
    pair.out.mkdir(parents=True, exist_ok=True)
    unfinished = [path.with_name(f".{path.name}.part") for path in pair.files]
    try:
        with h5py.File(unfinished[0], "w") as file:
            for number in range(CAMERAS):
                _write_camera(file, number, events[camera == number], length_ms)
        with h5py.File(unfinished[1], "w") as file:
            file["XYZ/3d_poses"] = poses
            file["XYZ/timestamps"] = np.arange(len(poses)) * (LABEL_NS // 1000)
        for part, path in zip(unfinished, pair.files, strict=True):
            part.replace(path)
    except OSError as error:
        raise RecordingError(f"{pair.out} cannot be written: {error}") from error
    finally:
        for part in unfinished:
            part.unlink(missing_ok=True)
    return {"events": len(raw.events), "kept": len(events), "labels": len(poses)}


def _write_camera(file: h5py.File, number: int, events: np.ndarray, length_ms: int) -> None:
    """Events of one camera: microseconds from 0, pixels from 1."""
    group = file.create_group(f"cam{number}_events")
    columns = {"t": events["t"] // 1000, "x": events["x"] + 1, "y": events["y"] + 1}
    for name, values in {**columns, "p": events["p"]}.items():
        group.create_dataset(name, data=values, compression="gzip", compression_opts=1)
    edges = np.arange(length_ms) * 1_000_000
    file[f"cam{number}_ms_to_idx"] = np.searchsorted(events["t"], edges)


def prepare_all(pairs: list[RawPair]) -> Iterator[tuple[RawPair, RecordingError | None]]:
    """Convert what is not there yet; yields each recording with its error, if it had one."""
    for pair in pairs:
        error = None
        if not pair.done:
            try:
                prepare(pair)
            except RecordingError as problem:
                error = problem
        yield pair, error
