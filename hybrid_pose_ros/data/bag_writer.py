"""Writes rosbag2 recordings (mcap or sqlite3) without ROS, all or nothing."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability
from rosbags.interfaces import QosTime as Time
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer, WriterError

from hybrid_pose_ros.data.typestore import EVENT_TYPES, make_message, message_types
from hybrid_pose_ros.errors import RecordingError

if TYPE_CHECKING:
    from types import TracebackType

    from rosbags.interfaces import Connection

STORAGES = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}
_FOREVER = Time(9223372036, 854775807)


def _qos(reliability: QosReliability, depth: int, latched: bool) -> Qos:
    return Qos(
        QosHistory.KEEP_LAST,
        depth,
        reliability,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        _FOREVER,
        _FOREVER,
        QosLiveliness.AUTOMATIC,
        _FOREVER,
        avoid_ros_namespace_conventions=False,
    )


class BagWriter:
    """Context manager that writes one recording.

    The bag appears at `path` when the context ends without an error; before that, and after an
    error, nothing is there.

        with BagWriter("walk") as bag:
            bag.add_topic("/cam2/events", EVENT_PACKET)
            bag.write("/cam2/events", build_event_packet(...), t_ns)
    """

    def __init__(self, path: str | Path, storage: str = "mcap", compress: bool = False) -> None:
        """Prepare to write.

        Args:
            path: folder of the bag; must not exist yet.
            storage: "mcap" or "sqlite3".
            compress: with zstd (chunks of an mcap, messages of an sqlite3 bag).

        Raises:
            RecordingError: if the storage is not known or `path` exists.
        """
        self.path = Path(path)
        if storage not in STORAGES:
            raise RecordingError(f"storage '{storage}' is not known; use one of {list(STORAGES)}")
        if self.path.exists():
            raise RecordingError(f"{self.path} exists already; remove it or choose another name")
        self._storage, self._compress = storage, compress
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> BagWriter:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # The storage file is named after its folder: only the folder above may be temporary.
            self._folder = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=self.path.parent))
        except OSError as error:
            raise RecordingError(
                f"{self.path.parent} cannot be written: {error.strerror}"
            ) from None
        self._writer = Writer(
            self._folder / self.path.name, version=9, storage_plugin=STORAGES[self._storage]
        )
        if self._compress:
            mode = CompressionMode.STORAGE if self._storage == "mcap" else CompressionMode.MESSAGE
            self._writer.set_compression(mode, CompressionFormat.ZSTD)
        self._writer.open()
        return self

    def add_topic(
        self, topic: str, msgtype: str, reliable: bool | None = None, latched: bool = False
    ) -> None:
        """Announce a topic before the first message on it.

        Args:
            topic: such as /cam2/events.
            msgtype: such as event_camera_msgs/msg/EventPacket.
            reliable: offered reliability; by default best effort for events only.
            latched: whoever subscribes later receives the last message too.

        Raises:
            RecordingError: if the type is not known or the topic was added before.
        """
        store = message_types()
        if msgtype not in store.types:
            raise RecordingError(f"message type '{msgtype}' of topic {topic} is not known")
        if topic in self._connections:
            raise RecordingError(f"topic {topic} was added to {self.path} before")
        if reliable is None:
            reliable = msgtype not in EVENT_TYPES
        kind = QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT
        self._connections[topic] = self._writer.add_connection(
            topic,
            msgtype,
            typestore=store,
            offered_qos_profiles=[_qos(kind, 10 if reliable else 1000, latched)],
        )

    def write(self, topic: str, message: bytes | dict[str, Any] | object, t_ns: int) -> None:
        """Append a message.

        Args:
            topic: added before.
            message: serialised message, dict of fields (nested for nested messages), or message
                of the `rosbags` library.
            t_ns: log time, ROS time.
        """
        if topic not in self._connections:
            raise RecordingError(
                f"topic {topic} was not added to {self.path}; it has {list(self._connections)}"
            )
        connection = self._connections[topic]
        if isinstance(message, dict):
            message = make_message(connection.msgtype, message)
        if not isinstance(message, bytes | memoryview):
            message = message_types().serialize_cdr(message, connection.msgtype)
        self._writer.write(connection, t_ns, message)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is not None:
                self._writer.abort()
                return
            self._writer.close()
            if self.path.exists():
                raise RecordingError(f"{self.path} was made meanwhile; choose another name")
            (self._folder / self.path.name).rename(self.path)
        except (OSError, WriterError) as problem:
            raise RecordingError(f"{self.path} could not be written: {problem}") from None
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
