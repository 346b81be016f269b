"""When each recorded packet is due, and what was published when; free of ROS."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hybrid_pose_ros.data.cdr import PacketRecord
from hybrid_pose_ros.data.packet_file import PacketFile
from hybrid_pose_ros.unfinished import renewed

_AHEAD = 256  # packets


@dataclass(frozen=True)
class Schedule:
    """Maps the recording's clock to the wall clock.

    Attributes:
        first_ns: log time of the first packet.
        start_ns: wall time at which that packet is due.
        rate: 2.0 plays twice as fast.
    """

    first_ns: int
    start_ns: int
    rate: float = 1.0

    def to_wall(self, recorded_ns: int) -> int:
        """Wall time of a time in the recording (log time or header stamp)."""
        elapsed = recorded_ns - self.first_ns
        # Integers where possible: a float of nanoseconds since the epoch is off by 100 ns.
        return self.start_ns + (elapsed if self.rate == 1.0 else int(elapsed / self.rate))


@dataclass
class PublishLog:
    """One row per published packet."""

    topics: list[str]
    rows: list[tuple[int, int, int, int]] = field(default_factory=list)

    def add(self, packet: PacketRecord, published_ns: int) -> None:
        """Note that a packet went out at wall time published_ns."""
        row = (self.topics.index(packet.topic), packet.seq, packet.stamp_ns, published_ns)
        self.rows.append(row)

    def save(self, path: Path, schedule: Schedule) -> None:
        """Write an .npz: topics, and per packet topic (index), seq, stamp_ns, published_ns."""
        table = np.array(self.rows, np.int64).reshape(-1, 4)
        with renewed(path) as file:
            np.savez(
                file,
                topics=np.array(self.topics),
                topic=table[:, 0],
                seq=table[:, 1],
                stamp_ns=table[:, 2],
                published_ns=table[:, 3],
                first_ns=schedule.first_ns,
                start_ns=schedule.start_ns,
                rate=schedule.rate,
            )


class ReadAhead:
    """Iterates over a recording's packets, read by a thread a little ahead of their use."""

    def __init__(self, recording: PacketFile, topics: list[str]) -> None:
        self._queue: queue.Queue[PacketRecord | Exception | None] = queue.Queue(_AHEAD)
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._read, args=(recording, topics), name="read-ahead", daemon=True
        )
        self._thread.start()

    def __iter__(self) -> Iterator[PacketRecord]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join(2.0)

    def _read(self, recording: PacketFile, topics: list[str]) -> None:
        try:
            for packet in recording.packets(topics):
                if not self._put(packet):
                    return
            self._put(None)
        except Exception as error:  # raised again by the iterator
            self._put(error)

    def _put(self, item: PacketRecord | Exception | None) -> bool:
        while not self._stopping.is_set():
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False
