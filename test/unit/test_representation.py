"""Counts per pixel, polarity and time: known events land in known cells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.representation import count_histogram, keyframe_input
from hybrid_pose_ros.events.types import empty_events

CROP = Crop(34, 2, 256, 256)


def events_of(rows):
    events = empty_events(len(rows))
    for event, (t, x, y, p) in zip(events, rows, strict=True):
        event["t"], event["x"], event["y"], event["p"] = t, x, y, p
    return events


def test_events_land_in_their_cell_polarity_and_slice():
    events = events_of([(0, 34, 2, 0), (99, 289, 257, 1), (50, 36, 2, 1), (50, 37, 3, 1)])
    counts = count_histogram(events, CROP, 128, 2, 0, 100)
    assert counts.shape == (4, 128, 128)
    assert counts[0, 0, 0] == 1  # OFF, first slice
    assert counts[3, 127, 127] == 1  # ON, second slice
    assert counts[3, 0, 1] == 2  # the slice starts at 50; two pixels share a cell
    assert counts.sum() == 4


def test_what_lies_outside_the_crop_or_the_window_does_not_count():
    events = events_of([(0, 33, 2, 0), (0, 290, 2, 0), (0, 34, 1, 0), (0, 34, 258, 1)])
    assert count_histogram(events, CROP, 128, 1, 0, 10).sum() == 0
    late = events_of([(-1, 40, 40, 1), (10, 40, 40, 1)])
    assert count_histogram(late, CROP, 128, 1, 0, 10).sum() == 0


def test_an_empty_window_is_refused():
    with pytest.raises(ValueError, match="must not be empty"):
        count_histogram(events_of([]), CROP, 128, 1, 10, 10)


def test_the_keyframe_sees_the_last_events_of_the_crop_only():
    inside = [(k, 100, 100, 1) for k in range(50)]
    outside = [(k, 0, 0, 1) for k in range(50)]
    rows = sorted(inside + outside)
    counts = keyframe_input(events_of(rows), CROP, 128, 10, 20, 50)
    assert counts.sum() == 20
    assert counts[10:, 49, 33].tolist() == [2.0] * 10  # 20 events evenly over 10 ON slices


def test_a_keyframe_without_events_is_all_zero():
    assert keyframe_input(events_of([]), CROP, 128, 10, 20, 50).sum() == 0


@settings(deadline=None)
@given(st.integers(0, 255), st.integers(0, 255), st.sampled_from([64, 128, 256]))
def test_a_pixel_goes_to_the_cell_that_contains_it(column, row, size):
    counts = count_histogram(events_of([(0, 34 + column, 2 + row, 1)]), CROP, size, 1, 0, 1)
    y, x = np.argwhere(counts[1])[0]
    cell = CROP.to_cells(np.array([34 + column, 2 + row]), size)
    assert np.abs(cell - [x, y]).max() <= 0.5
