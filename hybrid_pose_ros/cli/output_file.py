"""The file that a verb is told to write: what is there already stays, unless --force is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.unfinished import check_folder, refuse_existing

if TYPE_CHECKING:
    import argparse
    from pathlib import Path


def add_force(parser: argparse.ArgumentParser) -> None:
    """Declare --force."""
    parser.add_argument("--force", action="store_true", help="replace the output file if it exists")


def check_output(path: Path, force: bool) -> None:
    """Before the work: whether its result may be written, and can.

    Raises:
        ConfigError: `path` is a folder, or there can be no file.
        RecordingError: it exists, and `force` is off.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name a file")
    check_folder(path.parent, str(path))
    refuse_existing(path, force)
