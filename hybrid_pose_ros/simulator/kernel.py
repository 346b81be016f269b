"""How the hot loops are compiled: cached on disk, releasing the interpreter lock."""

from __future__ import annotations

from numba import njit

# The numpy error model leaves out a check for zero at every division.
kernel = njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
