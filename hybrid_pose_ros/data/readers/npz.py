"""Events in a NumPy archive (.npz) with the arrays t, x, y and p, read in step, part by part."""

from __future__ import annotations

import zipfile
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy

from hybrid_pose_ros.data.event_source import CHUNK_EVENTS, EventChunk, EventSource
from hybrid_pose_ros.data.readers.columns import (
    UNITS,
    Layout,
    check_columns,
    find_columns,
    to_chunk,
    usual_unit,
)
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.types import empty_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_NAME = "/events"
_SMALL = 1 << 24  # bytes of the arrays that are read whole


class _Array:
    """One array of the archive, read from front to back."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        self.shape, _, self.dtype = read(file)

    def read(self, count: int) -> np.ndarray:
        """The next `count` values."""
        wanted = count * self.dtype.itemsize
        data = self._file.read(wanted)
        if len(data) < wanted:
            raise RecordingError(f"array {self._name} ends early; write the file again")
        return np.frombuffer(data, self.dtype)


class NpzFile(EventSource):
    """An open .npz archive; its one stream is called /events."""

    kind = "npz"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._zip = zipfile.ZipFile(path)
        try:
            self._find()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def _find(self) -> None:
        """Look for the columns, their unit and the size of the sensor."""
        arrays = {name.removesuffix(".npy"): name for name in self._zip.namelist()}
        names = find_columns(arrays)
        if names is None:
            raise RecordingError(
                f"{self.path} has no arrays t, x, y and p of events; it has "
                + (", ".join(arrays) or "none")
            )
        self._members = {key: arrays[name] for key, name in names.items()}
        columns = {key: self._open(name) for key, name in self._members.items()}
        self._length = check_columns(self.path, _NAME, columns)
        unit = str(self._small("unit", usual_unit(columns["t"].dtype)))
        if unit not in UNITS:
            raise RecordingError(f"{self.path}: unit '{unit}' of t is none of {list(UNITS)}")
        self._layout = Layout(unit)
        width, height = int(self._small("width", 0)), int(self._small("height", 0))
        if not (width and height):
            width, height = self._largest("x") + 1, self._largest("y") + 1
        self._add_stream(_NAME, width, height, "npz")

    def _open(self, member: str) -> _Array:
        return _Array(self._zip.open(member), member)

    def _small(self, name: str, default: object) -> np.ndarray:
        """A small array of the archive, read whole."""
        member = f"{name}.npy"
        if member not in self._zip.namelist():
            return np.asarray(default)
        if self._zip.getinfo(member).file_size > _SMALL:
            raise RecordingError(f"{self.path}: array {name} is too large to be what it is called")
        with self._zip.open(member) as file:
            return npy.read_array(file, allow_pickle=False)

    def _largest(self, key: str) -> int:
        column, largest = self._open(self._members[key]), 0
        for start in range(0, self._length, CHUNK_EVENTS):
            values = column.read(min(CHUNK_EVENTS, self._length - start))
            largest = max(largest, int(values.max()))
        return largest

    def _read(self, streams: Sequence[str]) -> Iterator[EventChunk]:
        info = self.streams[_NAME]
        edges = self._small("triggers", np.empty((0, 3), np.int64)).astype(np.int64)
        if len(edges):
            yield EventChunk(_NAME, empty_events(), -1, edges.reshape(-1, 3))
        columns = {key: self._open(name) for key, name in self._members.items()}
        for start in range(0, self._length, CHUNK_EVENTS):
            count = min(CHUNK_EVENTS, self._length - start)
            part = {key: column.read(count) for key, column in columns.items()}
            self.share = (start + count) / self._length
            yield to_chunk(info, self._layout, part)
