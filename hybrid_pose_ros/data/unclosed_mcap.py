"""Reads an .mcap file without its index, from front to back: one not closed, or damaged.

Source: the MCAP specification, mcap.dev/spec.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from hybrid_pose_ros.data.inflate import ERRORS, inflate
from hybrid_pose_ros.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

_MAGIC_BYTES = 8
_FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 0x02, 0x03, 0x04, 0x05, 0x06, 0x0F
_LARGEST = 1 << 30  # bytes of an unpacked chunk


class ScannedConnection(NamedTuple):
    """A topic of the file, with the names that the `rosbags` library uses."""

    id: int
    topic: str
    msgtype: str
    msgcount: int


class UnclosedMcap:
    """Reader of what is left of a file; the messages come in the order of the file.

    Attributes:
        connections: topics that have messages.
        start_time, end_time: log times of the first message and just after the last one, ns.
    """

    ros1 = False

    def __init__(self, path: Path) -> None:
        """Find out what can be read.

        Raises:
            RecordingError: if there is no message before the damage.
        """
        self._path = path
        schemas: dict[int, str] = {}
        channels: dict[int, tuple[str, str]] = {}
        counts: Counter[int] = Counter()
        times: list[int] = []
        try:
            for kind, body in self._records():
                if kind == _SCHEMA:
                    schemas[_u16(body, 0)] = _string(body, 2)
                elif kind == _CHANNEL:
                    msgtype = schemas.get(_u16(body, 2), "")
                    channels[_u16(body, 0)] = (_string(body, 4), msgtype)
                elif kind == _MESSAGE:
                    counts[_u16(body, 0)] += 1
                    times = [*times[:1], *_log_time(body)]
        except RecordingError:
            if not counts:
                raise
        self.connections = [
            ScannedConnection(n, *channels[n], count)
            for n, count in counts.items()
            if n in channels
        ]
        self.start_time, self.end_time = min(times, default=0), max(times, default=-1) + 1

    @property
    def reader(self) -> UnclosedMcap:
        """Itself, as BagFiles has one."""
        return self

    def messages(
        self,
        connections: Sequence[ScannedConnection] = (),
        start: int | None = None,
        stop: int | None = None,
    ) -> Iterator[tuple[ScannedConnection, int, bytes]]:
        """Connection, log time and bytes of the messages of these (default: all) connections.

        Raises:
            RecordingError: at the damage; it names the byte.
        """
        chosen = {c.id: c for c in connections or self.connections}
        for kind, body in self._records():
            if kind != _MESSAGE or _u16(body, 0) not in chosen:
                continue
            (t_ns,) = _log_time(body)
            if (start is None or start <= t_ns) and (stop is None or t_ns < stop):
                yield chosen[_u16(body, 0)], t_ns, bytes(body[22:])

    def close(self) -> None:
        """Nothing stays open between readings."""

    def _records(self) -> Iterator[tuple[int, memoryview]]:
        """Kind and body of every record, those inside of chunks instead of the chunks."""
        with self._path.open("rb") as file:
            position = _MAGIC_BYTES
            file.seek(position)
            size = self._path.stat().st_size
            while position < size:
                try:
                    kind, body = _record(file, size - position - 9)
                    if kind in (_FOOTER, _DATA_END):
                        return
                    if kind == _CHUNK:
                        yield from _inside(_unpack(body))
                    else:
                        yield kind, body
                except (struct.error, IndexError, *ERRORS) as error:
                    raise self._damage(position, str(error)) from None
                position = file.tell()
            raise self._damage(position, "the file was not closed")

    def _damage(self, position: int, reason: str) -> RecordingError:
        return RecordingError(
            f"{self._path} cannot be read from byte {position} on ({reason}); it is damaged or was "
            "not closed. 'mcap recover' keeps what is before it"
        )


def _record(file: BinaryIO, room: int) -> tuple[int, memoryview]:
    kind, length = struct.unpack("<BQ", file.read(9))
    if length > room:
        raise ValueError(f"a record of {length} bytes is longer than the rest of the file")
    return kind, memoryview(file.read(length))


def _inside(chunk: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The records of an unpacked chunk."""
    at = 0
    while at < len(chunk):
        kind, length = struct.unpack_from("<BQ", chunk, at)
        if length > len(chunk) - at - 9:
            raise ValueError(f"a record of {length} bytes is longer than its chunk")
        yield kind, chunk[at + 9 : at + 9 + length]
        at += 9 + length


def _unpack(body: memoryview) -> memoryview:
    """The records of a chunk's body: times, size, checksum, compression, length, data."""
    size, checksum = struct.unpack_from("<QI", body, 16)
    form = _string(body, 28)
    data = inflate(body[28 + 4 + len(form) + 8 :], form, min(size, _LARGEST))
    if len(data) != size or (checksum and zlib.crc32(data) != checksum):
        raise ValueError("the checksum of a chunk is wrong")
    return memoryview(data)


def _u16(body: memoryview, at: int) -> int:
    return int(struct.unpack_from("<H", body, at)[0])


def _log_time(body: memoryview) -> tuple[int]:
    (t_ns,) = struct.unpack_from("<Q", body, 6)
    return (int(t_ns),)


def _string(body: memoryview, at: int) -> str:
    (length,) = struct.unpack_from("<I", body, at)
    return bytes(body[at + 4 : at + 4 + length]).decode()
