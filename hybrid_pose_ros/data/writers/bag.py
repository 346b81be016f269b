"""Events to a rosbag2: a folder, or one storage file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybrid_pose_ros.data.bag_writer import BagWriter
from hybrid_pose_ros.data.packets import Packer, trigger_topic
from hybrid_pose_ros.data.typestore import EVENT_PACKET

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from hybrid_pose_ros.data.event_source import EventChunk, StreamInfo

_STORAGES = {".mcap": "mcap", ".db3": "sqlite3", "": "mcap"}
SUFFIXES = tuple(_STORAGES)


class BagEvents:
    """Writes event packets; triggers get a topic of their own, "/cam2/triggers".

    Attributes:
        moved: events whose time had to be set to the latest because it ran backwards.
    """

    def __init__(self, path: Path, streams: Sequence[StreamInfo], encoding: str) -> None:
        self._path = path
        storage = _STORAGES[path.suffix]
        # The library writes folders; a single file is taken out of its folder at the end.
        self._folder = path.with_name(f"{path.stem}.folder") if path.suffix else path
        self._bag = BagWriter(self._folder, storage)
        self._packers = {info.name: Packer(info, encoding) for info in streams}
        self._topics: set[str] = set()

    @property
    def moved(self) -> int:
        """Over all streams."""
        return sum(packer.moved for packer in self._packers.values())

    def write(self, chunk: EventChunk) -> None:
        """Append the packets of a chunk."""
        for packet in self._packers[chunk.stream].pack(chunk):
            topic = trigger_topic(chunk.stream) if packet.is_trigger else chunk.stream
            self._announce(topic)
            self._bag.write(topic, packet.raw, packet.stamp_ns)

    def _announce(self, topic: str) -> None:
        if topic not in self._topics:
            self._topics.add(topic)
            self._bag.add_topic(topic, EVENT_PACKET)

    def __enter__(self) -> BagEvents:
        self._bag.__enter__()
        for name in self._packers:
            self._announce(name)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bag.__exit__(kind, error, trace)
        if kind is None and self._folder != self._path:
            (storage,) = self._folder.glob(f"*{self._path.suffix}")
            storage.rename(self._path)
