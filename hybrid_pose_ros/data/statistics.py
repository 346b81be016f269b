"""What a file of events holds, in numbers that can be compared between decoders."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid_pose_ros.data.event_source import readable
from hybrid_pose_ros.data.rate_histogram import RateHistogram

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hybrid_pose_ros.data.event_source import EventChunk, EventSource, StreamInfo

_MODULUS = 1 << 64  # sums wrap as 64-bit integers do, so that other decoders can be compared
_SUMMED = (
    "packets",
    "bytes",
    "events",
    "on",
    "off",
    "triggers",
    "gaps",
    "lost_packets",
    "restarts",
)


class EventStatistics:
    """Counts and sums over the events of one stream."""

    def __init__(self, info: StreamInfo) -> None:
        self._info = info
        self._packets = self._events = self._on = self._triggers = self._bytes = 0
        self._sums = {"t": 0, "x": 0, "y": 0}
        self._first_t_ns: int | None = None
        self._last_t_ns: int | None = None
        self._pause_ns = 0
        self._faults: Counter[str] = Counter()
        self._losses: Counter[str] = Counter()
        self._rates = RateHistogram()

    def add(self, chunk: EventChunk) -> None:
        """Take in the next chunk."""
        self._packets += 1
        self._bytes += chunk.size
        self._triggers += len(chunk.triggers)
        self._faults.update(chunk.faults)
        self._losses.update(chunk.losses)
        events = chunk.events
        if len(events) == 0:
            return
        self._events += len(events)
        self._on += int(np.count_nonzero(events["p"]))
        for name in self._sums:
            # uint64 arithmetic wraps by itself
            total = int(events[name].astype(np.uint64).sum(dtype=np.uint64))
            self._sums[name] = (self._sums[name] + total) % _MODULUS
        self._add_times(events["t"])

    def _add_times(self, times: np.ndarray) -> None:
        before_ns = times[0] if self._last_t_ns is None else self._last_t_ns
        steps = np.diff(times, prepend=before_ns)
        # Decoders of packets tell this themselves; columns of a file come as they are.
        backwards = int(np.count_nonzero(steps < 0))
        if backwards and not self._faults.keys() & {"time_reset", "time_backwards"}:
            self._faults["order"] += backwards
        self._pause_ns = max(self._pause_ns, int(steps.max()))
        if self._first_t_ns is None:
            self._first_t_ns = int(times[0])
        self._last_t_ns = int(times[-1])
        self._rates.add(times)

    def summary(self) -> dict[str, Any]:
        """The numbers; times in ns of the sensor's clock, rates in events per second."""
        duration_ns = (self._last_t_ns or 0) - (self._first_t_ns or 0)
        return {
            "encoding": self._info.encoding,
            "width": self._info.width,
            "height": self._info.height,
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
            "rates": {"bin_ns": self._rates.bin_ns, "per_second": self._rates.per_second()},
            "longest_pause_ns": self._pause_ns,
            "gaps": self._losses["gaps"],
            "lost_packets": self._losses["lost_packets"],
            "restarts": self._losses["restarts"],
            "faults": dict(self._faults),
        }


def summarise(
    source: EventSource,
    streams: Sequence[str] | None = None,
    partial: bool = False,
    progress: Callable[[float], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """EventStatistics.summary of every stream of a file.

    Args:
        streams: names (default: all).
        partial: of a damaged file, tell what could be read; fault "damage" then counts it.
        progress: called with the share done, 0 to 1.

    Raises:
        RecordingError: if a stream is missing, or the file damaged.
    """
    names = list(source.streams if streams is None else streams)
    statistics = {name: EventStatistics(source.require_stream(name)) for name in names}
    damaged = False
    for item in readable(source, names, partial):
        if isinstance(item, str):
            damaged = True
            break
        statistics[item.stream].add(item)
        if progress is not None:
            progress(source.share)
    found = {name: camera.summary() for name, camera in statistics.items()}
    if damaged:
        for numbers in found.values():
            numbers["faults"]["damage"] = 1
    return found


def total(cameras: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The numbers of all streams together; sizes are None where they differ."""
    numbers = list(cameras.values())
    firsts = [n["first_t_ns"] for n in numbers if n["first_t_ns"] is not None]
    lasts = [n["last_t_ns"] for n in numbers if n["last_t_ns"] is not None]
    faults: Counter[str] = Counter()
    for camera in numbers:
        faults.update(camera["faults"])
    sizes = {(n["width"], n["height"]) for n in numbers}
    width, height = sizes.pop() if len(sizes) == 1 else (None, None)
    result: dict[str, Any] = {"width": width, "height": height}
    result.update({key: sum(n[key] for n in numbers) for key in _SUMMED})
    for key in ("sum_t_ns", "sum_x", "sum_y"):
        result[key] = sum(n[key] for n in numbers) % _MODULUS
    result["first_t_ns"], result["last_t_ns"] = min(firsts, default=None), max(lasts, default=None)
    return {**result, "faults": dict(faults)}
