"""AEDAT 2.0 as jAER writes it for DAVIS cameras: DHP19's own recordings.

After a text header, big-endian pairs of a 32-bit address and 32 bits of microseconds, which wrap.
Address: 0-3 number of the camera, 10 external signal, 11 polarity, 12-21 x, 22-30 y, 31 frame or
motion sample (skipped). x counts from the right and y from the bottom of the picture. Source:
github.com/SensorsINI/DHP19, read_aedat and generate_DHP19.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from hybrid_pose_ros.data.event_source import EventChunk, StreamInfo, in_time_order
from hybrid_pose_ros.data.readers.plain_file import PlainFile
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.codecs.stream import (
    COORDINATE,
    UNKNOWN,
    event_buffer,
    monotonic,
    packet,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CAMERAS = 4
_SIZES = {"128": (128, 128), "208": (208, 192), "240": (240, 180), "640": (640, 480)}
_DEFAULT_SIZE = (346, 260)  # DAVIS346: what DHP19 has, and what most files are of
_EVENT_BYTES = 8
_CAMERA_BITS = 0xF


@njit(cache=True)
def _swapped(word: int) -> int:
    """A 32-bit word with its bytes in the other order."""
    value = np.int64(word)
    return int(
        ((value & 0xFF) << 24) | ((value & 0xFF00) << 8) | ((value >> 8) & 0xFF00) | (value >> 24)
    )


@njit(cache=True)
def _count(words: np.ndarray, counts: np.ndarray) -> None:
    """Counts events and external signals per camera number, in the two rows of `counts`."""
    for i in range(0, len(words), 2):
        address = _swapped(words[i])
        if not address >> 31:
            counts[(address >> 10) & 1, address & _CAMERA_BITS] += 1


@njit(cache=True)
def _unroll(stamp: int, before_us: int) -> int:
    """A 32-bit time as one that does not wrap; may be negative right after the start."""
    if before_us == UNKNOWN:
        return stamp
    step = (stamp - before_us) & 0xFFFFFFFF
    return before_us + (step - 0x100000000 if step >= 0x80000000 else step)


@njit(cache=True)
def _decode(
    words: np.ndarray,
    clocks: np.ndarray,
    width: int,
    height: int,
    starts: np.ndarray,
    out: np.ndarray,
    edges: np.ndarray,
    filled: np.ndarray,
    faults: np.ndarray,
) -> None:
    """Events and signals of all cameras.

    `clocks` holds the unrolled time in us and the latest in ns of every camera. `starts` and
    `filled` have a row for the events and one for the signals: where in `out` (two int64 per
    event) and in `edges` those of a camera start, and how many there are.
    """
    for i in range(0, len(words), 2):
        address = _swapped(words[i])
        camera = address & _CAMERA_BITS
        if address >> 31 or camera >= len(clocks):
            continue
        stamp = _swapped(words[i + 1])
        time_us, latest_ns = _unroll(stamp, clocks[camera, 0]), clocks[camera, 1]
        if time_us < 0:
            time_us = stamp
        time_ns = time_us * 1000
        if time_ns < latest_ns:
            time_ns = monotonic(time_ns, latest_ns, faults[camera])
        clocks[camera, 0], clocks[camera, 1] = time_us, time_ns
        if address & 0x400:
            edges[starts[1, camera] + filled[1, camera], :] = time_ns, 0, 1
            filled[1, camera] += 1
            continue
        x, y = width - 1 - ((address >> 12) & 0x3FF), height - 1 - ((address >> 22) & 0x1FF)
        if x < 0 or y < 0:
            faults[camera, COORDINATE] += 1
            continue
        at = 2 * (starts[0, camera] + filled[0, camera])
        out[at] = time_ns
        out[at + 1] = x | (y << 16) | (((address >> 11) & 1) << 32)
        filled[0, camera] += 1


class Aedat2File(PlainFile):
    """An open AEDAT 2.0 file; streams /cam0/events to /cam3/events, or /events of one camera."""

    kind = "AEDAT 2.0"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        header = "\n".join(self._text_header(b"#", b"#!END-HEADER"))
        self._start = self._file.tell()
        size = _sensor_size(path, header)
        first = self._file.read((1 << 20) // _EVENT_BYTES * _EVENT_BYTES)
        counts = np.zeros((2, _CAMERA_BITS + 1), np.int64)
        _count(_words(first), counts)
        several = counts[0, 1:].any() or re.search("multi|4cam", header, re.I)
        names = [f"/cam{n}/events" for n in range(CAMERAS)] if several else ["/events"]
        for name in names:
            self._add_stream(name, *size, "aedat2")

    def _read(self, streams: Sequence[str]) -> Iterator[EventChunk]:
        infos = list(self.streams.values())
        clocks = np.full((len(infos), 2), UNKNOWN, np.int64)
        for block in self._blocks(self._start, _EVENT_BYTES):
            parts = _split(infos, _words(block), clocks)
            yield from in_time_order([iter([part]) for part in parts if part.stream in streams])


def _words(block: bytes) -> np.ndarray:
    """Addresses and times in turn, their bytes as in the file."""
    return np.frombuffer(block, "<u4", len(block) // _EVENT_BYTES * 2)


def _split(infos: list[StreamInfo], words: np.ndarray, clocks: np.ndarray) -> list[EventChunk]:
    """A chunk per camera that has something in these words; `clocks` goes on."""
    counts = np.zeros((2, _CAMERA_BITS + 1), np.int64)
    _count(words, counts)
    strange = int(counts[:, len(infos) :].sum())
    counts = counts[:, : len(infos)]
    starts = np.cumsum(counts, axis=1) - counts
    events, _ = event_buffer(int(counts[0].sum()))
    edges = np.empty((int(counts[1].sum()), 3), np.int64)
    filled = np.zeros_like(counts)
    faults = np.stack([event_buffer(0)[1] for _ in infos])
    size = (infos[0].width, infos[0].height)
    _decode(words, clocks, *size, starts, events.view(np.int64), edges, filled, faults)
    chunks: list[EventChunk] = []
    for camera in np.flatnonzero(counts.any(0)).tolist():
        first, mark = starts[:, camera]
        part = events[first : first + filled[0, camera]]
        named = packet(part, 0, faults[camera]).faults
        if strange and not chunks:
            named["camera"] = strange
        marks = edges[mark : mark + filled[1, camera]]
        octets = _EVENT_BYTES * int(counts[:, camera].sum())
        name, end_ns = infos[camera].name, int(clocks[camera, 1])
        chunks.append(EventChunk(name, part, end_ns, marks, named, size=octets))
    return chunks


def _sensor_size(path: Path, header: str) -> tuple[int, int]:
    """From the line "# AEChip: <class of the chip>"."""
    chip = re.search(r"AEChip:\s*(\S+)", header)
    if chip is None:
        return _DEFAULT_SIZE
    if "davis" not in chip[1].lower():
        raise RecordingError(
            f"{path} is of the chip {chip[1]}, whose addresses are not known here; of AEDAT 2.0 "
            "the DAVIS cameras can be read"
        )
    number = re.search(r"(\d{3})", chip[1].rsplit(".", 1)[-1])
    return _SIZES.get(number[1], _DEFAULT_SIZE) if number else _DEFAULT_SIZE
