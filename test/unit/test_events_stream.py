"""PacketStream: lost packets, restarted drivers, cameras that change."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_pose_ros.data.cdr import build_event_packet, parse_event_packet
from hybrid_pose_ros.errors import EncodingError
from hybrid_pose_ros.events.stream import PacketStream

FULL = np.array([0x8000, 0x6001, 0x0005, 0x2001], "<u2").tobytes()
REST = np.array([0x2002], "<u2").tobytes()


def packet(payload: bytes, seq: int, **changes):
    fields = {"stamp_ns": 0, "frame_id": "cam", "width": 346, "height": 260, "seq": seq}
    return parse_event_packet(build_event_packet(payload, **{**fields, **changes}))


def test_gaps():
    stream = PacketStream()
    assert len(stream.decode(packet(FULL, 100)).events) == 1
    assert len(stream.decode(packet(REST, 101)).events) == 1
    lost = stream.decode(packet(REST, 105))
    assert (len(lost.events), lost.faults) == (0, {"no_address": 1})
    assert (stream.gaps, stream.lost, stream.restarts) == (1, 3, 0)


def test_unnumbered_packets_are_no_gaps():
    stream = PacketStream()
    for _ in range(3):
        stream.decode(packet(FULL, 0))
    assert (stream.gaps, stream.restarts) == (0, 0)


@pytest.mark.parametrize("changes", [{"seq": 3}, {"width": 640}, {"encoding": "mono"}])
def test_a_new_decoder(changes):
    stream = PacketStream()
    stream.decode(packet(FULL, 9))
    changed = stream.decode(packet(REST, **{"seq": 10, **changes}))
    assert len(changed.events) == 0  # nothing is left of the old stream
    assert stream.restarts == 1


def test_unknown_encoding():
    with pytest.raises(EncodingError, match="'evt21'"):
        PacketStream().decode(packet(FULL, 0, encoding="evt21"))
