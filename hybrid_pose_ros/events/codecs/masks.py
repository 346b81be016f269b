"""Masks of up to twelve neighbouring pixels, as EVT3 and libcaer_cmp send them, to events.

Tables say how many bits a mask has and where; that takes no branch per bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

BITS = 12
# Events are written four at a time: so much room must lie behind the last one.
SLACK = 4


def _tables() -> tuple[np.ndarray, np.ndarray]:
    bits = (np.arange(1 << BITS)[:, None] >> np.arange(BITS)) & 1
    places = np.argsort(1 - bits, axis=1, kind="stable")
    return bits.sum(axis=1).astype(np.uint8), places.astype(np.uint8)


# Of each mask: the number of its bits, and their places in ascending order.
MASK_COUNT, MASK_PLACES = _tables()


@njit(cache=True)
def put_mask(out: np.ndarray, filled: int, mask: int, time_ns: int, packed: int, shift: int) -> int:
    """Append the events of a mask.

    Args:
        out: two int64 per event, with SLACK events of room behind the last.
        filled: events in it.
        mask: bits of the pixels, the lowest for the first.
        time_ns: of all of them.
        packed: x, y, p of the first pixel, as in an event's second word.
        shift: where the coordinate stands in it that grows from pixel to pixel.

    Returns:
        Events in it now.
    """
    count = int(MASK_COUNT[mask])
    for k in range(0, count, 4):
        for j in range(k, k + 4):
            at = 2 * (filled + j)
            out[at] = time_ns
            out[at + 1] = packed + (int(MASK_PLACES[mask, j]) << shift)
    return filled + count


@njit(cache=True)
def inside(mask: int, start: int, size: int) -> int:
    """The mask without the pixels from `size` on; its first pixel has the coordinate `start`."""
    room = size - start
    if room >= BITS:
        return mask
    return mask & ((1 << max(room, 0)) - 1)
