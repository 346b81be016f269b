"""EVT2, the native 32-bit word stream of older Prophesee sensors (4 bits of code, 28 of payload).

An event word holds polarity (its code), the low 6 bits of the time in microseconds, x and y (11
bits each); the other 28 bits of the time come before it in a word of their own and wrap.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.events.codecs.stream import (
    COORDINATE,
    NO_TIME,
    UNKNOWN,
    UNKNOWN_WORD,
    event_buffer,
    monotonic,
    packet,
)
from hybrid_pose_ros.events.types import DecodedPacket

WORD = np.dtype("<u4")
CD_OFF, CD_ON, TIME_HIGH, EXT_TRIGGER, OTHERS, CONTINUED = 0x0, 0x1, 0x8, 0xA, 0xE, 0xF
_HALF_WRAP = 1 << 27


@njit(cache=True)
def _unroll(high: int, value: int) -> int:
    """TIME_HIGH as a count that does not wrap, given the previous count."""
    if high == UNKNOWN:
        return value
    step = (value - high) & 0xFFFFFFF
    if step >= _HALF_WRAP:
        step -= 2 * _HALF_WRAP
    return max(high + step, 0)


@njit(cache=True)
def _decode(
    words: np.ndarray,
    registers: np.ndarray,
    width: int,
    height: int,
    out: np.ndarray,
    triggers: np.ndarray,
    faults: np.ndarray,
) -> tuple[int, int]:
    """Run all words; `out` holds two int64 per event: time and the packed x, y, p."""
    high, latest_ns = registers
    filled = edges = 0
    for entry in words:
        word = np.int64(entry)
        code = word >> 28
        if code == TIME_HIGH:
            high = _unroll(high, word & 0xFFFFFFF)
        elif code in (CD_OFF, CD_ON, EXT_TRIGGER):
            if high == UNKNOWN:
                faults[NO_TIME] += 1
                continue
            time_ns = ((high << 6) | ((word >> 22) & 0x3F)) * 1000
            latest_ns = monotonic(time_ns, latest_ns, faults)
            x, y = (word >> 11) & 0x7FF, word & 0x7FF
            if code == EXT_TRIGGER:
                triggers[edges, :] = latest_ns, (word >> 8) & 0x1F, word & 1
                edges += 1
            elif x < width and y < height:
                out[2 * filled] = latest_ns
                out[2 * filled + 1] = x | (y << 16) | (code << 32)
                filled += 1
            else:
                faults[COORDINATE] += 1
        elif code not in (OTHERS, CONTINUED):
            faults[UNKNOWN_WORD] += 1
    registers[:] = high, latest_ns
    return filled, edges


class Codec:
    """Decoder of one EVT2 stream.

    Attributes:
        trigger_edges: (n, 3) int64, the last packet's external triggers: t in ns, id, edge.
    """

    word = WORD
    has_time_base, has_byte_order = False, True
    wrap_ns = (1 << 34) * 1000
    carries_state = True

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._registers = np.full(2, UNKNOWN, np.int64)
        self.trigger_edges = np.empty((0, 3), np.int64)

    def decode(self, words: np.ndarray, time_base_ns: int) -> DecodedPacket:
        """Events of the next packet; `time_base_ns` is not used by this encoding."""
        del time_base_ns
        events, faults = event_buffer(len(words))
        edges = np.empty((int(np.count_nonzero(words >> 28 == EXT_TRIGGER)), 3), np.int64)
        filled, kept = _decode(
            words, self._registers, *self._size, events.view(np.int64), edges, faults
        )
        self.trigger_edges = edges[:kept]
        return packet(events[:filled], int(self._registers[1]), faults, int(kept))

    def resynchronise(self) -> None:
        """Every event word is complete, and a newer time word comes soon: nothing to forget."""
