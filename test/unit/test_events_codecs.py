"""The other encodings: packets with known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.events.decoder import PacketDecoder

EPOCH_NS = 1_700_000_000_123_456_018


def rows(events: np.ndarray) -> list[tuple[int, int, int, int]]:
    return [tuple(int(value) for value in event) for event in events]


def mono(*events: tuple[int, int, int, int], order: str = "<") -> bytes:
    words = [(p << 63) | (y << 48) | (x << 32) | dt for dt, x, y, p in events]
    return np.array(words, order + "u8").tobytes()


def libcaer(*events: tuple[int, int, int, int]) -> bytes:
    words = [(us << 32) | (x << 17) | (y << 2) | (p << 1) | 1 for us, x, y, p in events]
    return np.array(words, "<u8").tobytes()


def cmp(*words: int) -> bytes:
    return np.array(words, "<u2").tobytes()


def test_mono():
    packet = PacketDecoder("mono", 640, 480).decode(
        mono((0, 639, 479, 1), (4_000_000_000, 1, 2, 0)), EPOCH_NS
    )
    assert rows(packet.events) == [
        (EPOCH_NS, 639, 479, 1),
        (EPOCH_NS + 4_000_000_000, 1, 2, 0),
    ]
    assert packet.t_end_ns == EPOCH_NS + 4_000_000_000


def test_mono_of_a_big_endian_machine():
    packet = PacketDecoder("mono", 640, 480).decode(mono((7, 3, 4, 1), order=">"), 0, True)
    assert rows(packet.events) == [(7, 3, 4, 1)]


def test_mono_outside():
    packet = PacketDecoder("mono", 640, 480).decode(
        mono((5, 640, 0, 1), (6, 0, 480, 1), (7, 65535, 32767, 1), (8, 0, 0, 0)), 0
    )
    assert rows(packet.events) == [(8, 0, 0, 0)]
    assert packet.faults == {"coordinate": 3}


def test_trigger():
    decoder = PacketDecoder("trigger", 640, 480)
    packet = decoder.decode(mono((10, 0, 1, 1), (20, 0, 2, 0)), 100)
    assert len(packet.events) == 0
    assert packet.triggers == 2
    assert packet.t_end_ns == 120
    assert decoder.trigger_edges.tolist() == [[110, 1, 1], [120, 2, 0]]


def test_libcaer():
    packet = PacketDecoder("libcaer", 640, 480).decode(
        libcaer((5, 639, 0, 1), (6, 0, 479, 0)), EPOCH_NS
    )
    assert rows(packet.events) == [(EPOCH_NS + 5000, 639, 0, 1), (EPOCH_NS + 6000, 0, 479, 0)]
    assert packet.t_end_ns == EPOCH_NS + 6000


def test_libcaer_words_from_a_real_sensor():
    packet = PacketDecoder("libcaer", 640, 480).decode(
        bytes.fromhex("7705d2019cd6f07f"), 1_702_307_000_000_000_018
    )
    data, micros = 0x01D20577, 0x7FF0D69C
    assert rows(packet.events) == [
        (1_702_307_000_000_000_018 + micros * 1000, data >> 17, data >> 2 & 0x7FFF, 1)
    ]


def test_libcaer_rolls_over_within_a_packet():
    last = (1 << 31) - 1
    packet = PacketDecoder("libcaer", 640, 480).decode(
        libcaer((last, 1, 1, 1), (0, 2, 2, 0), (3, 3, 3, 0)), EPOCH_NS
    )
    steps = np.diff(packet.events["t"]).tolist()
    assert steps == [1000, 3000]
    assert packet.faults == {}


def test_libcaer_step_back_is_no_roll_over():
    packet = PacketDecoder("libcaer", 640, 480).decode(
        libcaer((10, 1, 1, 1), (9, 2, 2, 0), (11, 3, 3, 0)), 0
    )
    assert packet.events["t"].tolist() == [10_000, 10_000, 11_000]
    assert packet.faults == {"time_backwards": 1}


def test_libcaer_negative_time_is_dropped():
    packet = PacketDecoder("libcaer", 640, 480).decode(libcaer((1 << 31, 1, 1, 1)), 0)
    assert len(packet.events) == 0
    assert packet.faults == {"unknown_word": 1}


def test_libcaer_cmp():
    packet = PacketDecoder("libcaer_cmp", 346, 260).decode(
        cmp(
            0x2000 | 10,  # column
            0x3800 | 20,  # row 20, ON
            0x1000 | 5,  # 5 us
            0x4000 | 8,  # rows from 8, OFF
            0x5000 | 0x81,
            0x6000 | 0x801,  # twelve more rows, from 16
            0x0001,  # 4096 us more; the low part stays
            0x3000 | 1,
        ),
        EPOCH_NS,
    )
    assert rows(packet.events) == [
        (EPOCH_NS, 10, 20, 1),
        (EPOCH_NS + 5000, 10, 8, 0),
        (EPOCH_NS + 5000, 10, 15, 0),
        (EPOCH_NS + 5000, 10, 16, 0),
        (EPOCH_NS + 5000, 10, 27, 0),
        (EPOCH_NS + 4101_000, 10, 1, 0),
    ]


def test_libcaer_cmp_starts_anew_with_each_packet():
    decoder = PacketDecoder("libcaer_cmp", 346, 260)
    decoder.decode(cmp(0x2001, 0x0001, 0x4001), 0)
    packet = decoder.decode(cmp(0x3001, 0x5001, 0x2001, 0x3001, 0xF000), 9_000_000)
    assert rows(packet.events) == [(9_000_000, 1, 1, 0)]
    assert packet.faults == {"no_address": 2, "unknown_word": 1}


def test_libcaer_cmp_base_in_microseconds():
    packet = PacketDecoder("libcaer_cmp", 346, 260).decode(
        cmp(0x2001, 0x1003, 0x3001), 1_702_669_729_854_452
    )
    assert packet.events["t"].tolist() == [1_702_669_729_854_455_000]


def test_libcaer_cmp_outside():
    packet = PacketDecoder("libcaer_cmp", 346, 260).decode(
        cmp(0x2000 | 345, 0x4000 | 258, 0x5007, 0x2000 | 346, 0x3001), 0
    )
    assert [(x, y) for _, x, y, _ in rows(packet.events)] == [(345, 258), (345, 259)]
    assert packet.faults == {"coordinate": 2}


@pytest.mark.parametrize("encoding", ["mono", "libcaer", "trigger", "libcaer_cmp"])
def test_impossible_time_base(encoding):
    decoder = PacketDecoder(encoding, 640, 480)
    packet = decoder.decode(bytes(8), (1 << 64) - 1)
    assert len(packet.events) == 0
    assert packet.faults == {"time_base": 1}
    assert PacketDecoder("evt3", 640, 480).decode(bytes(8), (1 << 64) - 1).faults == {}


def test_a_restarted_clock_is_followed():
    decoder = PacketDecoder("mono", 640, 480)
    decoder.decode(mono((0, 1, 1, 1)), 100_000_000_000)
    packet = decoder.decode(mono((5, 1, 1, 1), (6, 1, 1, 1)), 0)
    assert packet.events["t"].tolist() == [5, 6]
    assert packet.t_end_ns == 6
    assert packet.faults == {"time_reset": 1}


@pytest.mark.parametrize("encoding", ["evt3", "libcaer", "libcaer_cmp", "mono", "trigger"])
def test_empty_and_short_payloads(encoding):
    decoder = PacketDecoder(encoding, 640, 480)
    empty = decoder.decode(b"", 0)
    assert (len(empty.events), empty.t_end_ns, empty.faults) == (0, -1, {})
    short = decoder.decode(b"\0", 0)
    assert (len(short.events), short.faults) == (0, {"length": 1})


item = st.tuples(
    st.integers(0, (1 << 31) - 1), st.integers(0, 639), st.integers(0, 479), st.integers(0, 1)
)


@given(st.lists(item, max_size=30), st.integers(0, EPOCH_NS))
@settings(max_examples=100, deadline=None)
def test_round_trips(items, base_ns):
    items.sort()
    decoded = PacketDecoder("mono", 640, 480).decode(mono(*items), base_ns)
    assert rows(decoded.events) == [(base_ns + t, x, y, p) for t, x, y, p in items]
    decoded = PacketDecoder("libcaer", 640, 480).decode(libcaer(*items), base_ns)
    assert rows(decoded.events) == [(base_ns + t * 1000, x, y, p) for t, x, y, p in items]
