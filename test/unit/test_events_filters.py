"""EventFilter: known events stay or go, whatever the packets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.events.filters import PERIOD_NS, PERIODS, FilterConfig
from hybrid_pose_ros.events.types import EVENT_DTYPE

MS = 1_000_000
SIZE = ("cam2", 64, 48)


def make(*rows: tuple[int, int, int]) -> np.ndarray:
    """Events of (ms, x, y)."""
    events = np.zeros(len(rows), EVENT_DTYPE)
    for event, (t_ms, x, y) in zip(events, rows, strict=True):
        event["t"], event["x"], event["y"], event["p"] = t_ms * MS, x, y, (t_ms + x) % 2
    return events


def places(events: np.ndarray) -> list[tuple[int, int, int]]:
    return [(int(e["t"]) // MS, int(e["x"]), int(e["y"])) for e in events]


def test_nothing_to_do():
    assert FilterConfig().filter_of(*SIZE) is None
    assert FilterConfig(masks=("cam3 0 0 9 9",)).filter_of(*SIZE) is None


def test_masks():
    config = FilterConfig(masks=("cam2 10 20 3 2", "cam2 60 40 100 100", "cam3 0 0 64 48"))
    found = config.filter_of(*SIZE)
    rows = [
        (1, 9, 20),
        (1, 10, 20),
        (1, 12, 21),
        (1, 13, 21),
        (1, 12, 22),
        (1, 63, 47),
        (1, 59, 40),
    ]
    kept = places(found.apply(make(*rows)))
    assert kept == [rows[0], rows[3], rows[4], rows[6]]
    assert found.removed == {"masked": 3, "hot": 0, "isolated": 0}


def test_background_activity():
    found = FilterConfig(background_ms=5.0).filter_of(*SIZE)
    rows = [
        (10, 5, 5),  # the first is alone
        (12, 6, 6),  # beside it
        (17, 6, 6),  # the pixel itself does not count; (5, 5) is 7 ms ago
        (17, 7, 6),  # beside the one before, at the same time
        (22, 8, 7),  # 5 ms after it
        (28, 9, 8),  # 6 ms after it
        (30, 0, 0),
        (31, 63, 47),
    ]
    assert places(found.apply(make(*rows))) == [rows[1], rows[3], rows[4]]
    assert found.removed["isolated"] == 5


def test_background_activity_after_a_restart_of_the_clock():
    found = FilterConfig(background_ms=5.0).filter_of(*SIZE)
    found.apply(make((10_000, 5, 5), (10_000, 6, 6), (10_000, 4, 4)))
    assert places(found.apply(make((1, 9, 9), (2, 10, 9), (3, 5, 5), (4, 6, 5)))) == [
        (2, 10, 9), (4, 6, 5)
    ]  # fmt: skip


def test_hot_pixels_are_learnt_and_forgotten():
    found = FilterConfig(hot_pixel_hz=100.0).filter_of(*SIZE)
    period_ms = PERIOD_NS // MS
    removed = []
    for number in range(8):
        begin = number * period_ms
        hot = [(begin + k, 30, 20) for k in range(0, period_ms, 4)] if number < 6 else []
        edge = [(begin + k, 10 + k % 3, 5) for k in range(period_ms)]  # as lively, not alone
        found.apply(make(*sorted(hot + edge)))
        removed.append(found.removed["hot"])
    full = len(range(0, period_ms, 4))
    assert removed == [0] * PERIODS + [full] * (6 - PERIODS) + [0, 0]


@given(st.integers(0, 2**32), st.lists(st.integers(0, 3000), max_size=20))
@settings(max_examples=25, deadline=None)
def test_any_packets_give_the_same(seed, cuts):
    rng = np.random.default_rng(seed)
    events = np.zeros(3000, EVENT_DTYPE)
    events["t"] = np.sort(rng.integers(0, 4000, 3000)) * MS
    events["x"], events["y"] = rng.integers(0, 8, 3000) ** 2, rng.integers(0, 5, 3000)
    config = FilterConfig(("cam2 3 1 2 2",), hot_pixel_hz=20.0, background_ms=20.0)
    whole, parts = config.filter_of(*SIZE), config.filter_of(*SIZE)
    before = events.copy()
    expected = whole.apply(events)
    assert np.array_equal(events, before)
    pieces = [parts.apply(part) for part in np.split(events, sorted(cuts))]
    assert np.array_equal(np.concatenate(pieces), expected)
    assert 0 < len(expected) < len(events)


def test_a_mask_for_no_camera_is_refused():
    config = FilterConfig(masks=("cam2 0 0 9 9", "cam9 0 0 9 9"))
    config.check_cameras(("cam9", "cam2", "cam3"))
    with pytest.raises(ConfigError, match=r"'cam9 0 0 9 9' is for none of the cameras cam2, cam3"):
        config.check_cameras(("cam2", "cam3"))


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ({"hot_pixel_hz": -1.0}, "hot_pixel_hz"),
        ({"background_ms": float("nan")}, "background_ms"),
        ({"masks": ("cam2 1 2 3",)}, "'cam2 1 2 3'"),
        ({"masks": ("cam2 1 2 0 4",)}, "'cam2 1 2 0 4'"),
    ],
)
def test_bad_settings_are_named(given_, told):
    with pytest.raises(ConfigError, match=told):
        FilterConfig(**given_)
