"""The events of one stream to a NumPy archive with t (ns), x, y, p and the size of the sensor."""

from __future__ import annotations

import shutil
import zipfile
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.lib import format as npy

from hybrid_pose_ros.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from hybrid_pose_ros.data.event_source import EventChunk, StreamInfo

SUFFIXES = (".npz",)
_TYPES = {"t": "<i8", "x": "<u2", "y": "<u2", "p": "|u1"}


class NpzEvents:
    """Writes the columns to files of their own first: an array's length comes before its values."""

    moved = 0  # times are written as they are

    def __init__(self, path: Path, streams: Sequence[StreamInfo]) -> None:
        if len(streams) != 1:
            names = ", ".join(info.name for info in streams)
            raise RecordingError(f"an .npz holds one stream: choose one with --topic ({names})")
        self._path, self._info = path, streams[0]
        self._count = 0
        self._triggers: list[np.ndarray] = []

    def __enter__(self) -> NpzEvents:
        self._columns: dict[str, IO[bytes]] = {
            name: self._path.with_suffix(f".{name}.part").open("w+b") for name in _TYPES
        }
        return self

    def write(self, chunk: EventChunk) -> None:
        """Append a chunk."""
        self._count += len(chunk.events)
        for name, file in self._columns.items():
            file.write(chunk.events[name].astype(_TYPES[name]).tobytes())
        if len(chunk.triggers):
            self._triggers.append(chunk.triggers)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._assemble()
        finally:
            for file in self._columns.values():
                file.close()

    def _assemble(self) -> None:
        small = {"width": self._info.width, "height": self._info.height, "unit": "ns"}
        with zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, column in self._columns.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    header = {
                        "descr": _TYPES[name], "fortran_order": False, "shape": (self._count,)
                    }  # fmt: skip
                    npy.write_array_header_1_0(file, header)
                    column.seek(0)
                    shutil.copyfileobj(column, file, 1 << 20)
            arrays = {name: np.asarray(value) for name, value in small.items()}
            if self._triggers:
                arrays["triggers"] = np.concatenate(self._triggers)
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w") as file:
                    npy.write_array(file, array, allow_pickle=False)
