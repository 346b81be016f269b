"""Events to HDF5: a group per stream, called after it, with t (ns), x, y and p."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np

from hybrid_pose_ros.data.event_source import CHUNK_EVENTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from hybrid_pose_ros.data.event_source import EventChunk, StreamInfo

SUFFIXES = (".h5", ".hdf5")
_TYPES = {"t": "<i8", "x": "<u2", "y": "<u2", "p": "u1"}


class Hdf5Events:
    """Writes columns, compressed; triggers go to a data set (n, 3) of t, id, edge beside them."""

    moved = 0  # times are written as they are

    def __init__(self, path: Path, streams: Sequence[StreamInfo]) -> None:
        self._path, self._infos = path, streams
        self._waiting: dict[str, list[np.ndarray]] = {info.name: [] for info in streams}
        self._triggers: dict[str, list[np.ndarray]] = {info.name: [] for info in streams}

    def __enter__(self) -> Hdf5Events:
        self._file = h5py.File(self._path, "w")
        for info in self._infos:
            group = self._file.create_group(info.name)
            group.attrs.update(width=info.width, height=info.height, frame_id=info.frame_id)
            for name, kind in _TYPES.items():
                group.create_dataset(
                    name, (0,), kind, maxshape=(None,), chunks=(CHUNK_EVENTS,),
                    compression="gzip", compression_opts=1, shuffle=True,
                )  # fmt: skip
            group["t"].attrs["unit"] = "ns"
        return self

    def write(self, chunk: EventChunk) -> None:
        """Append a chunk."""
        if len(chunk.triggers):
            self._triggers[chunk.stream].append(chunk.triggers)
        waiting = self._waiting[chunk.stream]
        waiting.append(chunk.events)
        if sum(map(len, waiting)) >= CHUNK_EVENTS:
            self._flush(chunk.stream)

    def _flush(self, name: str) -> None:
        events = np.concatenate(self._waiting[name])
        self._waiting[name] = []
        for column in _TYPES:
            data = self._file[name][column]
            start = len(data)
            data.resize(start + len(events), axis=0)
            data[start:] = events[column]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                for name, waiting in self._waiting.items():
                    if waiting:
                        self._flush(name)
                for name, parts in self._triggers.items():
                    if parts:
                        self._file[name]["triggers"] = np.concatenate(parts)
        finally:
            self._file.close()
