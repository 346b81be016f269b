"""Events in bags: event packets of any encoding, and the older event arrays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hybrid_pose_ros.data.bag import Recording, open_recording
from hybrid_pose_ros.data.damage import BAG_REMEDY
from hybrid_pose_ros.data.dvs_message import CDR
from hybrid_pose_ros.data.event_source import EventChunk, EventSource, StreamInfo
from hybrid_pose_ros.data.packets import trigger_topic
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.codecs.stream import no_edges
from hybrid_pose_ros.events.stream import PacketStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from hybrid_pose_ros.data.cdr import PacketRecord


class BagSource(EventSource):
    """The events of an open recording; its streams are called after their topics."""

    remedy = BAG_REMEDY

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._recording = _open(path)
        self.kind = "rosbag1" if self._recording.ros1 else "rosbag2"
        found = {**self._recording.cameras, **self._recording.event_arrays}
        if not found:
            self.close()
            raise RecordingError(_nothing(self._recording))
        # Triggers of a camera may have a topic of their own; they belong to its events.
        self._triggers = {
            trigger_topic(topic): topic
            for topic in found
            if trigger_topic(topic) in found and found[trigger_topic(topic)].encoding == "trigger"
        }
        self.streams = {
            topic: StreamInfo(topic, info.width, info.height, info.encoding, info.frame_id)
            for topic, info in found.items()
            if topic not in self._triggers
        }

    def close(self) -> None:
        """Close the files."""
        self._recording.close()

    def _read(self, streams: Sequence[str]) -> Iterator[EventChunk]:
        recording = self._recording
        topics = [*streams, *(t for t, name in self._triggers.items() if name in streams)]
        decoders = {topic: _Packets() for topic in topics}
        for record in recording.packets(topics):
            self.share = recording.share
            chunk = decoders[record.topic].decode(record)
            name = self._triggers.get(record.topic, record.topic)
            yield chunk if name == chunk.stream else replace(chunk, stream=name)


class _Packets:
    """Decodes the event packets (or arrays) of one topic."""

    def __init__(self) -> None:
        self._stream = PacketStream()
        self._count = 0
        self._losses = {"gaps": 0, "lost_packets": 0, "restarts": 0}

    def decode(self, record: PacketRecord) -> EventChunk:
        """The next packet."""
        stream = self._stream
        if record.encoding == CDR:  # ROS 2 does not number such messages
            record = record._replace(seq=self._count)
            self._count += 1
        packet = stream.decode(record)
        total = {
            "gaps": stream.gaps, "lost_packets": stream.lost, "restarts": stream.restarts
        }  # fmt: skip
        losses = {key: total[key] - count for key, count in self._losses.items()}
        self._losses = total
        decoder = stream.decoder
        edges = no_edges() if decoder is None else decoder.trigger_edges
        return EventChunk(
            record.topic,
            packet.events,
            packet.t_end_ns,
            edges,
            packet.faults,
            {key: count for key, count in losses.items() if count},
            record.stamp_ns or record.log_time_ns,
            len(record.payload),
        )


def _open(path: Path) -> Recording:
    """The recording; what is before the damage in an .mcap that was not closed."""
    try:
        return open_recording(path)
    except RecordingError as error:
        try:
            return Recording(path, unclosed=True)
        except RecordingError:
            raise error from None


def _nothing(recording: Recording) -> str:
    found = ", ".join(f"{topic} ({kind})" for topic, kind in recording.topics.items())
    return (
        f"{recording.path} has no event packets (event_camera_msgs/msg/EventPacket or "
        "event_array_msgs/msg/EventArray) and no dvs_msgs/msg/EventArray; it has "
        + (found or "no topic")
    )
