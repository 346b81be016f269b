"""A file of events that is read from front to back, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybrid_pose_ros.data.event_source import EventSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = 1 << 19
_LINE = 4096  # longest line of a text header


class PlainFile(EventSource):
    """Base of the readers of files that are a header and then words of one size."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = path.open("rb")
        self._size = path.stat().st_size

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _text_header(self, mark: bytes, end: bytes) -> Iterator[str]:
        """The lines that start with `mark`, up to the line `end`; then the data follows."""
        at = 0
        while True:
            self._file.seek(at)
            line = self._file.readline(_LINE)
            if not line.startswith(mark) or not line.endswith(b"\n"):
                break
            at += len(line)
            yield line.decode("latin-1").strip()
            if line.strip() == end:
                break
        self._file.seek(at)

    def _blocks(self, start: int, unit: int) -> Iterator[bytes]:
        """The file from byte `start` on, in blocks of whole units of `unit` bytes.

        Raises:
            RecordingError: at the end, if a part of a unit is left.
        """
        position = start
        with self.path.open("rb") as file:  # its own, so that several readings do not meet
            file.seek(start)
            while block := file.read(_BLOCK // unit * unit):
                whole = len(block) // unit * unit
                yield block[:whole]
                position += whole
                self.share = position / max(1, self._size)
                if whole < len(block):
                    left = f"{len(block) - whole} of {unit} bytes of a word"
                    raise self._cut_short(position, left)
