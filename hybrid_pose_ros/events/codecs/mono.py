"""The early encoding `mono`: one 64-bit word per event, times relative to the packet's base.

Low half: nanoseconds since time_base. High half: x (16 bits), y (15 bits), polarity (1 bit).
Every packet stands for itself.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.events.codecs.stream import (
    COORDINATE,
    UNKNOWN,
    event_buffer,
    no_edges,
    packet,
    settle,
)
from hybrid_pose_ros.events.types import DecodedPacket

WORD = np.dtype("<i8")


@njit(cache=True)
def _decode(
    words: np.ndarray,
    base_ns: int,
    width: int,
    height: int,
    out: np.ndarray,
    faults: np.ndarray,
) -> tuple[int, int]:
    """Run all words; `out` holds two int64 per event: time and the packed x, y, p."""
    filled, latest_ns = 0, UNKNOWN
    count = len(words)
    for i in range(count):
        word = words[i]
        time_ns = base_ns + (word & 0xFFFFFFFF)
        next_ns = base_ns + (words[i + 1] & 0xFFFFFFFF) if i + 1 < count else time_ns
        high = (word >> 32) & 0xFFFFFFFF
        x, y, polarity = high & 0xFFFF, (high >> 16) & 0x7FFF, high >> 31
        if not latest_ns <= time_ns <= next_ns:
            time_ns = settle(time_ns, next_ns, latest_ns, faults)
            if time_ns == UNKNOWN:
                continue
        latest_ns = time_ns
        if x >= width or y >= height:
            faults[COORDINATE] += 1
            continue
        out[2 * filled] = time_ns
        out[2 * filled + 1] = x | (y << 16) | (polarity << 32)
        filled += 1
    return filled, latest_ns


class Codec:
    """Decoder of `mono` packets; it has no state."""

    word = WORD
    has_time_base, has_byte_order = True, True
    wrap_ns = 0
    carries_state = False

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self.trigger_edges = no_edges()

    def decode(self, words: np.ndarray, time_base_ns: int) -> DecodedPacket:
        """Events of the next packet."""
        events, faults = event_buffer(len(words))
        filled, end_ns = _decode(words, time_base_ns, *self._size, events.view(np.int64), faults)
        return packet(events[:filled], end_ns, faults)

    def resynchronise(self) -> None:
        """Every word is complete: nothing to forget."""
