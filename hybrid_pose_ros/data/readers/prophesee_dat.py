"""Prophesee's .dat files: a text header, two bytes on the kind, and 8 bytes per event.

An event is 32 bits of microseconds, which wrap, and x (14 bits), y (14 bits), polarity (4 bits).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from hybrid_pose_ros.data.event_source import EventChunk
from hybrid_pose_ros.data.readers.columns import DROPPED, OUTSIDE, make_chunk
from hybrid_pose_ros.data.readers.plain_file import PlainFile
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.types import EVENT_DTYPE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_EVENT_BYTES = 8
_CD_KINDS = (0x00, 0x0C)  # change detection events, in old and new files
_USUAL_SIZE = (1280, 720)
_NAME = "/events"
_HALF_WRAP = 1 << 31


def is_dat(path: Path) -> bool:
    """Whether a file with a header of "% " lines holds .dat events rather than raw words."""
    with path.open("rb") as file:
        head = file.read(2048)
    return re.search(rb"^% (evt|format|Evt) ", head, re.M) is None


class DatFile(PlainFile):
    """An open .dat file."""

    kind = "Prophesee dat"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        header = "\n".join(self._text_header(b"% ", b"% end"))
        told = self._file.read(2)
        if len(told) < 2 or told[0] not in _CD_KINDS or told[1] != _EVENT_BYTES:
            raise RecordingError(
                f"{path} has a header of Prophesee, but holds neither raw words nor .dat events "
                f"(kind {told.hex() or 'missing'}); convert it with Metavision's tools"
            )
        self._start = self._file.tell()
        found = dict(re.findall(r"^% (Width|Height) (\d+)", header, re.M))
        size = (int(found["Width"]), int(found["Height"])) if len(found) == 2 else _USUAL_SIZE
        self._add_stream(_NAME, *size, "dat")

    def _read(self, streams: Sequence[str]) -> Iterator[EventChunk]:
        info, clock = self.streams[_NAME], np.zeros(2, np.int64)
        for block in self._blocks(self._start, _EVENT_BYTES):
            words, dropped = np.frombuffer(block, "<u4"), np.zeros(len(DROPPED), np.int64)
            events = np.empty(len(words) // 2, EVENT_DTYPE)
            filled = _unpack(words, clock, info.width, info.height, events.view(np.int64), dropped)
            yield make_chunk(info, events[:filled], dropped, len(block))


@njit(cache=True)
def _unpack(
    words: np.ndarray,
    clock: np.ndarray,
    width: int,
    height: int,
    out: np.ndarray,
    dropped: np.ndarray,
) -> int:
    """Fill `out`, two int64 per event; `clock` holds the wraps so far and the latest time."""
    wraps, latest = clock
    filled = 0
    for i in range(0, len(words), 2):
        stamp, data = np.int64(words[i]), np.int64(words[i + 1])
        wraps += stamp < latest - _HALF_WRAP
        latest = stamp
        x, y = data & 0x3FFF, (data >> 14) & 0x3FFF
        if x >= width or y >= height:
            dropped[OUTSIDE] += 1
            continue
        out[2 * filled] = ((wraps << 32) | stamp) * 1000
        out[2 * filled + 1] = x | (y << 16) | (np.int64(data >> 28 != 0) << 32)
        filled += 1
    clock[:] = wraps, latest
    return filled
