"""Chunks of events to serialised event packets, whatever file they come from."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hybrid_pose_ros.data.cdr import build_event_packet
from hybrid_pose_ros.errors import EncodingError
from hybrid_pose_ros.events.codecs.stream import RESET_NS
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.events.plain_packets import encode_mono, encode_triggers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybrid_pose_ros.data.event_source import EventChunk, StreamInfo

ENCODINGS = ("mono", "evt3")
# Chunks of a file that was not packed by a driver are cut so that a node sees them in good time.
PERIOD_NS = 5_000_000
# A receiver of EVT3 sees 24 bits of the microseconds: it takes a longer step for a smaller one.
_EVT3_STEP_NS = 8_000_000_000


class Packet(NamedTuple):
    """A serialised message: its stamp (ROS time), its bytes, and whether it holds triggers."""

    stamp_ns: int
    raw: bytes
    is_trigger: bool


class Packer:
    """Packs the chunks of one stream.

    Attributes:
        moved: events whose time ran backwards a little and was set to the latest, as decoders do.
    """

    def __init__(self, info: StreamInfo, encoding: str = "mono") -> None:
        """Prepare to pack.

        Raises:
            EncodingError: if the encoding is none of ENCODINGS.
        """
        if encoding not in ENCODINGS:
            raise EncodingError(
                f"encoding '{encoding}' cannot be written; choose one of {', '.join(ENCODINGS)}"
            )
        self._info, self._encoding = info, encoding
        self._seq = self._trigger_seq = 0
        self._latest_ns = self._end_ns = -1
        self.moved = 0

    def pack(self, chunk: EventChunk) -> Iterator[Packet]:
        """The packets of the next chunk, at least one if a driver packed it."""
        self._seq += chunk.losses.get("lost_packets", 0)
        if len(chunk.triggers):
            yield from self._triggers(chunk)
        if not len(chunk.events):
            if chunk.stamp_ns is not None and not len(chunk.triggers):
                yield from self._packet(chunk.events, chunk.t_end_ns, chunk.stamp_ns)
            return
        parts = self._parts(chunk)
        for number, events in enumerate(parts):
            end_ns = int(events["t"][-1])
            if number == len(parts) - 1:
                end_ns = max(end_ns, chunk.t_end_ns) if self._encoding == "evt3" else end_ns
            stamp_ns = end_ns if chunk.stamp_ns is None else chunk.stamp_ns
            yield from self._packet(events, end_ns, stamp_ns)

    def _parts(self, chunk: EventChunk) -> list[np.ndarray]:
        """The events in order, cut where a packet must end."""
        parts = []
        for run in _runs(chunk.events["t"]):
            events = chunk.events[run]
            times = events["t"]
            first_ns = int(times[0])
            if first_ns < self._latest_ns <= first_ns + RESET_NS:
                first_ns = self._latest_ns
            tidy = np.maximum.accumulate(np.maximum(times, first_ns))
            moved = int(np.count_nonzero(tidy != times))
            if moved:
                self.moved += moved
                events = events.copy()
                events["t"] = tidy
            self._latest_ns = int(tidy[-1])
            period_ns = PERIOD_NS if chunk.stamp_ns is None else RESET_NS
            cuts = np.flatnonzero(np.diff(tidy // period_ns)) + 1
            parts += np.split(events, cuts)
        return parts

    def _packet(self, events: np.ndarray, end_ns: int, stamp_ns: int) -> Iterator[Packet]:
        if self._encoding == "mono":
            base_ns, payload = encode_mono(events)
            base_ns = base_ns if len(events) else max(end_ns, 0)
            yield Packet(stamp_ns, self._message(payload, stamp_ns, base_ns), False)
            return
        start_ns = int(events["t"][0]) if len(events) else end_ns
        while 0 <= self._end_ns < start_ns - _EVT3_STEP_NS:
            self._end_ns += _EVT3_STEP_NS
            payload = encode_evt3(events[:0], self._end_ns)
            yield Packet(stamp_ns, self._message(payload, stamp_ns, 0), False)
        if end_ns >= 0:  # time is not known before the first event
            self._end_ns = end_ns
            payload = encode_evt3(events, end_ns)
            yield Packet(stamp_ns, self._message(payload, stamp_ns, 0), False)

    def _message(self, payload: bytes, stamp_ns: int, base_ns: int) -> bytes:
        info = self._info
        self._seq += 1
        return build_event_packet(
            payload, stamp_ns=stamp_ns, frame_id=info.frame_id, width=info.width,
            height=info.height, seq=self._seq - 1, encoding=self._encoding, time_base_ns=base_ns,
        )  # fmt: skip

    def _triggers(self, chunk: EventChunk) -> Iterator[Packet]:
        info = self._info
        cuts = np.flatnonzero(np.diff(chunk.triggers[:, 0] // RESET_NS)) + 1
        for edges in np.split(chunk.triggers, cuts):
            edges = edges[np.argsort(edges[:, 0], kind="stable")]
            base_ns, payload = encode_triggers(edges)
            stamp_ns = int(edges[-1, 0]) if chunk.stamp_ns is None else chunk.stamp_ns
            raw = build_event_packet(
                payload, stamp_ns=stamp_ns, frame_id=info.frame_id, width=info.width,
                height=info.height, seq=self._trigger_seq, encoding="trigger",
                time_base_ns=base_ns,
            )  # fmt: skip
            self._trigger_seq += 1
            yield Packet(stamp_ns, raw, True)


def trigger_topic(topic: str) -> str:
    """Where the triggers of a stream go, such as /cam2/triggers."""
    return topic.removesuffix("/events") + "/triggers"


def _runs(times: np.ndarray) -> list[slice]:
    """The parts between steps back that are so large that the sensor's clock was restarted."""
    cuts = [0, *(np.flatnonzero(np.diff(times) < -RESET_NS) + 1).tolist(), len(times)]
    return [slice(start, stop) for start, stop in pairwise(cuts)]
