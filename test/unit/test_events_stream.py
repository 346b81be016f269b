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


@pytest.mark.parametrize(("encoding", "kept"), [("mono", 1), ("evt3", 0)])
def test_an_overtaken_packet_is_no_new_start(encoding, kept):
    """Those that stand for themselves are decoded, others would spoil the state."""
    stream = PacketStream()
    payload = FULL if encoding == "evt3" else (5).to_bytes(8, "little")
    kinds = [{"seq": 9, "stamp_ns": 10**9}, {"seq": 11, "stamp_ns": 10**9 + 2},
             {"seq": 10, "stamp_ns": 10**9 + 1}]  # fmt: skip
    found = [stream.decode(packet(payload, encoding=encoding, **kind)) for kind in kinds]
    assert [len(one.events) for one in found] == [1, 1, kept]
    assert (stream.late, stream.restarts, stream.lost) == (1, 0, 1)
    stream.decode(packet(payload, 12, encoding=encoding, stamp_ns=10**9 + 3))
    assert stream.gaps == 1


def test_a_repeated_packet_is_late():
    stream = PacketStream()
    for _ in range(2):
        repeated = stream.decode(packet(FULL, 9, stamp_ns=10**9))
    assert (len(repeated.events), stream.late) == (0, 1)


def test_a_restarted_driver_has_later_stamps():
    stream = PacketStream()
    stream.decode(packet(FULL, 9, stamp_ns=10**9))
    stream.decode(packet(FULL, 3, stamp_ns=2 * 10**9))
    stream.decode(packet(FULL, 0, stamp_ns=10**8))  # a bag that loops
    assert (stream.restarts, stream.late) == (2, 0)


def test_unknown_encoding():
    with pytest.raises(EncodingError, match="'evt21'"):
        PacketStream().decode(packet(FULL, 0, encoding="evt21"))
