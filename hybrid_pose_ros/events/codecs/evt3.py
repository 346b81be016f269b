"""EVT3, the native 16-bit word stream of Prophesee sensors (12 bits of payload, 4 of code).

Words change registers (time, row, vector base); the others emit events from them. The registers
live as long as the stream, so packets may be cut between any two words, also inside a vector.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.events.codecs.stream import (
    COORDINATE,
    NO_ADDRESS,
    NO_TIME,
    TIME_BACKWARDS,
    UNKNOWN,
    UNKNOWN_WORD,
    event_buffer,
    no_edges,
    packet,
)
from hybrid_pose_ros.events.types import DecodedPacket

WORD = np.dtype("<u2")

ADDR_Y, ADDR_X, VECT_BASE_X, VECT_12, VECT_8 = 0x0, 0x2, 0x3, 0x4, 0x5
TIME_LOW, CONTINUED_4, TIME_HIGH = 0x6, 0x7, 0x8
EXT_TRIGGER, OTHERS, CONTINUED_12 = 0xA, 0xE, 0xF

# Sensors repeat an earlier TIME_HIGH now and then, also right after the 24-bit wrap. A step back of
# at most this many units (4.096 ms each) is such a repetition; any larger one is a wrap.
MAX_STEP_BACK = 10

# Registers of a stream: unrolled TIME_HIGH, TIME_LOW, latest time in us, row, vector base, vector
# polarity. UNKNOWN until the first such word.
TIME, ROW = 2, 3


@njit(cache=True)
def _count(words: np.ndarray) -> tuple[int, int]:
    """Upper bounds of the number of events and the number of triggers in `words`."""
    events = triggers = 0
    for word in words:
        code = word >> 12
        if code == ADDR_X:
            events += 1
        elif code in (VECT_12, VECT_8):
            bits = word & (0xFFF if code == VECT_12 else 0xFF)
            while bits:
                bits &= bits - 1
                events += 1
        elif code == EXT_TRIGGER:
            triggers += 1
    return events, triggers


@njit(cache=True)
def _unroll_high(high: int, value: int) -> int:
    """TIME_HIGH as a count that does not wrap, given the previous count."""
    if high == UNKNOWN:
        return value
    step = (value - high) & 0xFFF
    if step >= 4096 - MAX_STEP_BACK:
        return high + step - 4096
    return high + step


@njit(cache=True)
def _advance(high: int, low: int, latest: int, faults: np.ndarray) -> int:
    """The latest time in us, moved to the time words; it never runs backwards."""
    if high == UNKNOWN or low == UNKNOWN:
        return latest
    time = (high << 12) | low
    if time >= latest:
        return time
    faults[TIME_BACKWARDS] += 1
    return latest


@njit(cache=True)
def _put(
    out: np.ndarray,
    filled: int,
    bits: int,
    x: int,
    row: int,
    polarity: int,
    time_ns: int,
    width: int,
    height: int,
    faults: np.ndarray,
) -> int:
    """Write the events of one mask that starts at x; returns how many are written now."""
    packed = (row << 16) | (polarity << 32)
    while bits:
        if bits & 1:
            if x < width and row < height:
                out[2 * filled] = time_ns
                out[2 * filled + 1] = packed | x
                filled += 1
            else:
                faults[COORDINATE] += 1
        bits >>= 1
        x += 1
    return filled


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
    high, low, latest, row, base, polarity = registers
    filled = edges = 0
    for word in words:
        code = word >> 12
        value = int(word & 0xFFF)
        if code in (ADDR_X, VECT_12, VECT_8):
            if code == ADDR_X:
                x, bits, sign = value & 0x7FF, 1, value >> 11
            else:
                x, bits, sign = base, value & (0xFFF if code == VECT_12 else 0xFF), polarity
                if base != UNKNOWN:
                    base += 12 if code == VECT_12 else 8
            if latest == UNKNOWN:
                faults[NO_TIME] += 1
            elif row == UNKNOWN or x == UNKNOWN:
                faults[NO_ADDRESS] += 1
            else:
                time_ns = latest * 1000
                filled = _put(out, filled, bits, x, row, sign, time_ns, width, height, faults)
        elif code == TIME_LOW:
            low = value
            latest = _advance(high, low, latest, faults)
        elif code == ADDR_Y:
            row = value & 0x7FF
        elif code == VECT_BASE_X:
            base, polarity = value & 0x7FF, value >> 11
        elif code == TIME_HIGH:
            new_high = _unroll_high(high, value)
            # A step below zero is never taken. The old TIME_LOW belongs to the old TIME_HIGH.
            if new_high != high and new_high >= 0:
                low = UNKNOWN if high == UNKNOWN or low == UNKNOWN else 0
                high = new_high
                latest = _advance(high, low, latest, faults)
        elif code == EXT_TRIGGER:
            if latest == UNKNOWN:
                faults[NO_TIME] += 1
            else:
                triggers[edges, :] = latest * 1000, value >> 8, value & 1
                edges += 1
        elif code not in (OTHERS, CONTINUED_4, CONTINUED_12):
            faults[UNKNOWN_WORD] += 1
    registers[:] = high, low, latest, row, base, polarity
    return filled, edges


class Codec:
    """Decoder of one EVT3 stream.

    Attributes:
        trigger_edges: (n, 3) int64, the last packet's external triggers: t in ns, id, edge.
    """

    word = WORD
    has_time_base, has_byte_order = False, True

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._registers = np.full(6, UNKNOWN, np.int64)
        self.trigger_edges = no_edges()

    def decode(self, words: np.ndarray, time_base_ns: int) -> DecodedPacket:
        """Events of the next packet; `time_base_ns` is not used by this encoding."""
        del time_base_ns
        most_events, most_edges = _count(words)
        events, faults = event_buffer(most_events)
        edges = np.empty((most_edges, 3), np.int64)
        filled, kept = _decode(
            words, self._registers, *self._size, events.view(np.int64), edges, faults
        )
        self.trigger_edges = edges[:kept]
        time_us = int(self._registers[TIME])
        end_ns = UNKNOWN if time_us == UNKNOWN else time_us * 1000
        return packet(events[:filled], end_ns, faults, int(kept))

    def resynchronise(self) -> None:
        """Forget row and vector base after lost words; the time goes on."""
        self._registers[ROW:] = UNKNOWN
