"""Pictures of the events of a file, all cameras side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.data.event_source import EventChunk, EventSource, StreamInfo, readable
from hybrid_pose_ros.errors import ConfigError, RecordingError
from hybrid_pose_ros.events.clock import SensorClock
from hybrid_pose_ros.events.types import empty_events
from hybrid_pose_ros.view import canvas
from hybrid_pose_ros.view.overlay import event_image
from hybrid_pose_ros.view.video import VideoWriter, write_png
from hybrid_pose_ros.view.viewport import Viewport

_MAX_SIZE = (1280, 720)
_LATE_NS = 50_000_000  # how long a picture waits for the packets of the other cameras
_GAP = 8
_MAX_FRAMES = 1_000_000


class EventFrame(NamedTuple):
    """The events of one picture: start in seconds since the file's first event, by stream."""

    t_s: float
    events: dict[str, np.ndarray]


class _Stream:
    """Brings one stream onto the common clock and keeps what no picture has shown yet."""

    def __init__(self) -> None:
        self._clock = SensorClock()
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []  # common times and events

    def add(self, chunk: EventChunk) -> int | None:
        """Takes a chunk; the common time of its first event, None if it has none."""
        if not len(chunk.events):
            return None
        times = chunk.events["t"]
        if chunk.stamp_ns is not None:  # each camera has a clock of its own
            self._clock.update(chunk.stamp_ns, max(chunk.t_end_ns, int(times[-1])))
            times = times + (self._clock.offset_ns or 0)
        self._waiting.append((times, chunk.events))
        return int(times[0])

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not any(len(times) for times, _ in self._waiting)

    def take(self, end_ns: int) -> np.ndarray:
        """What waits from before end_ns, late events included."""
        if not self._waiting:
            return empty_events()
        times = np.concatenate([times for times, _ in self._waiting])
        events = np.concatenate([events for _, events in self._waiting])
        due = times < end_ns
        self._waiting = [(times[~due], events[~due])]
        return events[due]


def event_frames(
    source: EventSource, names: Sequence[str], fps: float, seconds: float, partial: bool = False
) -> Iterator[EventFrame]:
    """Cuts the file's first `seconds` into pictures of 1 / fps each.

    Sensor time decides; if the cameras' clocks differ, the host's stamps bring them together.
    """
    streams = {name: _Stream() for name in names}
    period_ns, limit, number = 1e9 / fps, round(seconds * fps), 0
    start_ns, latest_ns = None, 0

    def frame(end_ns: int) -> EventFrame:
        return EventFrame(number / fps, {name: s.take(end_ns) for name, s in streams.items()})

    for item in readable(source, names, partial):
        if isinstance(item, str):
            break
        first_ns = streams[item.stream].add(item)
        if first_ns is None:
            continue
        start_ns = first_ns if start_ns is None else start_ns
        latest_ns = max(latest_ns, first_ns)
        while latest_ns > (end_ns := start_ns + int((number + 1) * period_ns)) + _LATE_NS:
            yield frame(end_ns)
            number += 1
            if number >= limit:
                return
    while start_ns is not None and number < limit:
        end_ns = start_ns + int((number + 1) * period_ns)
        yield frame(end_ns)
        number += 1
        if all(stream.empty for stream in streams.values()):
            return


class Mosaic:
    """Places the cameras' pictures side by side in one picture of even size."""

    def __init__(self, cameras: Sequence[StreamInfo]) -> None:
        aspect = sum(camera.width / camera.height for camera in cameras)
        room = _MAX_SIZE[0] - _GAP * (len(cameras) + 1)
        height = int(min(_MAX_SIZE[1] - 2 * _GAP, room / aspect)) // 2 * 2
        self._cameras = list(cameras)
        self._ports = [
            Viewport((c.width, c.height), (round(c.width / c.height * height), height))
            for c in cameras
        ]
        width = sum(port.panel[0] + _GAP for port in self._ports) + _GAP
        self.size = ((width + 1) // 2 * 2, height + 2 * _GAP)

    def draw(self, frame: EventFrame, fps: float) -> np.ndarray:
        """(height, width, 3) uint8 BGR of one moment."""
        image, x = canvas.new_canvas(self.size[1], self.size[0], canvas.PANEL), _GAP
        for camera, port in zip(self._cameras, self._ports, strict=True):
            events = frame.events[camera.name]
            part = image[_GAP : _GAP + port.panel[1], x : x + port.panel[0]]
            part[:] = port.view(event_image(events, camera.width, camera.height))
            rate = f"{len(events) * fps / 1000:.0f} events per ms"
            canvas.text(part, (10, 24), camera.name, 15, bold=True)
            canvas.text(part, (10, 44), f"{frame.t_s:.2f} s", 14, canvas.MUTED)
            canvas.text(part, (10, 62), rate, 14, canvas.MUTED)
            x += port.panel[0] + _GAP
        return image


def render_events(
    path: Path,
    out: Path,
    topics: Sequence[str] | None = None,
    seconds: float = 20.0,
    fps: float = 25.0,
    partial: bool = False,
    progress: Callable[[float], None] | None = None,
) -> int:
    """Writes a video (.mp4) of any file of events, or a picture (.png) of its busiest moment.

    Args:
        topics: streams to show (default: all).
        partial: show what can be read of a damaged file.
        progress: called with the share done, 0 to 1.

    Returns:
        The number of moments looked at.

    Raises:
        ConfigError: if `out` is of another kind or `seconds` not positive.
        RecordingError: if the recording cannot be read or lacks a topic or events.
    """
    if Path(out).suffix not in (".mp4", ".png"):
        raise ConfigError(f"cannot write {out}: the name must end in .mp4 or .png")
    if not 1 <= seconds * fps <= _MAX_FRAMES:
        raise ConfigError(f"--seconds {seconds} must be from {1 / fps} to {_MAX_FRAMES / fps:.0f}")
    with open_events(path) as source:
        names = list(topics or source.streams)
        mosaic = Mosaic([source.require_stream(name) for name in names])
        frames = event_frames(source, names, fps, seconds, partial)
        if Path(out).suffix == ".png":
            return _write_busiest(path, out, frames, mosaic, fps)
        with VideoWriter(out, fps, mosaic.size) as video:
            for frame in frames:
                video.write(mosaic.draw(frame, fps))
                if progress is not None:
                    progress(max(source.share, video.frames / (seconds * fps)))
            if video.frames == 0:
                raise _no_events(path)
        return video.frames


def _write_busiest(
    path: Path, out: Path, frames: Iterator[EventFrame], mosaic: Mosaic, fps: float
) -> int:
    busiest, most, count = None, -1, 0
    for frame in frames:
        count += 1
        size = sum(len(events) for events in frame.events.values())
        if size > most:
            busiest, most = frame, size
    if busiest is None:
        raise _no_events(path)
    write_png(out, mosaic.draw(busiest, fps))
    return count


def _no_events(path: Path) -> RecordingError:
    return RecordingError(f"{path} holds no event; record it again")
