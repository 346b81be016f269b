"""What every file of events looks like once it is open: streams, and chunks of events in order."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hybrid_pose_ros.data.damage import FILE_REMEDY, telling_damage
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.codecs.stream import no_edges
from hybrid_pose_ros.events.decoder import MAX_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

CHUNK_EVENTS = 1 << 16  # events that a reader of a plain file hands out at a time


@dataclass(frozen=True)
class StreamInfo:
    """The events of one camera in a file.

    Attributes:
        name: topic of a bag, or a name of this form ("/cam2/events", "/events").
        width, height: sensor size, pixels.
        encoding: how the file holds the events.
        frame_id: of a bag's messages; empty if not known.
    """

    name: str
    width: int
    height: int
    encoding: str
    frame_id: str = ""


@dataclass(frozen=True)
class EventChunk:
    """Some events of one stream.

    Attributes:
        stream: name of the stream.
        events: EVENT_DTYPE, all inside of the sensor.
        t_end_ns: sensor time that the stream has reached; -1 while unknown.
        triggers: (n, 3) int64, external triggers: t in ns, id, edge (1 = rising).
        faults: how often what was wrong, by kind.
        losses: packets missing ("gaps", "lost_packets") and "restarts" of the numbering.
        stamp_ns: ROS time at which the host received them; None if the file does not tell, and
            then all its streams share one clock.
        size: bytes that they take in the file.
    """

    stream: str
    events: np.ndarray
    t_end_ns: int
    triggers: np.ndarray = field(default_factory=no_edges)
    faults: dict[str, int] = field(default_factory=dict)
    losses: dict[str, int] = field(default_factory=dict)
    stamp_ns: int | None = None
    size: int = 0


class EventSource(ABC):
    """An open file of events; use open_events. Never holds more than some chunks in memory.

    Attributes:
        path: as it was given.
        kind: name of the file format.
        streams: what is known of every stream, by name.
        share: how much of the file was read, 0 to 1.
        remedy: what a user may do about a damaged file.
        damage: what ended the latest reading early; empty if nothing did.
    """

    kind: str
    remedy = FILE_REMEDY

    def __init__(self, path: Path) -> None:
        self.path = path
        self.streams: dict[str, StreamInfo] = {}
        self.share = 0.0
        self.damage = ""
        self._given = 0

    def chunks(self, streams: Sequence[str] | None = None) -> Iterator[EventChunk]:
        """All events of the given (default: all) streams; can be called again.

        The chunks come in the order of time: of arrival in a bag, of their first event otherwise.

        Raises:
            RecordingError: if there is no such stream, or the file is damaged.
        """
        names = list(self.streams if streams is None else streams)
        for name in names:
            self.require_stream(name)
        self._given, self.damage = 0, ""
        try:
            with telling_damage(self.path, self.remedy):
                for chunk in self._read(names):
                    self._given += len(chunk.events)
                    yield chunk
        except RecordingError as error:
            self.damage = f"{error}. The {self._given} events before it were taken"
            raise RecordingError(
                f"{error}. The {self._given} events before it can be had with "
                "'hybrid_pose events convert --partial'"
            ) from None
        self.share = 1.0

    def _add_stream(self, name: str, width: int, height: int, encoding: str) -> None:
        """Note a stream of a file whose sensor size is what the file says, or needs.

        Raises:
            RecordingError: if a sensor cannot have this size.
        """
        if not (0 < width <= MAX_SIZE and 0 < height <= MAX_SIZE):
            raise RecordingError(
                f"{self.path}: sensor size {width} x {height} of {name} is not possible (1 to "
                f"{MAX_SIZE} pixels); the file is damaged"
            )
        self.streams[name] = StreamInfo(name, width, height, encoding)

    def require_stream(self, name: str) -> StreamInfo:
        """The stream of this name.

        Raises:
            RecordingError: if there is none.
        """
        if name not in self.streams:
            raise RecordingError(
                f"{self.path} has no events named {name}; it has "
                + (", ".join(self.streams) or "none")
            )
        return self.streams[name]

    def _cut_short(self, position: int, reason: str) -> RecordingError:
        """The error for a file that ends or breaks at byte `position`."""
        return RecordingError(f"{self.path} is damaged at byte {position} ({reason})")

    @abstractmethod
    def _read(self, streams: Sequence[str]) -> Iterator[EventChunk]:
        """Chunks of these streams, from the beginning."""

    @abstractmethod
    def close(self) -> None:
        """Close the file; nothing can be read any more."""

    def __enter__(self) -> EventSource:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def in_time_order(streams: Iterable[Iterator[EventChunk]]) -> Iterator[EventChunk]:
    """The chunks of several streams of one clock, by the time of their first event."""

    def start_ns(chunk: EventChunk) -> int:
        return int(chunk.events["t"][0]) if len(chunk.events) else chunk.t_end_ns

    yield from heapq.merge(*streams, key=start_ns)


def readable(
    source: EventSource, streams: Sequence[str] | None, partial: bool
) -> Iterator[EventChunk | str]:
    """The chunks of a file; with `partial` a damage ends them, and its description comes last."""
    try:
        yield from source.chunks(streams)
    except RecordingError:
        if not (partial and source.damage):
            raise
        yield source.damage
