"""One camera's event buffer, and when it started anew."""

from __future__ import annotations

from hybrid_pose_ros.events.buffer import EventBuffer
from hybrid_pose_ros.events.types import DecodedPacket

# A clock that jumps by more than this was restarted (or a bag looped); less is disorder.
RESTART_NS = 2_000_000_000


class EventStream:
    """Feeds an EventBuffer and notices its restarts.

    Attributes:
        start_ns: sensor time from which on nothing is missing; None before the first event.
    """

    def __init__(self, horizon_ns: int, reorder_ns: int = 0) -> None:
        self.buffer = EventBuffer(horizon_ns, jump_ns=RESTART_NS, reorder_ns=reorder_ns)
        self.start_ns: int | None = None
        self._restarts = 0

    def add(self, packet: DecodedPacket) -> bool:
        """Append a packet. True if the sensor clock jumped, so that everything before is void."""
        self.buffer.append(packet.events, packet.t_end_ns)
        restarted = self.buffer.counters["restarts"] > self._restarts
        self._restarts = self.buffer.counters["restarts"]
        if restarted or (self.start_ns is None and len(self.buffer)):
            self.start_ns = self.buffer.begin_ns
        return restarted

    @property
    def watermark_ns(self) -> int:
        """Every event before this sensor time has arrived; -1 before the first packet."""
        return self.buffer.watermark_ns

    @property
    def counters(self) -> dict[str, int]:
        """What the buffer refused or dropped."""
        return dict(self.buffer.counters)
