"""Tells whatever a library stumbles over as one damaged recording."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from hybrid_pose_ros.errors import EncodingError, RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BAG_REMEDY = (
    "Try 'hybrid_pose events convert --partial', 'mcap recover' or 'ros2 bag reindex', "
    "or record it again"
)
FILE_REMEDY = "Copy it anew from where it was recorded, or record it again"


@contextmanager
def telling_damage(path: Path, remedy: str = FILE_REMEDY) -> Iterator[None]:
    """Turn any error of a reading library into a RecordingError that names `path` and `remedy`.

    Raises:
        RecordingError: instead of whatever was raised inside.
    """
    try:
        yield
    except RecordingError:
        raise
    except EncodingError as error:
        hint = " (compressed messages need the bag's folder)" * (path.suffix == ".db3")
        raise RecordingError(f"{path}: {error}{hint}") from None
    except MemoryError:
        raise RecordingError(_told(path, "a length in it is impossible", remedy)) from None
    except Exception as error:  # a reader may raise anything on damaged bytes
        reason = f"{type(error).__name__}: {error}"
        raise RecordingError(_told(path, reason, remedy)) from error


def _told(path: Path, reason: str, remedy: str) -> str:
    return f"{path} cannot be read ({reason}); it is damaged or was not closed. {remedy}"
