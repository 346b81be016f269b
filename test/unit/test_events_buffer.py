"""EventBuffer: windows do not depend on packets, memory is bounded, wrong times are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.events.buffer import EventBuffer
from hybrid_pose_ros.events.decoder import PacketDecoder
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.events.types import EVENT_DTYPE

MS = 1_000_000


def make_events(*times: int) -> np.ndarray:
    """Events at these times, numbered by x."""
    events = np.zeros(len(times), EVENT_DTYPE)
    events["t"] = times
    events["x"] = np.arange(len(times)) % 65536
    return events


def no_refusals(buffer: EventBuffer) -> bool:
    return not any(buffer.counters.values())


def test_window_and_last():
    buffer = EventBuffer()
    assert (buffer.watermark_ns, buffer.begin_ns, len(buffer)) == (-1, -1, 0)
    assert len(buffer.window(0, 100)) == 0
    assert buffer.append(make_events(10, 20, 20, 30), 40)
    assert (buffer.watermark_ns, buffer.begin_ns) == (40, 10)
    assert buffer.window(10, 30)["t"].tolist() == [10, 20, 20]
    assert buffer.window(11, 31)["t"].tolist() == [20, 20, 30]
    assert len(buffer.window(30, 10)) == 0
    assert buffer.last(2, 30)["x"].tolist() == [1, 2]
    assert buffer.last(9, 31, after_ns=20)["t"].tolist() == [20, 20, 30]
    assert len(buffer.last(0, 100)) == 0
    assert no_refusals(buffer)


def test_views_are_read_only_and_stay():
    buffer = EventBuffer(horizon_ns=10 * MS)
    buffer.append(make_events(*range(1000)), 1000)
    view = buffer.window(0, 1000)
    with pytest.raises(ValueError, match="read-only"):
        view["x"][0] = 1
    kept = view.copy()
    for start in range(1000, 400 * MS, MS):
        buffer.append(make_events(*range(start, start + 1000)), start + 1000)
    assert np.array_equal(view, kept)


def test_input_is_copied():
    buffer, events = EventBuffer(), make_events(1, 2, 3)
    buffer.append(events, 3)
    events["t"] = 0
    assert buffer.window(0, 9)["t"].tolist() == [1, 2, 3]


def test_empty_packets_move_the_time():
    buffer = EventBuffer()
    assert buffer.append(make_events(), -1)
    assert buffer.watermark_ns == -1
    buffer.append(make_events(), 5)
    assert (buffer.watermark_ns, buffer.begin_ns) == (5, -1)
    buffer.append(make_events(), 3)
    assert buffer.watermark_ns == 5
    buffer.append(make_events(7), 10**9)
    assert buffer.begin_ns == 7


def test_restart_of_a_quiet_stream():
    buffer = EventBuffer(horizon_ns=100 * MS)
    buffer.append(make_events(5), 10 * MS)
    assert not buffer.append(make_events(), 900 * MS)
    assert buffer.append(make_events(), 905 * MS)
    assert (buffer.begin_ns, buffer.watermark_ns, len(buffer)) == (900 * MS, 905 * MS, 0)


def test_old_events_are_refused():
    buffer = EventBuffer()
    buffer.append(make_events(10), 100)
    assert buffer.append(make_events(50, 99, 100, 101), 120)
    assert buffer.window(0, 200)["t"].tolist() == [10, 100, 101]
    assert buffer.counters["old"] == 2


def test_unordered_packets_are_sorted():
    buffer = EventBuffer()
    buffer.append(make_events(30, 10, 20, 10), 0)
    assert buffer.window(0, 99)["x"].tolist() == [1, 3, 2, 0]
    assert buffer.watermark_ns == 30
    assert buffer.counters["unordered"] == 1


def test_one_packet_from_the_future_is_refused():
    buffer = EventBuffer(horizon_ns=100 * MS)
    buffer.append(make_events(5), 10 * MS)
    assert not buffer.append(make_events(900 * MS), 901 * MS)
    assert buffer.append(make_events(11 * MS), 12 * MS)
    assert buffer.window(0, 10**12)["t"].tolist() == [5, 11 * MS]
    assert buffer.counters["future"] == 1
    assert not buffer.append(make_events(902 * MS), 903 * MS)  # the first one is forgotten


@pytest.mark.parametrize(("jump", "key"), [(900 * MS, "future"), (0, "past")])
def test_two_packets_that_agree_restart(jump, key):
    buffer = EventBuffer(horizon_ns=100 * MS)
    buffer.append(make_events(500 * MS), 510 * MS)
    assert not buffer.append(make_events(jump, jump + 1), jump + 5 * MS)
    assert buffer.append(make_events(jump + 6 * MS), jump + 10 * MS)
    assert (buffer.begin_ns, buffer.watermark_ns) == (jump, jump + 10 * MS)
    assert buffer.window(0, 10**12)["t"].tolist() == [jump, jump + 1, jump + 6 * MS]
    assert {k: n for k, n in buffer.counters.items() if n} == {key: 1, "restarts": 1}


def test_horizon():
    buffer = EventBuffer(horizon_ns=100)
    buffer.append(make_events(*range(0, 1000, 10)), 1000)
    assert buffer.begin_ns == 900
    assert buffer.window(0, 2000)["t"].tolist() == list(range(900, 1000, 10))
    assert no_refusals(buffer)


def test_capacity():
    buffer = EventBuffer(capacity=100)
    buffer.append(make_events(*range(60)), 60)
    buffer.append(make_events(*range(60, 120)), 120)
    assert len(buffer) == 100
    assert (buffer.begin_ns, buffer.counters["overflow"]) == (20, 20)
    buffer.append(make_events(*range(120, 420)), 420)
    assert len(buffer) == 100
    assert buffer.window(0, 999)["t"].tolist() == list(range(320, 420))
    assert (buffer.begin_ns, buffer.counters["overflow"]) == (320, 320)


def test_memory_is_bounded():
    buffer = EventBuffer(horizon_ns=100 * MS, capacity=50_000)
    times = np.linspace(0, MS - 1, 4000).astype(np.int64)
    for n in range(1000):
        buffer.append(make_events(*(times + n * MS)) if n == 0 else _at(times + n * MS), n * MS)
        assert len(buffer) <= 50_000
    assert buffer._room.nbytes <= 16 * 4 * 50_000


def _at(times: np.ndarray) -> np.ndarray:
    events = np.zeros(len(times), EVENT_DTYPE)
    events["t"] = times
    return events


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_any_packets_give_the_same_windows(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    count, bin_ns = data.draw(st.integers(0, 300)), 10 * MS
    events = np.zeros(count, EVENT_DTYPE)
    events["t"] = np.sort(rng.integers(0, 100_000, count)) * 1000
    events["x"], events["y"] = rng.integers(0, 60, count), rng.integers(0, 4, count)
    events["p"] = rng.integers(0, 2, count)
    words = encode_evt3(events, 100 * MS)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(words) // 2), max_size=20)))
    decoder, buffer, due = PacketDecoder("evt3", 346, 260), EventBuffer(), 0
    for a, b in zip([0, *cuts], [*cuts, len(words) // 2], strict=True):
        packet = decoder.decode(words[2 * a : 2 * b], 0)
        buffer.append(packet.events, packet.t_end_ns)
        while (due + 1) * bin_ns <= buffer.watermark_ns:
            start, stop = due * bin_ns, (due + 1) * bin_ns
            expected = events[(events["t"] >= start) & (events["t"] < stop)]
            assert np.array_equal(buffer.window(start, stop), expected)
            expected = events[events["t"] < stop][-50:]
            assert np.array_equal(buffer.last(50, stop), expected)
            due += 1
    assert due == 10
    assert buffer.begin_ns == (int(events["t"][0]) if count else -1)
    assert no_refusals(buffer)


def test_a_packet_that_reaches_too_far_is_cut_off():
    """One damaged time at its end must not make all later packets old."""
    buffer = EventBuffer(horizon_ns=100 * MS)
    buffer.append(make_events(5), 10 * MS)
    assert buffer.append(make_events(11 * MS, 12 * MS, 900 * MS), 900 * MS)
    assert buffer.append(make_events(13 * MS), 14 * MS)
    assert buffer.window(0, 10**12)["t"].tolist() == [5, 11 * MS, 12 * MS, 13 * MS]
    assert {k: n for k, n in buffer.counters.items() if n} == {"future": 1}
