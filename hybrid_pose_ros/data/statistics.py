"""What a recording holds, in numbers that can be compared between decoders."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.stream import PacketStream

if TYPE_CHECKING:
    from hybrid_pose_ros.data.bag import Recording
    from hybrid_pose_ros.data.cdr import PacketRecord

_MODULUS = 1 << 64  # sums wrap as 64-bit integers do, so that other decoders can be compared


class EventStatistics:
    """Counts and sums over the events of one camera."""

    def __init__(self) -> None:
        self._stream = PacketStream()
        self._first: PacketRecord | None = None
        self._packets = self._events = self._on = self._triggers = self._bytes = 0
        self._sums = {"t": 0, "x": 0, "y": 0}
        self._first_t_ns: int | None = None
        self._last_t_ns: int | None = None
        self._faults: Counter[str] = Counter()

    def add(self, record: PacketRecord) -> None:
        """Take in the next packet."""
        decoded = self._stream.decode(record)
        self._first = self._first or record
        self._packets += 1
        self._bytes += len(record.payload)
        self._triggers += decoded.triggers
        self._faults.update(decoded.faults)
        events = decoded.events
        if len(events) == 0:
            return
        self._events += len(events)
        self._on += int(np.count_nonzero(events["p"]))
        for name in self._sums:
            # uint64 arithmetic wraps by itself
            total = int(events[name].astype(np.uint64).sum(dtype=np.uint64))
            self._sums[name] = (self._sums[name] + total) % _MODULUS
        if self._first_t_ns is None:
            self._first_t_ns = int(events["t"][0])
        self._last_t_ns = int(events["t"][-1])

    def summary(self) -> dict[str, Any]:
        """The numbers; times in ns of the sensor's clock, rate in events per second."""
        duration_ns = (self._last_t_ns or 0) - (self._first_t_ns or 0)
        return {
            "encoding": self._first.encoding if self._first else None,
            "width": self._first.width if self._first else None,
            "height": self._first.height if self._first else None,
            "packets": self._packets,
            "bytes": self._bytes,
            "events": self._events,
            "on": self._on,
            "off": self._events - self._on,
            "sum_t_ns": self._sums["t"],
            "sum_x": self._sums["x"],
            "sum_y": self._sums["y"],
            "triggers": self._triggers,
            "first_t_ns": self._first_t_ns,
            "last_t_ns": self._last_t_ns,
            "rate": self._events * 1e9 / duration_ns if duration_ns > 0 else 0.0,
            "gaps": self._stream.gaps,
            "lost_packets": self._stream.lost,
            "restarts": self._stream.restarts,
            "faults": dict(self._faults),
        }


def summarise(recording: Recording) -> dict[str, dict[str, Any]]:
    """EventStatistics.summary of every camera of a recording.

    Raises:
        RecordingError: if there is no camera in it, or it is damaged.
        EncodingError: if the events of one cannot be decoded.
    """
    if not recording.cameras:
        found = ", ".join(f"{topic} ({kind})" for topic, kind in recording.topics.items())
        raise RecordingError(
            f"{recording.path} has no event packets (event_camera_msgs/msg/EventPacket or "
            f"event_array_msgs/msg/EventArray); it has {found or 'no topic'}"
        )
    statistics = {topic: EventStatistics() for topic in recording.cameras}
    for record in recording.packets():
        statistics[record.topic].add(record)
    return {topic: camera.summary() for topic, camera in statistics.items()}
