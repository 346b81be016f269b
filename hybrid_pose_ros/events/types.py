"""The one event record of the package and what a decoded packet holds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

# t: nanoseconds of the sensor clock; x, y: sensor pixel, origin top left; p: 1 = ON, 0 = OFF.
EVENT_DTYPE = np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")], align=True)


def empty_events(count: int = 0) -> np.ndarray:
    """A zeroed array of `count` events."""
    return np.zeros(count, EVENT_DTYPE)


@dataclass(frozen=True)
class DecodedPacket:
    """What one packet held.

    Attributes:
        events: EVENT_DTYPE, in the order of the packet.
        t_end_ns: sensor time that the stream has proven to have reached (time words count, not
            only events); -1 while unknown.
        triggers: number of external trigger edges.
        faults: how often what was wrong, by kind ("length", "coordinate", "time_backwards", ...).
    """

    events: np.ndarray
    t_end_ns: int
    triggers: int = 0
    faults: dict[str, int] = field(default_factory=dict)
