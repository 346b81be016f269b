"""The hand-made event packet parser against the generic one."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.data.cdr import build_event_packet, parse_event_packet, restamp
from hybrid_pose_ros.data.typestore import EVENT_PACKET, header, make_message, message_types
from hybrid_pose_ros.errors import EncodingError

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
packets = st.fixed_dictionaries(
    {
        "stamp": st.integers(0, 2**31 * 10**9 - 1),
        "frame_id": text,
        "width": st.integers(0, 2**32 - 1),
        "height": st.integers(0, 2**32 - 1),
        "seq": st.integers(0, 2**64 - 1),
        "time_base": st.integers(0, 2**64 - 1),
        "encoding": text,
        "is_bigendian": st.booleans(),
        "events": st.binary(max_size=40),
    }
)


def serialise(fields: dict, little_endian: bool) -> bytes:
    fields = dict(fields)
    fields["header"] = header(fields.pop("stamp"), fields.pop("frame_id"))
    fields["events"] = np.frombuffer(fields["events"], np.uint8)
    message = make_message(EVENT_PACKET, fields)
    return bytes(message_types().serialize_cdr(message, EVENT_PACKET, little_endian=little_endian))


@given(packets, st.booleans())
@settings(max_examples=100, deadline=None)
def test_same_as_the_generic_deserialiser(fields, little_endian):
    raw = serialise(fields, little_endian)
    record = parse_event_packet(raw, "/cam/events", 7)
    assert (record.topic, record.log_time_ns, record.raw) == ("/cam/events", 7, raw)
    assert bytes(record.payload) == fields["events"]
    found = (record.stamp_ns, record.frame_id, record.width, record.height, record.seq)
    assert found == tuple(fields[k] for k in ("stamp", "frame_id", "width", "height", "seq"))
    found = (record.time_base_ns, record.encoding, record.is_bigendian)
    assert found == tuple(fields[k] for k in ("time_base", "encoding", "is_bigendian"))
    assert parse_event_packet(restamp(raw, 5_000_000_006)).stamp_ns == 5_000_000_006
    if little_endian and not fields["is_bigendian"]:
        built = build_event_packet(
            fields["events"],
            stamp_ns=fields["stamp"],
            frame_id=fields["frame_id"],
            width=fields["width"],
            height=fields["height"],
            seq=fields["seq"],
            encoding=fields["encoding"],
            time_base_ns=fields["time_base"],
        )
        assert built == raw


def test_not_a_packet():
    raw = build_event_packet(b"12345678", stamp_ns=0, frame_id="cam", width=1, height=1, seq=3)
    with pytest.raises(EncodingError, match="packet 3 is cut short: 5 of 8"):
        parse_event_packet(raw[:-3])
    for broken in (b"", b"\0\1", raw[:20], b"\7" + raw[1:], raw[:12] + b"\xff" * 4 + raw[16:]):
        with pytest.raises(EncodingError, match=r"/cam/events.*EventPacket"):
            parse_event_packet(broken, "/cam/events")


def test_mutations_raise_nothing_else():
    rng = random.Random(4)
    raw = build_event_packet(bytes(40), stamp_ns=9, frame_id="cam", width=1, height=1, seq=3)
    parsed = 0
    for _ in range(5000):
        broken = bytearray(raw)
        for _ in range(rng.randrange(1, 4)):
            broken[rng.randrange(len(raw))] = rng.randrange(256)
        try:
            parsed += len(parse_event_packet(bytes(broken[: rng.randrange(len(raw) + 1)])).payload)
        except EncodingError:
            continue
    assert parsed > 0
