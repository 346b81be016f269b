"""EVT3: words with known answers, wraps and glitches of the time, round trips, any packet cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.errors import EncodingError
from hybrid_pose_ros.events.codecs import evt3
from hybrid_pose_ros.events.codecs.evt3_count import upper_bounds
from hybrid_pose_ros.events.decoder import PacketDecoder
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.events.types import EVENT_DTYPE

WIDTH, HEIGHT = 1280, 720


def high(value: int) -> int:
    return 0x8000 | value & 0xFFF


def low(value: int) -> int:
    return 0x6000 | value & 0xFFF


def decode(*words: int, decoder: PacketDecoder | None = None):
    decoder = decoder or PacketDecoder("evt3", WIDTH, HEIGHT)
    return decoder.decode(np.array(words, "<u2").tobytes(), 0)


def rows(events: np.ndarray) -> list[tuple[int, int, int, int]]:
    return [tuple(int(value) for value in event) for event in events]


def make_events(items: list[tuple[int, int, int, int]]) -> np.ndarray:
    """Events from (microseconds since the one before, x, y, p)."""
    events = np.zeros(len(items), EVENT_DTYPE)
    for name, column in zip("xyp", (1, 2, 3), strict=True):
        events[name] = [item[column] for item in items]
    events["t"] = np.cumsum([item[0] for item in items], dtype=np.int64) * 1000
    return events


event_lists = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 0, 1, 5, 4095, 4096, 70_000, 9_000_000, 40_000_000]),
        st.integers(0, 40),
        st.integers(0, 3),
        st.integers(0, 1),
    ),
    max_size=40,
)


def test_single_events():
    packet = decode(high(2), low(5), 0x0000 | 7, 0x2000 | 100, 0x2800 | 101, low(6), 0x2000 | 3)
    assert rows(packet.events) == [
        (8197_000, 100, 7, 0),
        (8197_000, 101, 7, 1),
        (8198_000, 3, 7, 0),
    ]
    assert packet.t_end_ns == 8198_000
    assert packet.faults == {}


def test_vectors_move_their_base():
    packet = decode(high(0), low(1), 9, 0x3800 | 100, 0x4000 | 0x801, 0x5000 | 0xF81, 0x4001)
    assert [(x, y, p) for _, x, y, p in rows(packet.events)] == [
        (100, 9, 1),
        (111, 9, 1),
        (112, 9, 1),
        (119, 9, 1),  # only eight bits of the second word count
        (120, 9, 1),
    ]


def test_triggers_and_ignored_words():
    decoder = PacketDecoder("evt3", WIDTH, HEIGHT)
    packet = decode(high(1), low(0), 0xA301, 0xA200, 0xE014, 0x7001, 0xF001, decoder=decoder)
    assert packet.triggers == 2
    assert decoder.trigger_edges.tolist() == [[4096_000, 3, 1], [4096_000, 2, 0]]
    assert packet.faults == {}


def test_words_from_a_real_sensor():
    words = bytes.fromhex("908de66d5c026229908df36d")
    packet = PacketDecoder("evt3", WIDTH, HEIGHT).decode(words, 0)
    assert rows(packet.events) == [(((0xD90 << 12) | 0xDE6) * 1000, 0x162, 604, 1)]
    assert packet.t_end_ns == ((0xD90 << 12) | 0xDF3) * 1000


def test_nothing_before_the_first_time():
    packet = decode(7, 0x2001, low(3), 0x2001, high(0), 0x2001, low(3), 0x2001)
    assert rows(packet.events) == [(3000, 1, 7, 0)]
    assert packet.faults == {"no_time": 3}
    assert decode(low(4), 7).t_end_ns == -1


def test_nothing_before_the_first_address():
    packet = decode(high(0), low(0), 0x2001, 5, 0x4001, 0x2001)
    assert rows(packet.events) == [(0, 1, 5, 0)]
    assert packet.faults == {"no_address": 2}


def test_lost_packets_make_addresses_unknown_but_keep_the_time():
    decoder = PacketDecoder("evt3", WIDTH, HEIGHT)
    decode(high(4095), low(4000), 5, 0x3001, decoder=decoder)
    decoder.resynchronise()
    packet = decode(0x4001, high(0), low(1), 0x2002, 6, 0x2003, decoder=decoder)
    assert rows(packet.events) == [((1 << 24) * 1000 + 1000, 3, 6, 0)]
    assert packet.faults == {"no_address": 2}


def test_coordinates_outside_are_dropped_and_counted():
    decoder = PacketDecoder("evt3", 100, 50)
    packet = decode(high(0), low(0), 49, 0x2063, 0x2064, 0x3000 | 95, 0x4FFF, 50, 0x2001,
                    decoder=decoder)  # fmt: skip
    assert [x for _, x, _, _ in rows(packet.events)] == [99, 95, 96, 97, 98, 99]
    assert packet.faults == {"coordinate": 1 + 7 + 1}


def test_odd_byte_and_unknown_words_are_counted():
    decoder = PacketDecoder("evt3", WIDTH, HEIGHT)
    words = np.array([high(0), low(0), 0x1234, 0x9000, 1, 0x2001], "<u2").tobytes()
    packet = decoder.decode(words + b"x", 0)
    assert len(packet.events) == 1
    assert packet.faults == {"unknown_word": 2, "length": 1}


def test_byte_order():
    words = np.array([high(0), low(9), 1, 0x2002], ">u2").tobytes()
    packet = PacketDecoder("evt3", WIDTH, HEIGHT).decode(words, 0, is_bigendian=True)
    assert rows(packet.events) == [(9000, 2, 1, 0)]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, np.frombuffer])
def test_kinds_of_payload(kind):
    words = np.array([high(0), low(9), 1, 0x2002], "<u2").tobytes()
    payload = np.frombuffer(words, np.uint8) if kind is np.frombuffer else kind(words)
    assert len(PacketDecoder("evt3", WIDTH, HEIGHT).decode(payload, 0).events) == 1
    shifted = memoryview(b"?" + words)[1:]  # not aligned
    assert len(PacketDecoder("evt3", WIDTH, HEIGHT).decode(shifted, 0).events) == 1
    assert len(evt3._decode.signatures) == 1  # compiled once, at construction


def test_time_wraps_and_goes_on():
    words = [1]
    for value in (4000, 4095, 0, 1, 2040, 4080, 5):
        words += [high(value), high(value), low(0), 0x2001]
    times = decode(*words).events["t"] // 4_096_000
    assert times.tolist() == [4000, 4095, 4096, 4097, 6136, 8176, 8197]


def test_a_long_way_is_back_unless_packets_were_lost():
    words = [high(1000), low(0), 1, 0x2001], [high(100), high(100), low(5), 1, 0x2001]
    for lost, expected in ((False, 100), (True, 4196)):
        decoder = PacketDecoder("evt3", WIDTH, HEIGHT)
        decode(*words[0], decoder=decoder)
        if lost:
            decoder.resynchronise()
        packet = decode(*words[1], decoder=decoder)
        assert packet.events["t"].tolist() == [(expected << 12 | 5) * 1000]
        assert packet.t_end_ns == packet.events["t"][0]
        assert ("time_reset" in packet.faults) != lost


def test_a_large_step_is_believed_when_the_next_time_confirms_it():
    words = [1, high(5), low(7), 0x2001, high(500), low(8), 0x2002, high(501), 0x2003, low(9)]
    packet = decode(*words, 0x2004)
    assert rows(packet.events) == [
        ((5 << 12 | 7) * 1000, 1, 1, 0),
        ((501 << 12) * 1000, 3, 1, 0),
        ((501 << 12 | 9) * 1000, 4, 1, 0),
    ]
    assert packet.faults == {"no_time": 1}


def test_a_damaged_time_high_harms_nothing_after_the_next_one():
    words = [1, high(5), low(7), 0x2001, high(5 | 0x800), 0x2002, low(8), high(5), low(9), 0x2003]
    packet = decode(*words)
    assert rows(packet.events) == [
        ((5 << 12 | 7) * 1000, 1, 1, 0),
        ((5 << 12 | 9) * 1000, 3, 1, 0),
    ]
    assert packet.t_end_ns == (5 << 12 | 9) * 1000
    assert packet.faults["no_time"] == 1


def test_repeated_time_high_around_the_wrap_is_no_second_wrap():
    words = [1]
    for value in (4094, 4095, 0, 4095, 0, 1, 4095, 2):
        words += [high(value), low(0), 0x2001]
    packet = decode(*words)
    assert (packet.events["t"] // 4_096_000).tolist() == [
        4094, 4095, 4096, 4096, 4096, 4097, 4097, 4098
    ]  # fmt: skip
    assert packet.faults == {"time_backwards": 4}  # both words of two repetitions


def test_no_step_below_zero():
    packet = decode(1, high(0), low(7), high(4095), low(8), high(0), low(8), 0x2001)
    assert packet.events["t"].tolist() == [8000]


def test_time_low_of_the_old_time_high_is_not_used():
    packet = decode(1, high(1), low(4095), high(2), 0x2001, low(3), 0x2001)
    assert packet.events["t"].tolist() == [8192_000, 8195_000]
    assert packet.faults == {}


@given(event_lists, st.integers(0, 20_000_000))
@settings(max_examples=150, deadline=None)
def test_round_trip(items, rest_us):
    events = make_events(items)
    start_us = int(events["t"][0]) // 1000 if items else 0
    events["t"] -= start_us // (1 << 24) * (1 << 24) * 1000  # a receiver starts in the first wrap
    t_end_ns = (int(events["t"][-1]) if items else 0) + rest_us * 1000 + 999
    packet = PacketDecoder("evt3", WIDTH, HEIGHT).decode(encode_evt3(events, t_end_ns), 0)
    if not items:
        t_end_ns %= (1 << 24) * 1000
    assert rows(packet.events) == rows(events)
    assert packet.t_end_ns == t_end_ns // 1000 * 1000
    assert packet.faults == {}


@given(event_lists, st.data())
@settings(max_examples=100, deadline=None)
def test_any_cut_gives_the_same(items, data):
    events = make_events([(0, 0, 0, 0), *items])
    t_end_ns = int(events["t"][-1]) + 3000
    words = encode_evt3(events, t_end_ns)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(words) // 2), max_size=12)))
    decoder = PacketDecoder("evt3", WIDTH, HEIGHT)
    bounds = [0, *(2 * cut for cut in cuts), len(words)]
    parts = [decoder.decode(words[a:b], 0) for a, b in pairwise(bounds)]
    assert rows(np.concatenate([part.events for part in parts])) == rows(events)
    assert parts[-1].t_end_ns == t_end_ns
    ends = [part.t_end_ns for part in parts]
    assert ends == sorted(ends)
    for part in parts:
        assert all(part.events["t"] <= part.t_end_ns)


def test_decoder_refuses():
    with pytest.raises(EncodingError, match=r"'evt9'.*evt3, libcaer"):
        PacketDecoder("evt9", 10, 10)
    with pytest.raises(EncodingError, match="0 x 10"):
        PacketDecoder("evt3", 0, 10)


@given(st.lists(st.integers(0, 0xFFFF), max_size=40))
@settings(max_examples=200, deadline=None)
def test_room_is_made_for_all_events_and_triggers(words):
    events, triggers = upper_bounds(np.array(words, "<u2"))
    codes, rest = [word >> 12 for word in words], len(words) % 4
    counted = words[: len(words) - rest]
    found = sum((w & 0xFFF).bit_count() for w in counted if w >> 12 in (4, 5))
    found += sum(code == 2 for code in codes[: len(counted)])
    assert events == found + 12 * rest
    assert triggers == sum(code == 10 for code in codes[: len(counted)]) + rest
