"""An array inside an uncompressed .npz file, of which only slices are read.

A thousand clips are a thousand files: mapping them would take as many open files.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_LOCAL_HEADER = 30  # bytes, then the name and an extra field, whose lengths are at 26 and 28


@dataclass(frozen=True)
class ArrayOnDisk:
    """A one-dimensional array; slices of it with step 1 are read from the file."""

    path: Path
    offset: int
    dtype: np.dtype
    length: int

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, part: slice) -> np.ndarray:
        first, end, step = part.indices(self.length)
        if step != 1:
            raise ValueError(f"slices of an array on disk have step 1, got {step}")
        at = self.offset + first * self.dtype.itemsize
        return np.fromfile(self.path, self.dtype, max(0, end - first), offset=at)


def array_in_npz(path: Path, name: str) -> ArrayOnDisk:
    """Where a one-dimensional array lies in a file that `np.savez` wrote.

    Raises:
        KeyError: there is no such array.
        ValueError: it is compressed, or not one-dimensional.
    """
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{name}.npy")
    if info.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} in {path} is compressed; write it with np.savez")
    with open(path, "rb") as file:
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER)
        file.seek(int.from_bytes(header[26:28], "little"), 1)
        file.seek(int.from_bytes(header[28:30], "little"), 1)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        if len(shape) != 1:
            raise ValueError(f"{name} in {path} has {len(shape)} dimensions, expected 1")
        return ArrayOnDisk(path, file.tell(), dtype, shape[0])
