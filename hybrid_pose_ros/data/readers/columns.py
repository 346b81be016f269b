"""Columns t, x, y, p, as HDF5 and NumPy files hold them, to events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numba import njit

from hybrid_pose_ros.data.event_source import EventChunk, StreamInfo
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.decoder import MAX_TIME_NS
from hybrid_pose_ros.events.types import EVENT_DTYPE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Names that the columns have in files of different origin; the first is what we write.
NAMES = {
    "t": ("t", "ts", "timestamps"),
    "x": ("x", "xs"),
    "y": ("y", "ys"),
    "p": ("p", "ps", "pol", "polarity"),
}
DROPPED = ("time_range", "coordinate")  # why an event cannot be
TIME_RANGE, OUTSIDE = range(len(DROPPED))
UNITS = {"ns": 1, "us": 1000, "ms": 1_000_000, "s": 1_000_000_000}


@dataclass(frozen=True)
class Layout:
    """How the columns of a stream are to be read.

    Attributes:
        unit: of the times, a key of UNITS.
        offset_ns: added to the times.
        first: smallest coordinate, 0 or 1.
    """

    unit: str
    offset_ns: int = 0
    first: int = 0


def find_columns(names: Mapping[str, object]) -> dict[str, str] | None:
    """The file's name of every column; None if one is missing."""
    found = {k: next((n for n in known if n in names), None) for k, known in NAMES.items()}
    complete = {key: name for key, name in found.items() if name is not None}
    return complete if len(complete) == len(NAMES) else None


def usual_unit(dtype: np.dtype) -> str:
    """The unit of times of this type where the file does not tell: seconds if they are reals."""
    return "s" if dtype.kind == "f" else "us"


class Column(Protocol):
    """An array, or what will be read as one."""

    shape: tuple[int, ...]
    dtype: np.dtype


def check_columns(path: Path, name: str, columns: Mapping[str, Column]) -> int:
    """The number of events.

    Raises:
        RecordingError: if the columns are no numbers or differ in length.
    """
    shapes = {key: column.shape for key, column in columns.items()}
    if len(set(shapes.values())) != 1 or len(shapes["t"]) != 1:
        raise RecordingError(
            f"{path}: the columns of {name} differ in length, {shapes}; write the file again"
        )
    for key, column in columns.items():
        if column.dtype.kind not in "iufb":
            raise RecordingError(
                f"{path}: column {key} of {name} holds {column.dtype}, not numbers"
            )
    return shapes["t"][0]


def to_chunk(info: StreamInfo, layout: Layout, columns: Mapping[str, np.ndarray]) -> EventChunk:
    """A chunk of these columns, which are of equal length; what cannot be is dropped."""
    times, scale, offset_ns = columns["t"], UNITS[layout.unit], layout.offset_ns
    if times.dtype.kind == "f":
        times = np.round(np.nan_to_num(times, nan=-1.0).astype(np.float64) * scale)
        # Beyond the range every value is dropped; it must only not wrap into it.
        times, scale = np.clip(times, -MAX_TIME_NS, MAX_TIME_NS), 1
    low, high = -(offset_ns // scale), (MAX_TIME_NS - offset_ns) // scale
    events = np.empty(len(times), EVENT_DTYPE)
    dropped = np.zeros(2, np.int64)
    filled = _pack(
        np.ascontiguousarray(times, np.int64), _whole(columns["x"]), _whole(columns["y"]),
        np.ascontiguousarray(columns["p"] > 0).view(np.uint8),
        np.array([low, high, scale, offset_ns, layout.first, info.width, info.height]),
        events.view(np.int64), dropped,
    )  # fmt: skip
    return make_chunk(info, events[:filled], dropped, sum(columns[key].nbytes for key in NAMES))


def make_chunk(info: StreamInfo, events: np.ndarray, dropped: np.ndarray, size: int) -> EventChunk:
    """The chunk of these events, with the counts of what was DROPPED as faults."""
    told = {kind: int(count) for kind, count in zip(DROPPED, dropped, strict=True) if count}
    last_ns = int(events["t"][-1]) if len(events) else -1
    return EventChunk(info.name, events, last_ns, faults=told, size=size)


def _whole(values: np.ndarray) -> np.ndarray:
    """Coordinates as one of two integer types, so that few kernels are compiled."""
    if values.dtype.kind == "f":
        values = np.nan_to_num(values, nan=-1.0).clip(-1, 1 << 31)
    narrow = values.dtype.kind != "f" and values.dtype.itemsize <= 2
    return np.ascontiguousarray(values, np.int32 if narrow else np.int64)


@njit(cache=True)
def _pack(
    times: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    on: np.ndarray,
    limits: np.ndarray,
    out: np.ndarray,
    dropped: np.ndarray,
) -> int:
    """Fill `out`, two int64 per event: time and the packed x, y, p. Returns how many there are."""
    low, high, scale, offset_ns, first, width, height = limits
    filled = 0
    for i in range(len(times)):
        if not low <= times[i] < high:
            dropped[TIME_RANGE] += 1
            continue
        column, row = np.int64(x[i]) - first, np.int64(y[i]) - first
        if not (0 <= column < width and 0 <= row < height):
            dropped[OUTSIDE] += 1
            continue
        out[2 * filled] = times[i] * scale + offset_ns
        out[2 * filled + 1] = column | (row << 16) | (np.int64(on[i]) << 32)
        filled += 1
    return filled
