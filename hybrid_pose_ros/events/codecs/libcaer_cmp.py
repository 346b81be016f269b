"""The encoding `libcaer_cmp`: iniVation's events, packed like EVT3 but column by column.

16-bit words (12 bits of payload, 4 of code) that give time since the packet's time_base, the
column x, and single rows or masks of rows. Every packet starts anew.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.events.codecs.masks import MASK_COUNT, SLACK, inside, put_mask
from hybrid_pose_ros.events.codecs.stream import (
    COORDINATE,
    NO_ADDRESS,
    TIME_BACKWARDS,
    UNKNOWN,
    UNKNOWN_WORD,
    event_buffer,
    monotonic,
    no_edges,
    packet,
)
from hybrid_pose_ros.events.types import DecodedPacket

WORD = np.dtype("<u2")
TIME_HIGH, TIME_LOW, ADDR_X, ADDR_Y, VECT_BASE_Y, VECT_8, VECT_12 = range(7)
# A larger step of TIME_HIGH (4.096 ms each) is believed only if the next one does not go back.
SURE_STEP = 10

# The message asks for nanoseconds, and the driver sends those; its first version sent
# microseconds. As times since 1970 the two cannot be confused: this range holds microseconds of
# the years 1973 to 5138, and nanoseconds of 1970 only.
EPOCH_US = (10**14, 10**17)


@njit(cache=True)
def _count(words: np.ndarray) -> int:
    """Upper bound of the number of events in `words`."""
    events = 0
    for i in range(len(words)):
        code = words[i] >> 12
        if code == ADDR_Y:
            events += 1
        elif code in (VECT_8, VECT_12):
            events += MASK_COUNT[words[i] & (0xFFF if code == VECT_12 else 0xFF)]
    return events


@njit(cache=True)
def _is_damaged(words: np.ndarray, i: int, high: int) -> bool:
    """Whether the TIME_HIGH at i is contradicted by the next one of the packet."""
    value = int(words[i]) & 0xFFF
    if high <= value <= high + SURE_STEP:
        return False
    for j in range(i + 1, len(words)):
        if words[j] >> 12 == TIME_HIGH:
            following = int(words[j]) & 0xFFF
            return high <= following < value or value < high <= following
    return value < high


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
    filled = high = low = polarity = 0
    column = row = latest_ns = time_ns = UNKNOWN
    for i in range(len(words)):
        word = int(words[i])
        code, value = word >> 12, word & 0xFFF
        if code == ADDR_Y:
            if column == UNKNOWN:
                faults[NO_ADDRESS] += 1
            elif column < width and (value & 0x7FF) < height:
                out[2 * filled] = latest_ns = max(time_ns, base_ns)
                out[2 * filled + 1] = column | ((value & 0x7FF) << 16) | ((value >> 11) << 32)
                filled += 1
            else:
                faults[COORDINATE] += 1
        elif code == ADDR_X:
            column = value & 0x7FF
        elif code == TIME_LOW or (code == TIME_HIGH and not _is_damaged(words, i, high)):
            if code == TIME_LOW:
                low = value
            else:
                high = value
            time_ns = monotonic(base_ns + ((high << 12) | low) * 1000, latest_ns, faults)
        elif code in (VECT_8, VECT_12):
            step = 12 if code == VECT_12 else 8
            mask = value & ((1 << step) - 1)
            if column == UNKNOWN or row == UNKNOWN:
                faults[NO_ADDRESS] += 1
                continue
            kept = inside(mask, row, height) if column < width else 0
            faults[COORDINATE] += int(MASK_COUNT[mask]) - int(MASK_COUNT[kept])
            if kept:
                latest_ns = max(time_ns, base_ns)
                packed = column | (row << 16) | (polarity << 32)
                filled = put_mask(out, filled, kept, latest_ns, packed, 16)
            row += step
        elif code == VECT_BASE_Y:
            row, polarity = value & 0x7FF, value >> 11
        else:
            faults[TIME_BACKWARDS if code == TIME_HIGH else UNKNOWN_WORD] += 1
    return filled, latest_ns


class Codec:
    """Decoder of `libcaer_cmp` packets; it has no state."""

    word = WORD
    has_time_base, has_byte_order = True, True
    wrap_ns = 0
    carries_state = False

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self.trigger_edges = no_edges()

    def decode(self, words: np.ndarray, time_base_ns: int) -> DecodedPacket:
        """Events of the next packet."""
        if EPOCH_US[0] <= time_base_ns < EPOCH_US[1]:
            time_base_ns *= 1000
        events, faults = event_buffer(_count(words) + SLACK)
        filled, end_ns = _decode(words, time_base_ns, *self._size, events.view(np.int64), faults)
        return packet(events[:filled], end_ns, faults)

    def resynchronise(self) -> None:
        """Every packet starts anew: nothing to forget."""
