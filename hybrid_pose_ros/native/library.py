"""Loads the compiled spiking kernels. `library()` is None where they were not built."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_float, c_int32, c_int64, c_void_p
from functools import cache
from pathlib import Path

ABI_VERSION = 3


class Geometry(ctypes.Structure):
    """Shape of one layer, as `struct Geometry` in src/spiking_engine.cpp."""

    _fields_ = [
        (name, c_int32)
        for name in (
            "in_height", "in_width", "in_channels", "out_height", "out_width", "out_channels",
            "kernel", "stride", "padding", "transposed",
        )
    ]  # fmt: skip


@cache
def library() -> ctypes.CDLL | None:
    """The kernels, or None if this installation has none (no compiler when it was built)."""
    for path in sorted(Path(__file__).parent.glob("*spiking_engine*.so")):
        try:
            kernels = ctypes.CDLL(str(path))
            if kernels.spiking_engine_abi_version() != ABI_VERSION:
                continue
            _declare(kernels)
        except (OSError, AttributeError):  # of another machine, or not ours
            continue
        return kernels
    return None


def _declare(kernels: ctypes.CDLL) -> None:
    pointers = c_void_p
    kernels.spiking_engine_scatter.restype = c_int64
    kernels.spiking_engine_scatter.argtypes = [
        pointers, pointers, c_int64, pointers, POINTER(Geometry), pointers,
    ]  # fmt: skip
    kernels.spiking_engine_add.restype = None
    kernels.spiking_engine_add.argtypes = [pointers, c_int64, c_float, pointers]
    kernels.spiking_engine_fire.restype = c_int64
    kernels.spiking_engine_fire.argtypes = [
        pointers, pointers, pointers, c_int64, c_int32, c_float, pointers,
    ]  # fmt: skip
    kernels.spiking_engine_gather.restype = c_int64
    kernels.spiking_engine_gather.argtypes = [pointers, c_int32, c_int32, pointers, pointers]
    kernels.spiking_engine_scale.restype = None
    kernels.spiking_engine_scale.argtypes = [pointers, c_int64, c_float]
    kernels.spiking_engine_softmax.restype = None
    kernels.spiking_engine_softmax.argtypes = [pointers, c_int32, c_int32, pointers, pointers]
