"""The encoding `libcaer`: iniVation's polarity events as their library keeps them.

8 bytes per event, always little-endian: 32 bits of data (valid mark, polarity, y from bit 2,
x from bit 17, 15 bits each) and 31 bits of microseconds since time_base, which roll over.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.events.codecs.stream import (
    COORDINATE,
    UNKNOWN,
    UNKNOWN_WORD,
    event_buffer,
    monotonic,
    no_edges,
    packet,
)
from hybrid_pose_ros.events.types import DecodedPacket

WORD = np.dtype("<i8")
ROLLOVER_US = 1 << 31  # 35 minutes


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
    filled, last_us = 0, 0
    for word in words:
        data = word & 0xFFFFFFFF
        time_us = (word >> 32) & 0xFFFFFFFF
        if time_us >= ROLLOVER_US:  # negative as int32: never sent by the library
            faults[UNKNOWN_WORD] += 1
            continue
        # The base moves with the roll-over of the packet's first event; a later one is ours.
        if last_us - time_us > ROLLOVER_US // 2:
            base_ns += ROLLOVER_US * 1000
        last_us = time_us
        latest_ns = monotonic(base_ns + time_us * 1000, latest_ns, faults)
        x, y, polarity = data >> 17, (data >> 2) & 0x7FFF, (data >> 1) & 1
        if x >= width or y >= height:
            faults[COORDINATE] += 1
            continue
        out[2 * filled] = latest_ns
        out[2 * filled + 1] = x | (y << 16) | (polarity << 32)
        filled += 1
    return filled, latest_ns


class Codec:
    """Decoder of one `libcaer` stream; the only state is the latest time."""

    word = WORD
    has_time_base, has_byte_order = True, False

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
