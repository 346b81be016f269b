"""Opens any file of events: which reader it needs is seen from its first bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_pose_ros.data.damage import telling_damage
from hybrid_pose_ros.errors import RecordingError

if TYPE_CHECKING:
    from hybrid_pose_ros.data.event_source import EventSource

KNOWN = (
    "rosbag2 (folder, .mcap, .db3)",
    "rosbag1 (.bag)",
    "AEDAT 4",
    "AEDAT 2.0",
    "Prophesee .raw (EVT2, EVT3) and .dat",
    "HDF5 (DHP19, DSEC, groups with t, x, y, p)",
    ".npz with t, x, y, p",
)
_BAGS = (b"\x89MCAP0\r\n", b"SQLite format 3\0", b"#ROSBAG V2.0")
_MAGIC_BYTES = 16


def open_events(path: str | Path) -> EventSource:
    """Open a file of events for reading.

        with open_events("walk.aedat4") as source:
            for chunk in source.chunks():
                print(chunk.stream, len(chunk.events))

    Args:
        path: of any of the KNOWN formats; the name's ending does not matter.

    Raises:
        RecordingError: if it is missing, damaged, or of no known format.
    """
    path = Path(path)
    if not path.exists():
        raise RecordingError(f"recording {path} does not exist; check the path")
    with telling_damage(path):
        return _open(path)


def is_bag(path: Path) -> bool:
    """Whether an existing path is a rosbag2 or a rosbag1."""
    return path.is_dir() or path.name == "metadata.yaml" or _magic(path).startswith(_BAGS)


def _magic(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAGIC_BYTES)


def _open(path: Path) -> EventSource:
    """The reader of the format; each imports its libraries only when it is needed."""
    if is_bag(path):
        from hybrid_pose_ros.data.readers.rosbag import BagSource

        return BagSource(path)
    magic = _magic(path)
    if magic.startswith(b"#!AER-DAT4"):
        from hybrid_pose_ros.data.readers.aedat4 import Aedat4File

        return Aedat4File(path)
    if magic.startswith(b"#!AER-DAT2"):
        from hybrid_pose_ros.data.readers.aedat2 import Aedat2File

        return Aedat2File(path)
    if magic.startswith(b"\x89HDF\r\n\x1a\n"):
        from hybrid_pose_ros.data.readers.hdf5 import Hdf5File

        return Hdf5File(path)
    if magic.startswith(b"PK\x03\x04"):
        from hybrid_pose_ros.data.readers.npz import NpzFile

        return NpzFile(path)
    if magic.startswith(b"% "):
        from hybrid_pose_ros.data.readers.prophesee_dat import DatFile, is_dat
        from hybrid_pose_ros.data.readers.prophesee_raw import RawFile

        return DatFile(path) if is_dat(path) else RawFile(path)
    if not magic:
        raise RecordingError(f"{path} is empty (0 bytes); record or copy it again")
    known = ", ".join(KNOWN)
    raise RecordingError(f"{path} is not a recording of a known format; known are {known}")
