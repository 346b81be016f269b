"""What of a recording to open: its folder, or a storage file by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybrid_pose_ros.errors import RecordingError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".mcap", ".db3")


def storage_path(path: Path) -> Path:
    """The rosbag2 folder or the storage file that `path` means.

    Args:
        path: a folder with a metadata.yaml, or with one storage file and no metadata.yaml; the
            metadata.yaml itself; or an .mcap or .db3 file.

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
        raise RecordingError(
            f"{path} has no metadata.yaml and {len(files)} storage files; give one .mcap or .db3 "
            "file, or run 'ros2 bag reindex'"
        )
    if path.is_file() and path.suffix not in SUFFIXES:
        raise RecordingError(
            f"{path} is not a recording; give a rosbag2 folder or an .mcap or .db3 file"
        )
    return path
