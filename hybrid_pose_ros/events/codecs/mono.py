"""The early encoding `mono`: one 64-bit word per event, times relative to the packet's base.

Low half: nanoseconds since time_base. High half: x (16 bits), y (15 bits), polarity (1 bit).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.events.codecs.stream import (
    COORDINATE,
    UNKNOWN,
    event_buffer,
    monotonic,
    no_edges,
    packet,
)
from hybrid_pose_ros.events.types import DecodedPacket

WORD = np.dtype("<i8")


@njit(cache=True)
def _decode(
    words: np.ndarray,
    base_ns: int,
    latest_ns: int,
    width: int,
    height: int,
    out: np.ndarray,
    faults: np.ndarray,
) -> tuple[int, int]:
    """Run all words; `out` holds two int64 per event: time and the packed x, y, p."""
    filled = 0
    for word in words:
        time_ns = base_ns + (word & 0xFFFFFFFF)
        high = (word >> 32) & 0xFFFFFFFF
        x, y, polarity = high & 0xFFFF, (high >> 16) & 0x7FFF, high >> 31
        latest_ns = monotonic(time_ns, latest_ns, faults)
        if x >= width or y >= height:
            faults[COORDINATE] += 1
            continue
        out[2 * filled] = latest_ns
        out[2 * filled + 1] = x | (y << 16) | (polarity << 32)
        filled += 1
    return filled, latest_ns


class Codec:
    """Decoder of one `mono` stream; the only state is the latest time."""

    word = WORD
    has_time_base, has_byte_order = True, True

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._latest_ns = UNKNOWN
        self.trigger_edges = no_edges()

    def decode(self, words: np.ndarray, time_base_ns: int) -> DecodedPacket:
        """Events of the next packet."""
        events, faults = event_buffer(len(words))
        filled, latest_ns = _decode(
            words, time_base_ns, self._latest_ns, *self._size, events.view(np.int64), faults
        )
        self._latest_ns = int(latest_ns)
        return packet(events[:filled], self._latest_ns, faults)

    def resynchronise(self) -> None:
        """Every word is complete: nothing to forget."""
