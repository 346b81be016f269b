"""A file or folder that appears under its name only when it is complete."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_pose_ros.errors import ConfigError, RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


def check_folder(path: Path, what: str) -> None:
    """Before the work: whether its results can be put into a folder, made if need be.

    Raises:
        ConfigError: they cannot; `what` begins the message.
    """
    above = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    if not (above.is_dir() and os.access(above, os.W_OK)):
        raise ConfigError(
            f"{what}: {above} is no folder that can be written to; choose another place"
        )


def refuse_existing(path: Path, force: bool) -> None:
    """Nothing is replaced unless `force` says so, and never a folder of other things.

    Raises:
        RecordingError: `path` exists and `force` is off, or it is a folder that is not a rosbag2.
    """
    if path.exists() and not force:
        raise RecordingError(f"{path} exists already; choose another name or give --force")
    if path.is_dir() and any(path.iterdir()) and not (path / "metadata.yaml").is_file():
        raise RecordingError(f"{path} is a folder, and not of a recording; choose another name")


@contextmanager
def unfinished(path: Path, force: bool = False) -> Iterator[Path]:
    """A path of the same name to write to; it is moved to `path` if the context ends well.

    Args:
        force: replace what is there.

    Raises:
        RecordingError: if `path` exists (and force is off, or it is a folder of other things) or
            cannot be written.
    """
    refuse_existing(path, force)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=path.parent))
    except OSError as error:
        raise RecordingError(f"{path.parent} cannot be written: {error.strerror}") from None
    try:
        yield folder / path.name
        if path.is_dir():  # a file is replaced at once, a folder cannot be
            path.rename(folder / "replaced")
        (folder / path.name).replace(path)
    except OSError as error:
        raise RecordingError(f"{path} could not be written: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def renewed(path: Path) -> AbstractContextManager[Path]:
    """As `unfinished`, for a file of our own that may be there already."""
    return unfinished(path, force=True)


def write_text(path: Path, text: str) -> None:
    """A text file that appears only when it is complete; see `renewed`."""
    with renewed(path) as file:
        file.write_text(text, encoding="utf-8")
