"""The time of an EVT3 stream: 24 bits of microseconds in two words, unrolled, damaged ones caught.

TIME_HIGH counts units of 4.096 ms and wraps after 16.78 s; TIME_LOW counts within a unit. A sensor
repeats both all the time and goes on in small steps, so a large step that the next TIME_HIGH does
not confirm is damage. Believed at once, it would set the stream a whole wrap ahead for good. A
confirmed one is taken the shorter way round, so that a false one is undone by the next; after lost
packets it leads forward.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.events.codecs.stream import TIME_BACKWARDS, TIME_RESET, UNKNOWN

# Steps of at most this many units are taken at once. Sensors repeat an earlier TIME_HIGH now and
# then, also right after the wrap: that is a step back.
SURE_STEP = 10
WRAP_NS = (1 << 24) * 1000

HALF_WRAP = 2048

# Registers: unrolled TIME_HIGH, TIME_LOW, latest time in us, a TIME_HIGH that waits for its
# confirmation, all UNKNOWN until the first such word; and whether packets were lost (1) or not.
HIGH, LOW, LATEST, WAITING, LOST = range(5)


@njit(cache=True)
def take_high(clock: np.ndarray, value: int, faults: np.ndarray) -> None:
    """Move the registers to a TIME_HIGH word that says something new."""
    high = clock[HIGH]
    if high == UNKNOWN:
        clock[HIGH] = value
        return
    step = (value - high) & 0xFFF
    back = 4096 - step if step else 0
    if clock[WAITING] != UNKNOWN:
        waited = clock[WAITING]
        clock[WAITING] = UNKNOWN
        if (value - waited) & 0xFFF <= SURE_STEP:
            if value != waited:
                clock[LOW] = 0
            if step > HALF_WRAP and clock[LOST] != 1 and high >= back:
                step = -back
                clock[LATEST] = UNKNOWN
                faults[TIME_RESET] += 1
            clock[LOST] = 0
            _go_to(clock, high + step, faults)
            return
        faults[TIME_BACKWARDS] += 1
    if step and clock[LOW] != UNKNOWN:
        clock[LOW] = 0  # the old TIME_LOW belongs to the old TIME_HIGH
    if step <= SURE_STEP or (back <= SURE_STEP and high >= back):
        clock[LOST] = 0
        _go_to(clock, high + step if step <= SURE_STEP else high - back, faults)
    else:
        clock[WAITING] = value


@njit(cache=True)
def take_low(clock: np.ndarray, value: int, faults: np.ndarray) -> None:
    """Move the registers to a TIME_LOW word."""
    clock[LOW] = value
    if clock[WAITING] == UNKNOWN:
        _go_to(clock, clock[HIGH], faults)


@njit(cache=True)
def _go_to(clock: np.ndarray, high: int, faults: np.ndarray) -> None:
    clock[HIGH] = high
    if high == UNKNOWN or clock[LOW] == UNKNOWN:
        return
    time_us = (high << 12) | clock[LOW]
    if time_us >= clock[LATEST]:
        clock[LATEST] = time_us
    else:
        faults[TIME_BACKWARDS] += 1


@njit(cache=True)
def time_ns(clock: np.ndarray) -> int:
    """The time of the next event; UNKNOWN while it is not known."""
    if clock[LATEST] == UNKNOWN or clock[WAITING] != UNKNOWN:
        return UNKNOWN
    return clock[LATEST] * 1000
