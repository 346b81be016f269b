"""Any file of events as the packets that a driver would have sent, for what takes packets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hybrid_pose_ros.data.bag import CameraInfo, open_recording
from hybrid_pose_ros.data.cdr import PacketRecord, parse_event_packet
from hybrid_pose_ros.data.event_file import is_bag, open_events
from hybrid_pose_ros.data.packets import Packer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType


class PacketFile(Protocol):
    """What is common to a recording and to EventPackets.

    Attributes:
        path: as it was given.
        cameras: what is known of every topic of event packets.
        share: how much of the file was read, 0 to 1.
        start_ns: log time of the first packet or before it.
    """

    path: Path
    cameras: dict[str, CameraInfo]

    @property
    def share(self) -> float: ...

    @property
    def start_ns(self) -> int: ...

    def packets(self, topics: Sequence[str] | None = None) -> Iterator[PacketRecord]:
        """Event packets of the given (default: all) cameras in the order of their log times."""
        ...

    def require_camera(self, topic: str) -> CameraInfo:
        """The camera on `topic`; raises a RecordingError if there is none."""
        ...

    def close(self) -> None:
        """Close the files."""

    def __enter__(self) -> PacketFile: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class EventPackets:
    """The events of a file that holds no packets, packed; use open_packets.

    Attributes:
        path: as it was given.
        cameras: what is known of every stream; the number of packets is not known.
        share: how much of the file was read, 0 to 1.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._source = open_events(path)
        self.cameras = {
            name: CameraInfo(name, info.width, info.height, "mono", info.frame_id, 0)
            for name, info in self._source.streams.items()
        }

    @property
    def share(self) -> float:
        """How much of the file was read, 0 to 1."""
        return self._source.share

    @property
    def start_ns(self) -> int:
        """Log time of the first packet; 0 if there is none."""
        first = next(self.packets(), None)
        return 0 if first is None else first.log_time_ns

    def packets(self, topics: Sequence[str] | None = None) -> Iterator[PacketRecord]:
        """Event packets of the given (default: all) streams, in the order of time.

        Raises:
            RecordingError: if a stream is missing, or the file is damaged.
        """
        packers = {name: Packer(info) for name, info in self._source.streams.items()}
        for chunk in self._source.chunks(topics):
            for packet in packers[chunk.stream].pack(chunk):
                if not packet.is_trigger:
                    yield parse_event_packet(packet.raw, chunk.stream, packet.stamp_ns)

    def require_camera(self, topic: str) -> CameraInfo:
        """The camera of this stream.

        Raises:
            RecordingError: if there is none.
        """
        self._source.require_stream(topic)
        return self.cameras[topic]

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __enter__(self) -> EventPackets:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_packets(path: str | Path) -> PacketFile:
    """Open any file of events as packets: those of the recording itself where it holds some.

    Raises:
        RecordingError: if it is missing, damaged, or of no known format.
    """
    path = Path(path)
    if path.exists() and not is_bag(path):
        return EventPackets(path)
    recording = open_recording(path)
    if recording.event_arrays and not recording.cameras:
        recording.close()
        return EventPackets(path)
    return recording


def camera_topic(packets: PacketFile, camera: str, alone: bool) -> str:
    """The stream of a camera: "/cam2/events", or the only one of the file if it is `alone`.

    Raises:
        RecordingError: if there is none.
    """
    topic = f"/{camera}/events"
    if alone and topic not in packets.cameras and len(packets.cameras) == 1:
        return next(iter(packets.cameras))
    return packets.require_camera(topic).topic
