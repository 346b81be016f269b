"""Convolutions of a keyframe's network by the C++ kernels (src/convolver.hpp)."""

from __future__ import annotations

import ctypes
import threading
import weakref

from torch import Tensor

from hybrid_pose_ros.native.library import (
    INSTRUCTION_SETS,
    Convolution,
    CountConvolution,
    library,
)


class Convolver:
    """Threads that sleep when there is no work, and scratch memory; one call at a time.

    Args:
        threads: among which a convolution is divided; results do not depend on it.
        instruction_set: the widest that may be used.

    Raises:
        MemoryError: memory or threads are not to be had, here or in a call.
    """

    def __init__(self, threads: int = 1, instruction_set: str = INSTRUCTION_SETS[-1]) -> None:
        kernels = library()
        assert kernels is not None, "whoever makes one checks that the kernels are there"
        self._kernels, self._lock = kernels, threading.Lock()
        self._handle = kernels.spiking_engine_convolver_new(
            threads, INSTRUCTION_SETS.index(instruction_set)
        )
        if not self._handle:
            raise MemoryError("convolutions got no memory or no threads")
        weakref.finalize(self, kernels.spiking_engine_convolver_delete, self._handle)

    def winograd(self, layer: Convolution, first: Tensor, second: Tensor | None, y: Tensor) -> None:
        """Fill `y`; all are channels-last and of the sizes in `layer`."""
        other = None if second is None else second.data_ptr()
        with self._lock:
            done = self._kernels.spiking_engine_winograd(
                self._handle, ctypes.byref(layer), first.data_ptr(), other, y.data_ptr()
            )
        _check(done)

    def counts(self, layer: CountConvolution, counts: Tensor, y: Tensor) -> None:
        """Fill `y`, channels-last, from counts (C, H, W)."""
        with self._lock:
            done = self._kernels.spiking_engine_convolve_counts(
                self._handle, ctypes.byref(layer), counts.data_ptr(), y.data_ptr()
            )
        _check(done)


def _check(done: int) -> None:
    if not done:
        raise MemoryError("a convolution got no memory")
