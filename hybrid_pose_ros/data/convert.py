"""Copies the events of any known file into a rosbag2, HDF5 or NumPy file, chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.data.event_source import readable
from hybrid_pose_ros.data.packets import ENCODINGS
from hybrid_pose_ros.data.writers import bag, hdf5, npz
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.unfinished import unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hybrid_pose_ros.data.event_source import StreamInfo

SUFFIXES = (*(s for s in bag.SUFFIXES if s), *hdf5.SUFFIXES, *npz.SUFFIXES)


@dataclass(frozen=True)
class Conversion:
    """What was done.

    Attributes:
        streams: names of the streams.
        events: how many were written.
        moved: events whose time ran backwards and was set to the latest before it.
        damage: what ended the reading early; empty if nothing did.
    """

    streams: list[str]
    events: int
    moved: int
    damage: str = ""


def convert(
    source: Path,
    target: Path,
    topics: Sequence[str] | None = None,
    encoding: str = "mono",
    force: bool = False,
    partial: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Conversion:
    """Write the events of `source` to `target`, whose suffix decides on the format.

    Args:
        target: .mcap or .db3 (one file), no suffix (rosbag2 folder), .h5 or .npz.
        topics: streams to take (default: all).
        encoding: of the packets of a bag; "mono" is exact, "evt3" smaller.
        force: replace a target that exists.
        partial: keep what can be read of a damaged file.
        progress: called with the share done, 0 to 1.

    Raises:
        RecordingError: if a file is damaged, missing, or there already.
        EncodingError: if the events do not fit the encoding.
    """
    if target.suffix not in (*SUFFIXES, ""):
        raise RecordingError(
            f"cannot write {target}: its name must end in one of {', '.join(SUFFIXES)}, or in "
            "nothing for a rosbag2 folder"
        )
    events, damage = 0, ""
    with open_events(source) as opened:
        names = list(opened.streams if topics is None else topics)
        infos = [opened.require_stream(name) for name in names]
        with unfinished(target, force) as path, _writer(path, infos, encoding) as writer:
            for item in readable(opened, names, partial):
                if isinstance(item, str):
                    damage = item
                    break
                writer.write(item)
                events += len(item.events)
                if progress is not None:
                    progress(opened.share)
    return Conversion(names, events, writer.moved, damage)


def _writer(
    path: Path, infos: Sequence[StreamInfo], encoding: str
) -> bag.BagEvents | hdf5.Hdf5Events | npz.NpzEvents:
    if path.suffix in bag.SUFFIXES:
        return bag.BagEvents(path, infos, encoding)
    if encoding != ENCODINGS[0]:
        raise RecordingError(f"--encoding {encoding} is for bags; {path.suffix} files have none")
    if path.suffix in hdf5.SUFFIXES:
        return hdf5.Hdf5Events(path, infos)
    return npz.NpzEvents(path, infos)
