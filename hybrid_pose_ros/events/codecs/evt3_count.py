"""How many events EVT3 words hold, so that room is made once: four words at a time.

A 64-bit number is taken as four words side by side ("lanes"); no operation branches or carries from
one lane to the next, and compilers make vector instructions of them.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.events.codecs.masks import BITS

_LANES = np.uint64(0x0001_0001_0001_0001)
_CODE, _MASK = np.uint64(0xF000) * _LANES, np.uint64(0x0FFF)
# The codes of masks, 4 and 5, have the same three upper bits.
_MASK_CODE, _MASKS = np.uint64(0xE000) * _LANES, np.uint64(0x4000) * _LANES
_SINGLES, _TRIGGERS = np.uint64(0x2000) * _LANES, np.uint64(0xA000) * _LANES
_ONES, _TWOS = np.uint64(0x5555_5555_5555_5555), np.uint64(0x3333_3333_3333_3333)
_FOURS = np.uint64(0x0F0F_0F0F_0F0F_0F0F)
_BYTES = np.uint64(0x0101_0101_0101_0101)
_1, _2, _3, _4, _15, _56 = (np.uint64(k) for k in (1, 2, 3, 4, 15, 56))


@njit(cache=True)
def _is_zero(lanes: np.uint64) -> np.uint64:
    """1 in each lane of which the upper four bits are zero."""
    return (~(lanes | (lanes << _1) | (lanes << _2) | (lanes << _3)) >> _15) & _LANES


@njit(cache=True)
def _bits(value: np.uint64) -> np.uint64:
    """The number of bits that are set."""
    value = value - ((value >> _1) & _ONES)
    value = (value & _TWOS) + ((value >> _2) & _TWOS)
    return (((value + (value >> _4)) & _FOURS) * _BYTES) >> _56


@njit(cache=True)
def _count(quads: np.ndarray) -> tuple[np.uint64, np.uint64]:
    events = triggers = np.uint64(0)
    for i in range(len(quads)):
        lanes = quads[i]
        masks = _is_zero((lanes ^ _MASKS) & _MASK_CODE) * _MASK
        events += _bits(lanes & masks) + _bits(_is_zero((lanes ^ _SINGLES) & _CODE))
        triggers += _bits(_is_zero((lanes ^ _TRIGGERS) & _CODE))
    return events, triggers


def upper_bounds(words: np.ndarray) -> tuple[int, int]:
    """At most so many events and triggers are in these EVT3 words (little-endian uint16)."""
    rest = len(words) % 4
    quads = words[: len(words) - rest].view("<u8")
    if not quads.flags.aligned:
        quads = quads.copy()
    quads.flags.writeable = False
    events, triggers = _count(quads)
    return int(events) + BITS * rest, int(triggers) + rest
