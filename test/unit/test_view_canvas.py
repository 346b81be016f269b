"""Strokes, text and opacity land where they are put, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_pose_ros.view import canvas

finite = st.floats(-100.0, 100.0)


def test_line_lies_on_its_pixels_and_nowhere_else():
    image = canvas.new_canvas(20, 30, (0, 0, 0))
    canvas.line(image, (5, 10), (25, 10), (100, 200, 30))
    assert np.abs(image[10, 6:25].astype(int) - (100, 200, 30)).max() < 25
    assert not image[:9].any() and not image[12:].any()


@pytest.mark.parametrize("end", [(1e9, 10.0), (-1e30, 10.0)])
def test_line_to_far_outside_still_crosses_the_picture(end):
    image = canvas.new_canvas(20, 30, (0, 0, 0))
    canvas.line(image, (15, 10), end, (9, 9, 9))
    assert image[10, 29 if end[0] > 0 else 0].any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_draws_nothing(bad):
    image = canvas.new_canvas(20, 30, (0, 0, 0))
    canvas.line(image, (15, 10), (bad, 10), (9, 9, 9))
    canvas.disc(image, (15, bad), 5, (9, 9, 9))
    canvas.polygon(image, np.array([[1, 1], [20, bad], [20, 15]]), (9, 9, 9))
    canvas.segments(image, np.array([[15.0, 10.0]]), np.array([[bad, 3.0]]), (9, 9, 9))
    assert not image.any()


def test_opacity_mixes_with_what_was_there():
    image = canvas.new_canvas(20, 30, (100, 100, 100))
    with canvas.opacity(image, ((15, 10),), 8, 0.25):
        canvas.disc(image, (15, 10), 4, (200, 0, 100))
    assert np.abs(image[10, 15].astype(int) - (125, 75, 100)).max() <= 1
    assert (image[0, 0] == 100).all()


def test_opacity_outside_the_picture_is_harmless():
    image = canvas.new_canvas(20, 30)
    with canvas.opacity(image, ((-500.0, 900.0),), 8, 0.5):
        canvas.disc(image, (-500.0, 900.0), 4, (1, 2, 3))
    assert (image == canvas.BACKGROUND).all()


@given(a=st.tuples(finite, finite), b=st.tuples(finite, finite))
def test_clipped_segment_stays_on_the_line_and_in_the_box(a, b):
    kept = canvas.clip_segment(a, b, (-10, -10), (10, 10))
    inside = [p for p in np.linspace(a, b, 50) if (np.abs(p) < 9.99).all()]
    if kept is None:
        assert not inside
        return
    for point in kept:
        assert (np.abs(point) <= 10 + 1e-9).all()
        cross = (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
        assert abs(cross) <= 1e-6 * (1 + np.hypot(b[0] - a[0], b[1] - a[1]))


@pytest.mark.parametrize("real_font", [True, False])
@pytest.mark.parametrize("align, low, high", [("left", 100, 160), ("right", 40, 101)])
def test_text_stands_where_it_is_put(monkeypatch, real_font, align, low, high):
    if not real_font:
        monkeypatch.delattr(canvas.cv2, "FontFace", raising=False)
    canvas._text_pixels.cache_clear()
    image = canvas.new_canvas(60, 200, (0, 0, 0))
    width = canvas.text(image, (100, 40), "Hello", 20, (255, 255, 255), align=align)
    canvas._text_pixels.cache_clear()
    rows, columns = np.nonzero(image[..., 0] > 60)
    assert rows.min() >= 20 and 36 <= rows.max() <= 42
    assert low <= columns.min() and columns.max() <= high
    assert 30 < width < 60


def test_text_is_cut_at_the_edge_and_may_be_empty():
    image = canvas.new_canvas(10, 20)
    canvas.text(image, (-30, 5), "a long text over every edge", 24)
    canvas.text(image, (5, 5), "")
    canvas.text(image, (500, 500), "away")
    assert image.shape == (10, 20, 3)
