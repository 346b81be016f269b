"""What of a recording to open: its folder, or a storage file by itself."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rosbags import rosbag1, rosbag2

from hybrid_pose_ros.data.unclosed_mcap import UnclosedMcap
from hybrid_pose_ros.errors import RecordingError

if TYPE_CHECKING:
    from rosbags.rosbag1 import Reader as Reader1
    from rosbags.rosbag2 import Reader as Reader2

SUFFIXES = (".mcap", ".db3")
# What the files start with, and the suffix by which the library knows them.
MAGIC = {b"\x89MCAP0\r\n": ".mcap", b"SQLite format 3\0": ".db3", b"#ROSBAG V2.0\n": ".bag"}


class BagFiles:
    """The opened reader of a recording.

    Attributes:
        reader: of the `rosbags` library.
        ros1: whether it is a rosbag1.
    """

    def __init__(self, path: Path) -> None:
        """Open what `storage_path` finds.

        Raises:
            RecordingError: if there is no recording.
            Exception: of many kinds, if it is damaged.
        """
        found = storage_path(path)
        suffix = "" if found.is_dir() else content_suffix(found)
        self.ros1 = suffix == ".bag"
        self._folder: TemporaryDirectory[str] | None = None
        if suffix and suffix != found.suffix:  # misnamed: the library goes by the name
            self._folder = TemporaryDirectory()
            link = Path(self._folder.name, f"bag{suffix}")
            link.symlink_to(found.resolve())
            found = link
        self.reader: Reader1 | Reader2
        self._open = False
        try:
            self.reader = rosbag1.Reader(found) if self.ros1 else rosbag2.Reader(found)
            self.reader.open()
            self._open = True
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the files; may be called again."""
        if self._open:
            self._open = False
            self.reader.close()
        if self._folder is not None:
            self._folder.cleanup()


def unclosed_mcap(path: Path) -> UnclosedMcap:
    """A reader of the one .mcap file that `path` means, for when it has no index.

    Raises:
        RecordingError: if there is none, or nothing in it.
    """
    found = storage_path(path)
    if found.is_dir():
        files = sorted(found.glob("*.mcap"))
        if len(files) != 1:
            raise RecordingError(f"{path} has {len(files)} .mcap files; give the damaged one")
        found = files[0]
    if content_suffix(found) != ".mcap":
        raise RecordingError(f"{found} is no .mcap file")
    return UnclosedMcap(found)


def content_suffix(path: Path) -> str:
    """The suffix that a storage file should have, from its first bytes; its own if unknown."""
    with path.open("rb") as file:
        head = file.read(max(map(len, MAGIC)))
    return next((suffix for magic, suffix in MAGIC.items() if head.startswith(magic)), path.suffix)


def storage_path(path: Path) -> Path:
    """The rosbag2 folder or the storage file that `path` means.

    Args:
        path: a folder with a metadata.yaml, or with one storage file and no metadata.yaml; the
            metadata.yaml itself; or an .mcap, .db3 or .bag file.

    Raises:
        RecordingError: if it is none of these.
    """
    if not path.exists():
        raise RecordingError(f"recording {path} does not exist; check the path")
    if path.name == "metadata.yaml":
        return path.parent
    if path.is_dir() and not (path / "metadata.yaml").exists():
        files = sorted(p for p in path.iterdir() if p.suffix in SUFFIXES)
        if len(files) == 1:
            return files[0]
        if not files:
            raise RecordingError(
                f"{path} holds no recording: neither a metadata.yaml nor a file that ends in "
                f"{' or '.join(SUFFIXES)}; give the folder of a rosbag2, or a file"
            )
        raise RecordingError(
            f"{path} has no metadata.yaml and {len(files)} storage files; give one of them, or "
            "run 'ros2 bag reindex'"
        )
    if path.is_file() and content_suffix(path) not in MAGIC.values():
        raise RecordingError(
            f"{path} is not a recording; give a rosbag2 folder or an .mcap, .db3 or .bag file"
        )
    return path
