"""Events in HDF5: our own files, DHP19 after conversion, DSEC, and others with the same columns.

A group with the data sets t, x, y, p is a stream, named by the path of the group.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from hybrid_pose_ros.data.event_source import (
    CHUNK_EVENTS,
    EventChunk,
    EventSource,
    in_time_order,
)
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

_DHP19 = re.compile(r"/(cam\d)_events")
_DHP19_SIZE = (346, 260)


class Hdf5File(EventSource):
    """An open HDF5 file."""

    kind = "HDF5"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._file = h5py.File(path, "r")
        self._columns: dict[str, dict[str, Any]] = {}
        self._layouts: dict[str, Layout] = {}
        self._done = self._total = 0
        try:
            self._file.visititems(self._add)
        except BaseException:
            self.close()
            raise
        if not self.streams:
            self.close()
            raise RecordingError(f"{path} has no group with events (data sets t, x, y and p)")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _add(self, path: str, group: h5py.Group | h5py.Dataset) -> None:
        """Note a group if it holds events."""
        names = find_columns(group) if isinstance(group, h5py.Group) else None
        if names is None:
            return
        columns = {key: group[name] for key, name in names.items()}
        dhp19 = _DHP19.fullmatch("/" + path)
        name = f"/{dhp19[1]}/events" if dhp19 else "/" + path
        self._total += check_columns(self.path, name, columns)
        self._columns[name] = columns
        self._layouts[name] = self._layout(columns["t"], dhp19 is not None)
        # The data set itself does not tell; simulated cameras may be others.
        told = not dhp19 or "width" in group.attrs
        size = self._sensor_size(group, columns) if told else _DHP19_SIZE
        self._add_stream(name, *size, "dhp19" if dhp19 else "hdf5")

    def _layout(self, times: h5py.Dataset, dhp19: bool) -> Layout:
        unit = str(times.attrs.get("unit", usual_unit(times.dtype)))
        if unit not in UNITS:
            raise RecordingError(f"{self.path}: unit '{unit}' of t is none of {list(UNITS)}")
        # DSEC keeps the time of its first event apart.
        offset = self._file.get("t_offset")
        offset_ns = int(offset[()]) * UNITS[unit] if offset is not None else 0
        return Layout(unit, offset_ns, first=1 if dhp19 else 0)

    def _sensor_size(self, group: h5py.Group, columns: dict[str, Any]) -> tuple[int, int]:
        """From the attributes, or else what the events need."""
        for place in (group, self._file):
            if "width" in place.attrs and "height" in place.attrs:
                return int(place.attrs["width"]), int(place.attrs["height"])
            if "sensor_resolution" in place.attrs:  # rpg_e2vid
                height, width = place.attrs["sensor_resolution"]
                return int(width), int(height)
        return _largest(columns["x"]) + 1, _largest(columns["y"]) + 1

    def _read(self, streams: Sequence[str]) -> Iterator[EventChunk]:
        self._done = 0
        yield from in_time_order([self._stream(name) for name in streams])

    def _stream(self, name: str) -> Iterator[EventChunk]:
        columns, info = self._columns[name], self.streams[name]
        path = columns["t"].parent.name
        triggers = self._file.get(f"{path}/triggers")
        if triggers is not None and len(triggers):
            edges = np.asarray(triggers[()], np.int64).reshape(-1, 3)
            yield EventChunk(name, empty_events(), -1, edges)
        for start in range(0, len(columns["t"]), CHUNK_EVENTS):
            part = {key: c[start : start + CHUNK_EVENTS] for key, c in columns.items()}
            self._done += len(part["t"])
            self.share = self._done / max(1, self._total)
            yield to_chunk(info, self._layouts[name], part)


def _largest(column: h5py.Dataset) -> int:
    """The largest value of a column, read in parts."""
    step = 1 << 20
    return max((int(column[i : i + step].max()) for i in range(0, len(column), step)), default=0)
