"""AEDAT 4, the format of iniVation's DV: packets of FlatBuffers, each compressed by itself.

Source: the format description and the schemas of dv-processing. Only events and triggers are
read; an event there is laid out as ours is, with microseconds.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree

import numpy as np
from numba import njit

from hybrid_pose_ros.data.event_source import EventChunk, StreamInfo
from hybrid_pose_ros.data.inflate import ERRORS, inflate
from hybrid_pose_ros.data.readers.columns import DROPPED, OUTSIDE, TIME_RANGE, make_chunk
from hybrid_pose_ros.data.readers.flatbuffer import root
from hybrid_pose_ros.data.readers.plain_file import PlainFile
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.decoder import MAX_TIME_NS
from hybrid_pose_ros.events.types import EVENT_DTYPE, empty_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MAGIC = b"#!AER-DAT4.0\r\n"
_RISING, _FALLING, _PULSE = 1, 2, 3  # kinds of trigger that come from outside
_COMPRESSIONS = {0: "", 1: "lz4", 2: "lz4", 3: "zstd", 4: "zstd"}
_LARGEST = 1 << 28  # bytes of an unpacked packet: 16 million events


class _Output(NamedTuple):
    """One of the file's streams, as its header describes it."""

    kind: str
    name: str
    source: str
    width: int
    height: int


class Aedat4File(PlainFile):
    """An open AEDAT 4 file; streams /events, or /<source>/events if there are several."""

    kind = "AEDAT 4"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file.seek(len(MAGIC))
        (size,) = struct.unpack("<I", self._file.read(4).ljust(4, b"\0"))
        if size > self._size:
            raise self._cut_short(len(MAGIC), "the header is longer than the file")
        self._file.seek(len(MAGIC))
        header = root(self._file.read(size + 4), b"IOHE")
        self._start = self._file.tell()
        number = header.integer(0, "<i", 0)
        self._compression = _COMPRESSIONS.get(number, str(number))
        table = header.integer(1, "<q", -1)
        self._stop = table if self._start <= table <= self._size else self._size
        outputs = _outputs(bytes(header.vector(2, 1)))
        cameras = {n: output for n, output in outputs.items() if output.kind == "EVTS"}
        if not cameras:
            raise RecordingError(f"{path} holds no events; record it again with events switched on")
        self._names = _names(cameras)
        for number, output in outputs.items():
            if output.kind == "TRIG":  # of the same camera, or of the only one
                same = [n for n, camera in cameras.items() if camera.source == output.source]
                self._names[number] = self._names[(same or list(cameras))[0]]
        for number, output in cameras.items():
            self._add_stream(self._names[number], output.width, output.height, "aedat4")

    def _read(self, streams: Sequence[str]) -> Iterator[EventChunk]:
        at = self._start
        while at < self._stop:
            self._file.seek(at)
            header = self._file.read(8)
            if len(header) < 8:
                raise self._cut_short(at, "the header of a packet is cut short")
            number, size = struct.unpack("<ii", header)
            if not 0 < size <= self._stop - at - 8:
                raise self._cut_short(at, f"a packet of {size} bytes does not fit the file")
            name = self._names.get(number, "")
            if name in streams:
                try:
                    data = inflate(self._file.read(size), self._compression, _LARGEST)
                    yield self._packet(self.streams[name], data)
                except (struct.error, *ERRORS) as error:
                    raise self._cut_short(at, str(error)) from error
            at += 8 + size
            self.share = at / self._size

    def _packet(self, info: StreamInfo, data: bytes) -> EventChunk:
        if data[8:12] == b"TRIG":
            tables = root(data, b"TRIG").tables(0)
            kinds = [table.integer(1, "<b", 0) for table in tables]
            edges = np.array(
                [
                    (table.integer(0, "<q", 0) * 1000, 0, int(kind != _FALLING))
                    for table, kind in zip(tables, kinds, strict=True)
                    if kind in (_RISING, _FALLING, _PULSE)
                ],
                np.int64,
            ).reshape(-1, 3)
            last_ns = int(edges[-1, 0]) if len(edges) else -1
            return EventChunk(info.name, empty_events(), last_ns, edges, size=len(data))
        elements = root(data, b"EVTS").vector(0, EVENT_DTYPE.itemsize)
        words = np.frombuffer(elements, "<i8")
        words = words if words.flags.aligned else words.copy()
        events = np.empty(len(words) // 2, EVENT_DTYPE)
        dropped = np.zeros(len(DROPPED), np.int64)
        filled = _unpack(words, info.width, info.height, events.view(np.int64), dropped)
        return make_chunk(info, events[:filled], dropped, len(data))


@njit(cache=True)
def _unpack(
    words: np.ndarray, width: int, height: int, out: np.ndarray, dropped: np.ndarray
) -> int:
    """Fill `out`, two int64 per event, from the like with microseconds and signed x and y."""
    filled = 0
    for i in range(0, len(words), 2):
        t_us, packed = words[i], words[i + 1]
        x, y = packed & 0xFFFF, (packed >> 16) & 0xFFFF
        if not 0 <= t_us < MAX_TIME_NS // 1000:
            dropped[TIME_RANGE] += 1
        elif x >= width or y >= height:  # negative ones are above any size
            dropped[OUTSIDE] += 1
        else:
            out[2 * filled] = t_us * 1000
            out[2 * filled + 1] = (packed & 0xFFFFFFFF) | (np.int64(packed >> 32 & 0xFF != 0) << 32)
            filled += 1
    return filled


def _outputs(text: bytes) -> dict[int, _Output]:
    """The streams that the header's XML lists, by number."""
    outputs = {}
    for node in ElementTree.fromstring(text).iter("node"):
        if node.get("name") != "outInfo":
            continue
        for stream in node.findall("node"):
            told = {a.get("key", ""): a.text or "" for a in stream.iter("attr")}
            outputs[int(stream.get("name", "-1"))] = _Output(
                told.get("typeIdentifier", ""),
                told.get("originalOutputName", "events"),
                told.get("source", ""),
                int(told.get("sizeX", 0)),
                int(told.get("sizeY", 0)),
            )
    return outputs


def _names(cameras: dict[int, _Output]) -> dict[int, str]:
    """A name for every stream of events: as short as is unambiguous."""
    if len(cameras) == 1:
        return dict.fromkeys(cameras, "/events")
    names = {number: f"/{camera.source}/{camera.name}" for number, camera in cameras.items()}
    if len(set(names.values())) == len(names):
        return names
    return {number: f"/{number}/events" for number in cameras}
