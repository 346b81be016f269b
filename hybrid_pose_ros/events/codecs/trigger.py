"""The early encoding `trigger`: one 64-bit word per edge of an external trigger, no events.

Low half: nanoseconds since time_base. Top bit: edge (1 = rising); bits 48 to 62: trigger input.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.events.codecs.stream import UNKNOWN, event_buffer, no_edges, packet
from hybrid_pose_ros.events.types import DecodedPacket

WORD = np.dtype("<i8")


class Codec:
    """Decoder of `trigger` packets; it has no state."""

    word = WORD
    has_time_base, has_byte_order = True, True
    wrap_ns = 0
    carries_state = False

    def __init__(self, width: int, height: int) -> None:
        del width, height
        self.trigger_edges = no_edges()

    def decode(self, words: np.ndarray, time_base_ns: int) -> DecodedPacket:
        """The next packet: no events, but its edges in `trigger_edges`."""
        events, faults = event_buffer(0)
        edges = np.empty((len(words), 3), np.int64)
        edges[:, 0] = (words & 0xFFFFFFFF) + time_base_ns
        edges[:, 1] = (words >> 48) & 0x7FFF
        edges[:, 2] = (words >> 63) & 1
        self.trigger_edges = edges
        end_ns = int(edges[:, 0].max()) if len(edges) else UNKNOWN
        return packet(events, end_ns, faults, len(edges))

    def resynchronise(self) -> None:
        """Every word is complete: nothing to forget."""
