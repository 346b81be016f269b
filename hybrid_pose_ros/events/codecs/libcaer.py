"""The encoding `libcaer`: iniVation's polarity events as their library keeps them.

8 bytes per event, always little-endian: 32 bits of data (valid mark, polarity, y from bit 2,
x from bit 17, 15 bits each) and 31 bits of microseconds since time_base, which roll over. Every
packet stands for itself.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.events.codecs.stream import (
    COORDINATE,
    UNKNOWN,
    UNKNOWN_WORD,
    event_buffer,
    no_edges,
    packet,
    settle,
)
from hybrid_pose_ros.events.types import DecodedPacket

WORD = np.dtype("<i8")
ROLLOVER_US = 1 << 31  # 35 minutes


@njit(cache=True)
def _step_us(from_us: int, to_us: int) -> int:
    """The way between two times; a step back by more than half the range is the roll-over."""
    step = to_us - from_us
    return step + ROLLOVER_US if step < -(ROLLOVER_US >> 1) else step


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
    filled, latest_ns, last_us = 0, UNKNOWN, 0
    count = len(words)
    for i in range(count):
        word = words[i]
        time_us = word >> 32
        if time_us < 0:  # never sent by the library
            faults[UNKNOWN_WORD] += 1
            continue
        # The base moves with the roll-over of the packet's first event; a later one is ours.
        if latest_ns == UNKNOWN:
            time_ns = base_ns + time_us * 1000
        else:
            time_ns = latest_ns + _step_us(last_us, time_us) * 1000
        next_us = words[i + 1] >> 32 if i + 1 < count else time_us
        if time_ns < latest_ns or next_us < time_us:
            from_ns, from_us = (time_ns, time_us) if latest_ns == UNKNOWN else (latest_ns, last_us)
            next_ns = from_ns + _step_us(from_us, max(next_us, 0)) * 1000
            settled_ns = settle(time_ns, next_ns, latest_ns, faults)
            if settled_ns != time_ns:
                if settled_ns == UNKNOWN:
                    continue
                time_us = last_us
            time_ns = settled_ns
        latest_ns, last_us = time_ns, time_us
        data = word & 0xFFFFFFFF
        x, y, polarity = data >> 17, (data >> 2) & 0x7FFF, (data >> 1) & 1
        if x >= width or y >= height:
            faults[COORDINATE] += 1
            continue
        out[2 * filled] = time_ns
        out[2 * filled + 1] = x | (y << 16) | (polarity << 32)
        filled += 1
    return filled, latest_ns


class Codec:
    """Decoder of `libcaer` packets; it has no state."""

    word = WORD
    has_time_base, has_byte_order = True, False
    wrap_ns = ROLLOVER_US * 1000
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
