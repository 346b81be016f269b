"""A file or folder that appears under its name only when it is complete."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_pose_ros.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def unfinished(path: Path, force: bool = False) -> Iterator[Path]:
    """A path of the same name to write to; it is moved to `path` if the context ends well.

    Args:
        force: replace what is there.

    Raises:
        RecordingError: if `path` exists (and force is off) or cannot be written.
    """
    if path.exists() and not force:
        raise RecordingError(f"{path} exists already; choose another name or give --force")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=path.parent))
    except OSError as error:
        raise RecordingError(f"{path.parent} cannot be written: {error.strerror}") from None
    try:
        yield folder / path.name
        if path.exists():
            path.rename(folder / "replaced")
        (folder / path.name).rename(path)
    except OSError as error:
        raise RecordingError(f"{path} could not be written: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
