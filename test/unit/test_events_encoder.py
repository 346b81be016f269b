"""EVT3 encoder: packets that can be decoded alone, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_pose_ros.errors import EncodingError
from hybrid_pose_ros.events.decoder import PacketDecoder
from hybrid_pose_ros.events.encoder import MAX_STEP_FORWARD, encode_evt3
from hybrid_pose_ros.events.types import EVENT_DTYPE

WIDTH, HEIGHT = 1280, 720


def events_of(items: list[tuple[int, int, int, int]]) -> np.ndarray:
    """Events from (microseconds since the one before, x, y, p)."""
    events = np.array(items, EVENT_DTYPE)
    events["t"] = np.cumsum(events["t"]) * 1000
    return events


def test_events_encoded_packet_by_packet():
    rng = np.random.default_rng(5)
    events = np.zeros(5000, EVENT_DTYPE)
    events["t"] = np.sort(rng.integers(0, 40_000_000, 5000)) * 1000  # two wraps
    events["x"], events["y"] = rng.integers(0, WIDTH, 5000), rng.integers(0, HEIGHT, 5000)
    events["p"] = rng.integers(0, 2, 5000)
    decoder = PacketDecoder("evt3", WIDTH, HEIGHT)
    seen = []
    for start_ns in range(0, 40_000_000_000, 50_000_000):
        stop_ns = start_ns + 50_000_000
        a, b = np.searchsorted(events["t"], [start_ns, stop_ns])
        packet = decoder.decode(encode_evt3(events[a:b], stop_ns), 0)
        assert packet.t_end_ns == stop_ns  # known without any later event
        seen.append(packet.events)
    assert np.array_equal(np.concatenate(seen), events)


def test_packet_layout():
    events = events_of([(5000, x, 7, 1) if x == 20 else (0, x, 7, 1) for x in range(20, 40)])
    words = np.frombuffer(encode_evt3(events, 5_000_000 + 1_999), "<u2").tolist()
    assert words == [
        0x8001, 0x8001, 0x6000 | 904, 7, 0x3800 | 20, 0x4FFF, 0x3800 | 32, 0x40FF, 0x6000 | 905
    ]  # fmt: skip
    assert words[0] >> 12 == 0x8
    assert np.frombuffer(encode_evt3(events[:0], 4_096_000), "<u2").tolist() == [
        0x8001, 0x8001, 0x6000, 0x6000
    ]  # fmt: skip


def test_long_gaps_stay_unambiguous():
    gap_us = 3 * (1 << 24) + 17
    events = events_of([(1, 1, 1, 1), (gap_us, 1, 1, 1)])
    words = np.frombuffer(encode_evt3(events, int(events["t"][-1])), "<u2")
    assert np.count_nonzero(words >> 12 == 8) > gap_us // (MAX_STEP_FORWARD << 12)
    packet = PacketDecoder("evt3", WIDTH, HEIGHT).decode(words.tobytes(), 0)
    assert np.array_equal(packet.events, events)


def test_encoder_leaves_its_input_alone_and_accepts_read_only():
    events = events_of([(3, 1, 2, 1), (4, 1, 2, 0)])
    before = events.copy()
    events.flags.writeable = False
    encode_evt3(events, 1_000_000)
    assert np.array_equal(before, events)
    assert not events.flags.writeable


@pytest.mark.parametrize(
    ("items", "t_end_ns", "told"),
    [
        ([(5, 2048, 0, 0)], 9_000, "2048"),
        ([(5, 0, 2048, 0)], 9_000, "2048"),
        ([(5, 0, 0, 2)], 9_000, "polarity 2"),
        ([(5, 0, 0, 0)], 4_999, "4999"),
        ([(5, 0, 0, 0), (-1, 0, 0, 0)], 9_000, "not sorted"),
        ([], -1, "-1"),
    ],
)
def test_encoder_refuses(items, t_end_ns, told):
    with pytest.raises(EncodingError, match=told):
        encode_evt3(events_of(items), t_end_ns)
