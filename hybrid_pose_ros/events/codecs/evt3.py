"""EVT3, the native 16-bit word stream of Prophesee sensors (12 bits of payload, 4 of code).

Words change registers (time, row, vector base); the others emit events from them. The registers
live as long as the stream, so packets may be cut between any two words, also inside a vector.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.events.codecs.evt3_count import upper_bounds
from hybrid_pose_ros.events.codecs.evt3_time import (
    HIGH,
    LATEST,
    LOST,
    LOW,
    WAITING,
    WRAP_NS,
    take_high,
    take_low,
    time_ns,
)
from hybrid_pose_ros.events.codecs.masks import MASK_COUNT, SLACK, inside, put_mask
from hybrid_pose_ros.events.codecs.stream import (
    COORDINATE,
    NO_ADDRESS,
    NO_TIME,
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
EXT_TRIGGER, OTHERS = 0xA, 0xE  # and 0xF, CONTINUED_12

# Registers of a stream beside those of its time: row, vector base, vector polarity. UNKNOWN until
# the first such word.
ROW, BASE, POLARITY = range(3)


@njit(cache=True)
def _refuse(t_ns: int, known: bool, count: int, faults: np.ndarray) -> None:
    """Count events that cannot be given: time or address unknown, or outside of the sensor."""
    if t_ns == UNKNOWN:
        faults[NO_TIME] += count
    elif not known:
        faults[NO_ADDRESS] += count
    else:
        faults[COORDINATE] += count


@njit(cache=True)
def _decode(
    words: np.ndarray,
    clock: np.ndarray,
    address: np.ndarray,
    width: int,
    height: int,
    out: np.ndarray,
    triggers: np.ndarray,
    faults: np.ndarray,
) -> tuple[int, int]:
    """Run all words; `out` holds two int64 per event: time and the packed x, y, p."""
    row, base, polarity = address
    high, t_ns = clock[HIGH], time_ns(clock)
    unsure = clock[WAITING] != UNKNOWN
    # No row is inside of the sensor while the row or the time is unknown.
    rows = height if t_ns != UNKNOWN else 0
    filled = edges = 0
    for i in range(len(words)):
        word = int(words[i])
        code, value = word >> 12, word & 0xFFF
        if code == TIME_LOW:
            unrolled_ns = ((high << 12) | value) * 1000
            if unrolled_ns > t_ns and rows:
                t_ns = unrolled_ns
                clock[LATEST] = (high << 12) | value
                clock[LOW] = value
            else:
                take_low(clock, value, faults)
                t_ns = time_ns(clock)
                rows = height if t_ns != UNKNOWN else 0
        elif code == ADDR_X:
            x = value & 0x7FF
            if x < width and 0 <= row < rows:
                out[2 * filled] = t_ns
                out[2 * filled + 1] = x | (row << 16) | ((value >> 11) << 32)
                filled += 1
            else:
                _refuse(t_ns, row != UNKNOWN, 1, faults)
        elif code == ADDR_Y:
            row = value & 0x7FF
        elif code >= OTHERS or code == CONTINUED_4:
            continue
        elif code == TIME_HIGH:
            if value != high & 0xFFF or high == UNKNOWN or unsure:
                take_high(clock, value, faults)
                high, t_ns = clock[HIGH], time_ns(clock)
                unsure = clock[WAITING] != UNKNOWN
                rows = height if t_ns != UNKNOWN else 0
        elif code in (VECT_12, VECT_8):
            mask = value if code == VECT_12 else value & 0xFF
            kept = inside(mask, base, width) if 0 <= row < rows and base != UNKNOWN else 0
            if kept != mask:
                lost = int(MASK_COUNT[mask]) - int(MASK_COUNT[kept])
                _refuse(t_ns, row != UNKNOWN and base != UNKNOWN, lost, faults)
            filled = put_mask(out, filled, kept, t_ns, base | (row << 16) | (polarity << 32), 0)
            if base != UNKNOWN:
                base += 12 if code == VECT_12 else 8
        elif code == VECT_BASE_X:
            base, polarity = value & 0x7FF, value >> 11
        elif code == EXT_TRIGGER:
            if t_ns == UNKNOWN:
                faults[NO_TIME] += 1
            else:
                triggers[edges, 0] = t_ns
                triggers[edges, 1], triggers[edges, 2] = value >> 8, value & 1
                edges += 1
        else:
            faults[UNKNOWN_WORD] += 1
    address[:] = row, base, polarity
    return filled, edges


class Codec:
    """Decoder of one EVT3 stream.

    Attributes:
        trigger_edges: (n, 3) int64, the last packet's external triggers: t in ns, id, edge.
    """

    word = WORD
    has_time_base, has_byte_order = False, True
    wrap_ns = WRAP_NS
    carries_state = True

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._clock = np.full(5, UNKNOWN, np.int64)
        self._address = np.full(3, UNKNOWN, np.int64)
        self.trigger_edges = no_edges()

    def decode(self, words: np.ndarray, time_base_ns: int) -> DecodedPacket:
        """Events of the next packet; `time_base_ns` is not used by this encoding."""
        del time_base_ns
        most_events, most_edges = upper_bounds(words)
        events, faults = event_buffer(most_events + SLACK)
        edges = np.empty((most_edges, 3), np.int64)
        filled, kept = _decode(
            words, self._clock, self._address, *self._size, events.view(np.int64), edges, faults
        )
        self.trigger_edges = edges[:kept]
        time_us = int(self._clock[LATEST])
        end_ns = UNKNOWN if time_us == UNKNOWN else time_us * 1000
        return packet(events[:filled], end_ns, faults, int(kept))

    def resynchronise(self) -> None:
        """Forget row and vector base after lost words; the time goes on."""
        self._address[:] = UNKNOWN
        self._clock[LOST] = 1
