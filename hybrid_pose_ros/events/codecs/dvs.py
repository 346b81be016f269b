"""The events of dvs_msgs/EventArray (and prophesee_event_msgs) as they lie in the message.

One after the other: x, y (16 bits), seconds, nanoseconds (32 bits), polarity (8 bits). CDR aligns
every field, so that from the second event on x lies 2 bytes before a multiple of 16; ROS 1 packs
them into 13 bytes.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from hybrid_pose_ros.events.codecs.stream import (
    COORDINATE,
    UNKNOWN,
    event_buffer,
    no_edges,
    packet,
    settle,
)
from hybrid_pose_ros.events.types import DecodedPacket

WORD = np.dtype("u1")
PACKED_BYTES = 13  # of an event in ROS 1, and of the last one in CDR
ALIGNED_BYTES = 16  # from event to event in CDR


@njit(cache=True)
def _u16(octets: np.ndarray, at: np.uint64) -> int:
    """Two bytes; an unsigned index, so that compilers make one load of it."""
    return int(octets[at]) | (int(octets[at + np.uint64(1)]) << 8)


@njit(cache=True)
def _time_ns(octets: np.ndarray, i: int, stride: int) -> int:
    at = np.uint64(i * stride)
    sec = _u16(octets, at + np.uint64(4)) | (_u16(octets, at + np.uint64(6)) << 16)
    nanosec = _u16(octets, at + np.uint64(8)) | (_u16(octets, at + np.uint64(10)) << 16)
    return sec * 1_000_000_000 + nanosec


@njit(cache=True)
def _decode(
    octets: np.ndarray,
    count: int,
    stride: int,
    width: int,
    height: int,
    out: np.ndarray,
    faults: np.ndarray,
) -> tuple[int, int]:
    """Run `count` events; `out` holds two int64 per event: time and the packed x, y, p."""
    filled, latest_ns = 0, UNKNOWN
    next_ns = _time_ns(octets, 0, stride) if count else UNKNOWN
    for i in range(count):
        time_ns = next_ns
        if i + 1 < count:
            next_ns = _time_ns(octets, i + 1, stride)
        if not latest_ns <= time_ns <= next_ns:
            time_ns = settle(time_ns, next_ns, latest_ns, faults)
            if time_ns == UNKNOWN:
                continue
        latest_ns = time_ns
        at = np.uint64(i * stride)
        early = np.uint64(2 if stride == ALIGNED_BYTES and i > 0 else 0)
        x, y = _u16(octets, at - early), _u16(octets, at - early + np.uint64(2))
        if x >= width or y >= height:
            faults[COORDINATE] += 1
            continue
        on = np.int64(octets[at + np.uint64(12)] != 0)
        out[2 * filled] = time_ns
        out[2 * filled + 1] = x | (y << 16) | (on << 32)
        filled += 1
    return filled, latest_ns


class Codec:
    """Decoder of CDR messages, without state; the payload starts with the first event."""

    word = WORD
    has_time_base, has_byte_order = False, False
    wrap_ns = 0
    carries_state = False
    stride = ALIGNED_BYTES

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self.trigger_edges = no_edges()

    def decode(self, words: np.ndarray, time_base_ns: int) -> DecodedPacket:
        """Events of the next packet; `time_base_ns` is not used by this encoding."""
        del time_base_ns
        gap = self.stride - PACKED_BYTES
        count = (len(words) + gap) // self.stride
        events, faults = event_buffer(count)
        filled, end_ns = _decode(
            words, count, self.stride, *self._size, events.view(np.int64), faults
        )
        decoded = packet(events[:filled], end_ns, faults)
        if len(words) and (len(words) + gap) % self.stride:
            decoded.faults["length"] = 1
        return decoded

    def resynchronise(self) -> None:
        """Every event is complete: nothing to forget."""


class Ros1Codec(Codec):
    """Decoder of ROS 1 messages."""

    stride = PACKED_BYTES
