"""Collector: grid times from stamps that are late, lost, out of order, or from another time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.runtime.collector import Collector

PERIOD = 10_000_000
START = 1_700_000_000_003_217_000  # not a multiple of the period


def feed(collector, deliveries):
    """deliveries: (camera, bin or fraction of a bin) in order of arrival; returns the ticks."""
    ticks = []
    for camera, index in deliveries:
        ticks += collector.add(camera, START + round(index * PERIOD))[1]
    return ticks


def summary(ticks):
    return [(tick.t_ns - START) / PERIOD for tick in ticks]


def two():
    return Collector(["a", "b"], PERIOD, 5)


def both(first, last):
    return [(camera, k) for k in range(first, last) for camera in "ab"]


def test_a_cell_is_given_out_when_all_have_delivered():
    collector = two()
    assert feed(collector, [("b", 0)]) == []
    assert summary(feed(collector, [("a", 0)])) == [0]
    assert feed(collector, [("a", 1), ("a", 2)]) == []
    assert summary(feed(collector, [("b", 1)])) == [1]
    assert summary(feed(collector, [("b", 2)])) == [2]


def test_a_lost_bin_is_not_waited_for_once_the_camera_has_gone_on():
    cells = feed(two(), [*both(0, 2), ("a", 2), ("b", 3), ("a", 3)])
    assert summary(cells) == [0, 1, 2, 3]


def test_a_bin_that_all_lost_is_an_empty_cell_but_a_long_gap_is_none():
    collector = two()
    assert summary(feed(collector, [*both(0, 1), *both(3, 4)])) == [
        0, 1, 2, 3,
    ]  # fmt: skip
    assert summary(feed(collector, both(40, 41))) == [40]


def test_a_camera_that_stops_is_left_behind_after_five_periods():
    collector = two()
    feed(collector, both(0, 10))
    assert feed(collector, [("a", k) for k in range(10, 15)]) == []
    assert collector.live("b")
    late = feed(collector, [("a", 15)])
    assert summary(late) == list(range(10, 16))
    assert not collector.live("b")
    assert summary(feed(collector, [("a", 16)])) == [16]


def test_a_camera_that_comes_back_is_taken_again():
    collector = two()
    feed(collector, both(0, 3))
    feed(collector, [("a", k) for k in range(3, 30)])
    assert summary(feed(collector, [("a", 30), ("b", 30), ("a", 31), ("b", 31)])) == [
        30, 31,
    ]  # fmt: skip
    assert collector.live("b")


def test_late_poses_complete_nothing():
    collector = two()
    feed(collector, both(0, 10))
    assert feed(collector, [("b", 4), ("b", 9)]) == []
    assert summary(feed(collector, both(10, 11))) == [10]


def test_out_of_order_within_what_waits_is_sorted():
    collector = two()
    cells = feed(collector, [*both(0, 1), ("a", 2), ("a", 1), ("b", 1), ("b", 2)])
    assert summary(cells) == [0, 1, 2]


@pytest.mark.parametrize("bins", [100_000, 30, -30, -100_000])
def test_one_camera_that_jumps_in_time_is_ignored_until_it_is_back(bins):
    collector = two()
    feed(collector, both(0, 10))
    ticks = []
    for k in range(10, 60):
        ticks += feed(collector, [("a", k)])
        believed, more = collector.add("b", START + (k + bins) * PERIOD)
        assert not believed
        assert more == []
    assert summary(ticks) == list(range(10, 60))
    assert collector.counters("b")["jumps"] == 50
    assert not collector.live("b")
    assert not any(tick.restart for tick in ticks)
    assert summary(feed(collector, both(60, 62))) == [60, 61]
    assert collector.live("b")


def test_a_stall_is_no_jump():
    """One camera delivers nothing for half a second, then everything at once."""
    collector = two()
    feed(collector, both(0, 10))
    feed(collector, [("a", k) for k in range(10, 60)])
    assert all(collector.add("b", START + k * PERIOD)[0] for k in range(10, 60))
    assert collector.live("b")


@pytest.mark.parametrize("offset", [-100_000, 100_000])
def test_all_cameras_jumping_is_a_new_start(offset):
    collector = two()
    feed(collector, both(0, 10))
    cells = feed(collector, both(offset, offset + 10))
    assert [cell.restart for cell in cells] == [True] + [False] * (len(cells) - 1)
    assert summary(cells)[-1] == offset + 9
    assert len(cells) >= 8


def test_flush_gives_out_what_waits():
    collector = two()
    feed(collector, [*both(0, 2), ("a", 2), ("a", 3)])
    assert summary(collector.flush()) == [2, 3]
    assert collector.flush() == []
    assert feed(collector, [("b", 3)]) == []


def test_cameras_with_other_phases_share_cells():
    """Clocks 4.5 ms apart with 1 ms of jitter: the grid settles between them."""
    rng = np.random.default_rng(0)
    order = [(c, k + {"a": 0, "b": 0.45}[c] + rng.uniform(-0.05, 0.05)) for c, k in both(0, 400)]
    cells = feed(two(), order)
    assert len(cells) >= 398
    offsets = np.array(summary(cells[100:]))
    assert np.mean((offsets + 0.5) % 1 - 0.5) == pytest.approx(0.225, abs=0.02)


def test_a_drifting_clock_is_followed():
    """500 ppm against the grid: two periods in 40 s, and yet no cell is lost or empty."""
    ticks = feed(two(), [(c, k * 1.0005) for c, k in both(0, 4_000)])
    assert len(ticks) == 4_000
    assert np.abs(np.array(summary(ticks)) - 1.0005 * np.arange(4_000)).max() < 0.2


def test_memory_is_bounded():
    collector = Collector(["a", "b", "c"], PERIOD, 5)
    for k in range(2000):
        feed(collector, [("a", k), ("b", k + 0.3 * (k % 3)), ("c", k % 7)])
        assert sum(len(found) for found in collector._pending.values()) < 30


@settings(max_examples=100, deadline=None)
@given(
    lost=st.sets(st.tuples(st.sampled_from("abc"), st.integers(0, 29)), max_size=40),
    seed=st.integers(0, 2**32 - 1),
)
def test_cells_do_not_depend_on_how_cameras_interleave(lost, seed):
    """Each camera is in order; which of them comes first is chance (up to three bins)."""
    deliveries = [(c, k) for k in range(30) for c in "abc" if (c, k) not in lost]
    # The last bins are complete, so that nothing is left waiting; all start together.
    deliveries = sorted(
        {*deliveries, *[(c, k) for k in (0, 30, 31) for c in "abc"]}, key=lambda d: d[1]
    )
    delay = np.random.default_rng(seed).uniform(0, 3, len(deliveries))
    arrival = {}
    for (camera, k), extra in zip(deliveries, delay, strict=True):
        arrival[camera, k] = max(k + extra, arrival.get(camera, 0) + 1e-6)
        arrival[camera] = arrival[camera, k]
    shuffled = sorted(deliveries, key=lambda d: arrival[d])
    make = lambda: Collector("abc", PERIOD, 100)  # noqa: E731 - nobody is given up
    plain = summary(feed(make(), deliveries))
    assert summary(feed(make(), shuffled)) == plain
    assert plain == sorted(set(plain))
