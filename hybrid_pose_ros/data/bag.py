"""Reads event packets and other messages from rosbag2 recordings (mcap, sqlite3) without ROS."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosbags.rosbag2 import Reader

from hybrid_pose_ros.data.bag_files import storage_path
from hybrid_pose_ros.data.cdr import PacketRecord, parse_event_packet
from hybrid_pose_ros.data.typestore import EVENT_TYPES, message_types
from hybrid_pose_ros.errors import EncodingError, RecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from rosbags.interfaces import Connection


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
        cameras: what is known of every event topic that has packets.
        start_ns, end_ns: log times of the first message and just after the last one, ROS time.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self._damage():
            self._reader = Reader(storage_path(self.path))
            self._reader.open()
        try:
            with self._damage():
                self.topics = {c.topic: c.msgtype for c in self._reader.connections}
                self.start_ns, self.end_ns = self._reader.start_time, self._reader.end_time
                self.cameras = dict(self._find_cameras())
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
            topics: names of event topics.
            start_ns, stop_ns: log times, from start_ns on and before stop_ns.

        Raises:
            RecordingError: if a topic is missing or holds no events, or the file is damaged.
        """
        with self._damage():
            for connection, t_ns, raw in self._messages(topics, EVENT_TYPES, start_ns, stop_ns):
                yield parse_event_packet(raw, connection.topic, t_ns)

    def messages(self, topic: str, msgtype: str | None = None) -> Iterator[tuple[int, Any]]:
        """Log time (ns) and message (of the `rosbags` library) of one topic.

        Raises:
            RecordingError: if the topic is missing, of another type than `msgtype` or of a type
                that is not known, or the file is damaged.
        """
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
        if self._reader.is_open:
            self._reader.close()

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
    ) -> Iterator[tuple[Connection, int, bytes]]:
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
            wanted = " or ".join(types[:2]) if len(types) <= 2 else "a type known to this package"
            raise RecordingError(
                f"topic {topic} of {self.path} has the type {self.topics[topic]}, not {wanted}; "
                "choose another topic or convert it"
            )

    def _find_cameras(self) -> Iterator[tuple[str, CameraInfo]]:
        for connection in self._reader.connections:
            if connection.msgtype not in EVENT_TYPES or not connection.msgcount:
                continue
            _, t_ns, raw = next(self._reader.messages([connection]))
            first = parse_event_packet(raw, connection.topic, t_ns)
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

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """Tell whatever the storage stumbles over as a damaged recording."""
        try:
            yield
        except RecordingError:
            raise
        except EncodingError as error:
            hint = " (compressed messages need the bag's folder)" * (self.path.suffix == ".db3")
            raise RecordingError(f"{self.path}: {error}{hint}") from None
        except MemoryError:
            raise RecordingError(self._damaged("a length in it is impossible")) from None
        except Exception as error:
            raise RecordingError(self._damaged(f"{type(error).__name__}: {error}")) from error

    def _damaged(self, reason: str) -> str:
        return (
            f"{self.path} cannot be read ({reason}); it is damaged or was not closed. Try "
            "'mcap recover' or 'ros2 bag reindex', or record it again"
        )


def open_recording(path: str | Path) -> Recording:
    """Open a recording: a rosbag2 folder, its metadata.yaml, or one .mcap or .db3 file.

    Raises:
        RecordingError: if it is missing, damaged, or of a kind that cannot be read.
    """
    return Recording(path)
