"""Events to EVT3 packets, as a Prophesee sensor would send them.

Each packet can be decoded alone: it starts with the full time and the first row, and it ends with
the time words of its end, so that a receiver needs no later event to know how far time has come.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.errors import EncodingError
from hybrid_pose_ros.events.codecs.evt3 import (
    ADDR_X,
    ADDR_Y,
    TIME_HIGH,
    TIME_LOW,
    VECT_12,
    VECT_BASE_X,
)
from hybrid_pose_ros.events.codecs.evt3_time import SURE_STEP
from hybrid_pose_ros.events.types import EVENT_DTYPE

MAX_COORDINATE = 2047
PACKED = 0xFF_FFFF_FFFF  # x, y, p of an event's second word; the rest is padding
# TIME_HIGH wraps every 4096 units: a receiver understands steps forward up to this many.
MAX_STEP_FORWARD = 2048
# Words that TIME_HIGH takes where a step is too large for a receiver to believe it at once.
SAID_TWICE = 2


@njit(cache=True)
def _put_time(words: np.ndarray, n: int, high: int, low: int, time_us: int) -> tuple[int, int, int]:
    """Append the words that move the time from (high, low) to time_us."""
    new_high, new_low = time_us >> 12, time_us & 0xFFF
    while new_high != high:
        times = SAID_TWICE if new_high - high > SURE_STEP else 1
        high = min(new_high, high + MAX_STEP_FORWARD)
        for _ in range(times):
            words[n] = (TIME_HIGH << 12) | (high & 0xFFF)
            n += 1
        low = -1
    if new_low != low:
        words[n] = (TIME_LOW << 12) | new_low
        n += 1
    return n, new_high, new_low


@njit(cache=True)
def _vector_bits(packed: np.ndarray, i: int) -> tuple[int, int]:
    """Mask of the events from i on that fit one VECT_12 with its base at event i.

    They share time and row and polarity with event i and come in ascending x.
    """
    time_us, first = packed[2 * i] // 1000, packed[2 * i + 1] & PACKED
    bits, count = 1, 1
    for j in range(i + 1, len(packed) // 2):
        step = (packed[2 * j + 1] & PACKED) - first
        if not 0 < step < 12 or bits >> step or packed[2 * j] // 1000 != time_us:
            break
        bits |= 1 << step
        count += 1
    return bits, count


@njit(cache=True)
def _encode(packed: np.ndarray, t_end_us: int, words: np.ndarray) -> int:
    """Fill `words`; `packed` holds two int64 per event: t, and x, y, p. Returns how many."""
    start_us = packed[0] // 1000 if len(packed) else t_end_us
    high, low, row, n, i = start_us >> 12, start_us & 0xFFF, -1, SAID_TWICE + 1, 0
    words[:SAID_TWICE] = (TIME_HIGH << 12) | (high & 0xFFF)
    words[SAID_TWICE] = (TIME_LOW << 12) | low
    while 2 * i < len(packed):
        n, high, low = _put_time(words, n, high, low, packed[2 * i] // 1000)
        x, y = packed[2 * i + 1] & 0xFFFF, (packed[2 * i + 1] >> 16) & 0xFFFF
        polarity = ((packed[2 * i + 1] >> 32) & 1) << 11
        if y != row:
            row = y
            words[n] = (ADDR_Y << 12) | row
            n += 1
        bits, count = _vector_bits(packed, i)
        if count < 3:  # a base word and a vector word pay off from three events
            words[n] = (ADDR_X << 12) | polarity | x
            n += 1
            i += 1
        else:
            words[n] = (VECT_BASE_X << 12) | polarity | x
            words[n + 1] = (VECT_12 << 12) | bits
            n += 2
            i += count
    n, high, low = _put_time(words, n, high, -1, t_end_us)
    return n


def encode_evt3(events: np.ndarray, t_end_ns: int) -> bytes:
    """One complete EVT3 packet, which proves that time has reached `t_end_ns`.

    Times are cut to microseconds. A stream's packets must be less than 8 s apart (empty ones
    count), because a receiver sees only 24 bits of the time.

    Args:
        events: EVENT_DTYPE, sorted by time, coordinates up to 2047.
        t_end_ns: end of the packet on the sensor clock, not before the last event.

    Raises:
        EncodingError: if the events are unsorted, outside of the range, or later than the end.
    """
    events = np.ascontiguousarray(events, EVENT_DTYPE)
    _check(events, t_end_ns)
    start_ns = int(events["t"][0]) if len(events) else t_end_ns
    steps = (t_end_ns - start_ns) // (MAX_STEP_FORWARD * 4_096_000)
    words = np.empty(5 * len(events) + 12 + 2 * steps, "<u2")
    packed = events.view(np.int64)
    packed.flags.writeable = False
    return words[: _encode(packed, t_end_ns // 1000, words)].tobytes()


def _check(events: np.ndarray, t_end_ns: int) -> None:
    if t_end_ns < 0:
        raise EncodingError(f"packet end {t_end_ns} ns is negative; EVT3 time starts at 0")
    if len(events) == 0:
        return
    times = events["t"]
    if np.any(times[1:] < times[:-1]):
        raise EncodingError("events are not sorted by time; sort them before encoding")
    if times[0] < 0 or times[-1] > t_end_ns:
        raise EncodingError(
            f"events from {times[0]} to {times[-1]} ns do not fit a packet from 0 to {t_end_ns} ns"
        )
    highest = max(int(events["x"].max()), int(events["y"].max()))
    if highest > MAX_COORDINATE:
        raise EncodingError(f"coordinate {highest} is beyond {MAX_COORDINATE}, the largest of EVT3")
    if events["p"].max() > 1:
        raise EncodingError(f"polarity {events['p'].max()} is neither 0 (OFF) nor 1 (ON)")


def warm_up() -> None:
    """Compile (or load from the cache) what encode_evt3 runs."""
    encode_evt3(np.zeros(1, EVENT_DTYPE), 0)
