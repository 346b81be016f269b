"""EventBuffer with time for reordering: windows do not depend on the order of arrival."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.events.buffer import EventBuffer
from hybrid_pose_ros.events.order import in_order
from hybrid_pose_ros.events.types import EVENT_DTYPE, empty_events

MS = 1_000_000


def events_at(*times: int) -> np.ndarray:
    """Events of the first pixel."""
    events = empty_events(len(times))
    events["t"] = times
    return events


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_any_order_of_arrival_gives_the_same_windows(data):
    """Packets that overtake each other within the time for reordering."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    reorder_ns, end_ns = 8 * MS, 100 * MS
    events = np.zeros(data.draw(st.integers(1, 300)), EVENT_DTYPE)
    events["t"] = rng.integers(0, 100, len(events)) * MS  # many of the same time
    events["x"], events["p"] = rng.integers(0, 60, len(events)), rng.integers(0, 2, len(events))
    events = events[np.lexsort((events["x"], events["p"], events["t"]))]
    order = np.argsort(events["t"] + rng.integers(0, reorder_ns, len(events)), kind="stable")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=20)))
    buffer = EventBuffer(reorder_ns=reorder_ns)
    for part in np.split(events[order], cuts):
        buffer.append(part, int(part["t"].max()) if len(part) else -1)
        # What is before the watermark is final.
        before = events[events["t"] < buffer.watermark_ns]
        assert np.array_equal(buffer.window(0, buffer.watermark_ns), before)
        assert np.array_equal(buffer.last(30, buffer.watermark_ns), before[-30:])
    buffer.append(events[:0], end_ns + reorder_ns)
    assert np.array_equal(buffer.window(0, end_ns), events)
    assert buffer.counters["old"] == 0


def test_too_late_for_reordering_is_refused():
    buffer = EventBuffer(reorder_ns=100)
    buffer.append(events_at(1000), 1000)
    buffer.append(events_at(899, 900, 950), 950)
    buffer.append(events_at(), 1200)
    assert buffer.window(0, 2000)["t"].tolist() == [900, 950, 1000]
    assert (buffer.counters["old"], buffer.watermark_ns) == (1, 1100)


def test_reordering_is_bounded_too():
    buffer = EventBuffer(capacity=100, reorder_ns=10**9)
    buffer.append(events_at(*range(60)), 60)
    buffer.append(events_at(*range(60, 120)), 120)
    assert len(buffer) == 100
    assert buffer.counters["overflow"] == 20


def test_order_of_times_that_are_far_apart():
    """Times that do not fit into one number with the rest are sorted too."""
    events = events_at(10**12, 5, 10**12, 5)
    events["x"] = [3, 2, 1, 4]
    ordered = in_order(events)
    assert ordered["x"].tolist() == [2, 4, 1, 3]
    assert ordered["t"].tolist() == [5, 5, 10**12, 10**12]
