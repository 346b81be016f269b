"""What the codecs share: fault counters, time that does not run backwards, the decoded packet."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numba import njit

from hybrid_pose_ros.events.types import EVENT_DTYPE, DecodedPacket

UNKNOWN = -1
FAULTS = (
    "coordinate",  # event outside of the sensor, dropped
    "time_backwards",  # a time that its neighbours contradict: small steps levelled, others dropped
    "time_reset",  # large step back, followed: the sensor's clock was restarted
    "no_time",  # event while the time is not known, dropped
    "no_address",  # event without row or base (lost words), dropped
    "unknown_word",  # word that the encoding does not define, skipped
)
COORDINATE, TIME_BACKWARDS, TIME_RESET, NO_TIME, NO_ADDRESS, UNKNOWN_WORD = range(len(FAULTS))
RESET_NS = 1_000_000_000
SPIKE_NS = 1_000_000


class StreamCodec(Protocol):
    """Decoder of one stream in one encoding.

    Attributes:
        word: dtype of the payload's words.
        has_time_base: whether the times count from the message's time_base.
        has_byte_order: whether the words have the byte order of the machine that packed them.
        wrap_ns: after so long the times in the packets start again, so that two receivers of one
            clock may be a multiple of it apart; 0 if never.
        carries_state: whether a packet's meaning depends on those before it.
        trigger_edges: (n, 3) int64, external triggers of the last packet: t in ns, id, edge.
    """

    word: np.dtype
    has_time_base: bool
    has_byte_order: bool
    wrap_ns: int
    carries_state: bool
    trigger_edges: np.ndarray

    def __init__(self, width: int, height: int) -> None:
        """Start a stream of a sensor of this size, pixels."""

    def decode(self, words: np.ndarray, time_base_ns: int) -> DecodedPacket:
        """Decode the next packet."""
        ...

    def resynchronise(self) -> None:
        """Forget what lost packets have made uncertain."""


@njit(cache=True)
def monotonic(time_ns: int, latest_ns: int, faults: np.ndarray) -> int:
    """`time_ns`, or the latest time instead of a step back of up to RESET_NS."""
    if time_ns >= latest_ns:
        return time_ns
    if latest_ns - time_ns > RESET_NS:
        faults[TIME_RESET] += 1
        return time_ns
    faults[TIME_BACKWARDS] += 1
    return latest_ns


@njit(cache=True)
def settle(time_ns: int, next_ns: int, latest_ns: int, faults: np.ndarray) -> int:
    """The time to give to an event, or UNKNOWN to drop it; for times out of order only.

    A single damaged time, ahead or behind, is told by the event after it, which continues from
    the one before; it must not hold up the good ones. Where the stream itself goes back, the next
    event agrees.

    Args:
        time_ns: what the event says.
        next_ns: what the next event of the packet says; time_ns if there is none.
        latest_ns: time of the event before; UNKNOWN if there is none.
    """
    if time_ns >= latest_ns:
        if time_ns - next_ns > SPIKE_NS and next_ns >= latest_ns:
            faults[TIME_BACKWARDS] += 1
            return UNKNOWN
        return time_ns
    if latest_ns - time_ns > SPIKE_NS and next_ns >= latest_ns:
        faults[TIME_BACKWARDS] += 1
        return UNKNOWN
    return monotonic(time_ns, latest_ns, faults)


def event_buffer(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Room for `count` events, and zeroed fault counters."""
    return np.empty(count, EVENT_DTYPE), np.zeros(len(FAULTS), np.int64)


def packet(events: np.ndarray, end_ns: int, faults: np.ndarray, triggers: int = 0) -> DecodedPacket:
    """The decoded packet; only faults that occurred are named."""
    named = {}
    if np.count_nonzero(faults):
        named = {name: int(n) for name, n in zip(FAULTS, faults, strict=True) if n}
    return DecodedPacket(events=events, t_end_ns=int(end_ns), triggers=triggers, faults=named)


def no_edges() -> np.ndarray:
    """The trigger edges of a packet that has none."""
    return np.empty((0, 3), np.int64)
