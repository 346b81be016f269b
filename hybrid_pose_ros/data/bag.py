"""Reads event packets and other messages from recordings (rosbag2, rosbag1) without ROS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_pose_ros.data.bag_files import BagFiles, unclosed_mcap
from hybrid_pose_ros.data.cdr import PacketRecord, parse_event_packet
from hybrid_pose_ros.data.damage import BAG_REMEDY, telling_damage
from hybrid_pose_ros.data.dvs_message import CDR, DVS_TYPES, ROS1, parse_dvs_array
from hybrid_pose_ros.data.ros1 import parse_ros1_packet
from hybrid_pose_ros.data.typestore import EVENT_TYPES, message_types
from hybrid_pose_ros.errors import RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from types import TracebackType

    from rosbags.interfaces import Connection

    from hybrid_pose_ros.data.unclosed_mcap import ScannedConnection, UnclosedMcap


@dataclass(frozen=True)
class CameraInfo:
    """What the first packet of an event topic says.

    Attributes:
        topic: name of the topic.
        width, height: sensor size, pixels.
        encoding: of the payload.
        frame_id: of the header.
        packets: number of packets on the topic.
    """

    topic: str
    width: int
    height: int
    encoding: str
    frame_id: str
    packets: int


class Recording:
    """An open recording; use open_recording.

    Attributes:
        path: as it was given.
        topics: message type of every topic.
        cameras: what is known of every topic of event packets that has some.
        event_arrays: the same of the topics of dvs_msgs/EventArray.
        ros1: whether it is a rosbag1.
        start_ns, end_ns: log times of the first message and just after the last one, ROS time.
        share: how much of the time `packets` has gone through, 0 to 1.
    """

    def __init__(self, path: str | Path, unclosed: bool = False) -> None:
        """Open it; an `unclosed` .mcap is read up to its damage, without its index."""
        self._files: BagFiles | UnclosedMcap
        self.path = Path(path)
        self.share = 0.0
        with self._damage():
            self._files = unclosed_mcap(self.path) if unclosed else BagFiles(self.path)
        try:
            with self._damage():
                self._reader: Any = self._files.reader
                self.ros1 = self._files.ros1
                self.topics = {c.topic: c.msgtype for c in self._reader.connections}
                self.start_ns, self.end_ns = self._reader.start_time, self._reader.end_time
                self.cameras = dict(self._find(EVENT_TYPES))
                self.event_arrays = dict(self._find(DVS_TYPES))
        except BaseException:
            self.close()
            raise

    def packets(
        self,
        topics: Sequence[str] | None = None,
        start_ns: int | None = None,
        stop_ns: int | None = None,
    ) -> Iterator[PacketRecord]:
        """Event packets of the given (default: all) cameras in the order of their log times.

        Args:
            topics: names of topics of event packets (or event arrays).
            start_ns, stop_ns: log times, from start_ns on and before stop_ns.

        Raises:
            RecordingError: if a topic is missing or holds no events, or the file is damaged.
        """
        with self._damage():
            types = EVENT_TYPES + DVS_TYPES
            length_ns = max(1, self.end_ns - self.start_ns)
            for connection, t_ns, raw in self._messages(topics, types, start_ns, stop_ns):
                self.share = (t_ns - self.start_ns) / length_ns
                yield self._parse(connection, t_ns, raw)

    def messages(self, topic: str, msgtype: str | None = None) -> Iterator[tuple[int, Any]]:
        """Log time (ns) and message (of the `rosbags` library) of one topic.

        Raises:
            RecordingError: if the topic is missing, of another type than `msgtype` or of a type
                that is not known, or the file is damaged.
        """
        if self.ros1:
            raise RecordingError(
                f"{self.path} is a rosbag1, of which only events are read; convert it with "
                "'rosbags-convert'"
            )
        self._require(topic, (msgtype,) if msgtype else tuple(message_types().types))
        with self._damage():
            for connection, t_ns, raw in self._messages([topic], None, None, None):
                yield t_ns, message_types().deserialize_cdr(raw, connection.msgtype)

    def require_camera(self, topic: str) -> CameraInfo:
        """The camera on `topic`.

        Raises:
            RecordingError: if the topic is missing, of another type, or without packets.
        """
        self._require(topic, EVENT_TYPES)
        if topic not in self.cameras:
            raise RecordingError(f"topic {topic} of {self.path} holds no packet; record it again")
        return self.cameras[topic]

    def close(self) -> None:
        """Close the files; the recording cannot be read any more."""
        self._files.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _messages(
        self,
        topics: Sequence[str] | None,
        types: Sequence[str] | None,
        start_ns: int | None,
        stop_ns: int | None,
    ) -> Iterator[tuple[Connection | ScannedConnection, int, bytes]]:
        names = self.cameras if topics is None else topics
        for name in names:
            self._require(name, types)
        chosen = [c for c in self._reader.connections if c.topic in names]
        if not chosen:  # none means all to the reader
            return
        yield from self._reader.messages(chosen, start_ns, stop_ns)

    def _require(self, topic: str, types: Sequence[str] | None) -> None:
        if topic not in self.topics:
            raise RecordingError(
                f"{self.path} has no topic {topic}; it has " + (", ".join(self.topics) or "none")
            )
        if types is not None and self.topics[topic] not in types:
            wanted = " or ".join(types[:2]) if len(types) <= 4 else "a type known to this package"
            raise RecordingError(
                f"topic {topic} of {self.path} has the type {self.topics[topic]}, not {wanted}; "
                "choose another topic or convert it"
            )

    def _find(self, types: Sequence[str]) -> Iterator[tuple[str, CameraInfo]]:
        for connection in self._reader.connections:
            if connection.msgtype not in types or not connection.msgcount:
                continue
            _, t_ns, raw = next(self._reader.messages([connection]))
            first = self._parse(connection, t_ns, raw)
            yield (
                connection.topic,
                CameraInfo(
                    connection.topic,
                    first.width,
                    first.height,
                    first.encoding,
                    first.frame_id,
                    connection.msgcount,
                ),
            )

    def _parse(
        self, connection: Connection | ScannedConnection, t_ns: int, raw: bytes
    ) -> PacketRecord:
        if connection.msgtype in DVS_TYPES:
            return parse_dvs_array(raw, connection.topic, t_ns, ROS1 if self.ros1 else CDR)
        parse = parse_ros1_packet if self.ros1 else parse_event_packet
        return parse(raw, connection.topic, t_ns)

    def _damage(self) -> AbstractContextManager[None]:
        """Tell whatever the storage stumbles over as a damaged recording."""
        return telling_damage(self.path, BAG_REMEDY)


def open_recording(path: str | Path) -> Recording:
    """Open a recording: a rosbag2 folder, its metadata.yaml, or an .mcap, .db3 or .bag file.

    Raises:
        RecordingError: if it is missing, damaged, or of a kind that cannot be read.
    """
    return Recording(path)
