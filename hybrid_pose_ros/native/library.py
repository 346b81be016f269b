"""Loads the compiled spiking kernels. `library()` is None where they were not built."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_float, c_int32, c_int64, c_void_p
from functools import cache
from pathlib import Path

ABI_VERSION = 11
INSTRUCTION_SETS = ("baseline", "avx2", "avx512")  # the kernels' levels


class Layer(ctypes.Structure):
    """One spiking layer, as `struct Layer` in src/layer.hpp, which explains the fields."""

    _fields_ = [
        *(
            (name, c_int32)
            for name in (
                "in_height", "in_width", "first", "first_channels", "second", "second_channels",
                "taps", "stride", "origin", "phases", "shift", "cell_rows", "cell_columns",
                "interpolated", "out_height", "out_width", "out_channels", "slice_channels",
                "blocks", "skip", "fan_out", "band", "chunk",
            )
        ),
        ("weights", c_void_p), ("gain", c_void_p), ("bias", c_void_p), ("membranes_at", c_int64),
        ("rests_at", c_int64),
    ]  # fmt: skip


class Head(ctypes.Structure):
    """The last layer, as `struct Head` in src/layer.hpp."""

    _fields_ = [
        *(
            (name, c_int32)
            for name in (
                "first", "first_channels", "second", "second_channels", "pixels", "width", "maps",
                "fan_out",
            )
        ),
        ("keep", c_float), ("sharpness", c_float), ("weights", c_void_p), ("bias", c_void_p),
        ("motion", c_void_p), ("persistence", c_void_p), ("noise", c_void_p),
    ]  # fmt: skip


class Convolution(ctypes.Structure):
    """A convolution of maps, as `struct Convolution` in src/convolution.hpp."""

    _fields_ = [
        *(
            (name, c_int32)
            for name in (
                "height", "width", "first_channels", "second_channels", "outputs", "points",
                "tile", "radius", "doubled",
            )
        ),
        ("slope", c_float), ("kernel", c_void_p), ("bias", c_void_p),
    ]  # fmt: skip


class CountConvolution(ctypes.Structure):
    """A convolution of event counts, as `struct CountConvolution` there."""

    _fields_ = [
        *((name, c_int32) for name in ("height", "width", "channels", "outputs", "radius")),
        ("slope", c_float), ("kernel", c_void_p), ("bias", c_void_p),
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
    pointer = c_void_p
    kernels.spiking_engine_new.restype = pointer
    kernels.spiking_engine_new.argtypes = [
        POINTER(Layer), c_int32, POINTER(Head), c_float, c_int32, c_int32,
    ]  # fmt: skip
    kernels.spiking_engine_delete.restype = None
    kernels.spiking_engine_delete.argtypes = [pointer]
    kernels.spiking_engine_step.restype = c_int32
    kernels.spiking_engine_step.argtypes = [pointer] * 7
    kernels.spiking_engine_spikes.restype = pointer
    kernels.spiking_engine_spikes.argtypes = [pointer, c_int32]
    kernels.spiking_engine_softmax.restype = None
    kernels.spiking_engine_softmax.argtypes = [pointer, c_int32, c_int32, pointer, pointer]
    kernels.spiking_engine_convolver_new.restype = pointer
    kernels.spiking_engine_convolver_new.argtypes = [c_int32, c_int32]
    kernels.spiking_engine_convolver_delete.restype = None
    kernels.spiking_engine_convolver_delete.argtypes = [pointer]
    kernels.spiking_engine_winograd.restype = c_int32
    kernels.spiking_engine_winograd.argtypes = [
        pointer, POINTER(Convolution), pointer, pointer, pointer,
    ]  # fmt: skip
    kernels.spiking_engine_convolve_counts.restype = c_int32
    kernels.spiking_engine_convolve_counts.argtypes = [
        pointer, POINTER(CountConvolution), pointer, pointer,
    ]  # fmt: skip
