"""Lens models against OpenCV, their inverses against themselves, and lenses that turn back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.errors import CalibrationError
from hybrid_pose_ros.pose.distortion import Distortion

LENSES = {
    "radtan4": ("radtan", (-0.28, 0.07, 0.001, -0.002)),
    "plumb_bob": ("plumb_bob", (-0.35, 0.15, -0.001, 0.0005, -0.03)),
    "rational": ("rational_polynomial", (0.3, -0.02, 0.0007, 0.0003, 0.01, 0.62, 0.04, -0.001)),
    "pincushion": ("plumb_bob", (0.2, 0.05, 0.0, 0.0)),
    "fisheye": ("equidistant", (-0.02, 0.006, -0.004, 0.0006)),
    "plain fisheye": ("fisheye", (0.0, 0.0, 0.0, 0.0)),
}


@pytest.fixture(params=LENSES)
def lens(request):
    return Distortion(*LENSES[request.param])


def directions(lens, count=400):
    """Directions that the lens shows: up to 0.9 of its reach, and at most 50 degrees off."""
    rng = np.random.default_rng(1)
    radius = min(1.2, 0.9 * lens.reach) * np.sqrt(rng.uniform(0, 1, count))
    angle = rng.uniform(0, 2 * np.pi, count)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def by_opencv(lens, xy):
    points = np.column_stack([xy, np.ones(len(xy))])[:, None]
    k, zero = np.array(lens.coefficients), np.zeros(3)
    if lens.model == "fisheye":
        return cv2.fisheye.projectPoints(points, zero, zero, np.eye(3), k)[0].reshape(-1, 2)
    return cv2.projectPoints(points, zero, zero, np.eye(3), k)[0].reshape(-1, 2)


def test_bends_like_opencv(lens):
    xy = directions(lens)
    assert lens.distort(xy) == pytest.approx(by_opencv(lens, xy), abs=1e-12)


def test_straightens_like_opencv(lens):
    bent = lens.distort(0.5 * directions(lens))
    points, k = bent[:, None], np.array(lens.coefficients)
    if lens.model == "fisheye":
        expected = cv2.fisheye.undistortPoints(points, np.eye(3), k)
    else:
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-14)
        if hasattr(cv2, "undistortPointsIter"):  # OpenCV 4
            expected = cv2.undistortPointsIter(points, np.eye(3), k, np.eye(3), np.eye(3), stop)
        else:
            expected = cv2.undistortPoints(points, np.eye(3), k, criteria=stop)
    assert lens.undistort(bent) == pytest.approx(expected.reshape(-1, 2), abs=1e-7)


def test_inverse_gives_back_what_went_in(lens):
    xy = directions(lens)
    assert lens.undistort(lens.distort(xy)) == pytest.approx(xy, abs=1e-9)
    assert np.array_equal(lens.undistort(np.zeros((1, 2))), np.zeros((1, 2)))


def test_derivative_is_that_of_small_steps(lens):
    xy, step = directions(lens, 50), 1e-6
    for axis in (0, 1):
        shift = step * np.eye(2)[axis]
        slope = (lens.distort(xy + shift) - lens.distort(xy - shift)) / (2 * step)
        assert lens.jacobian(xy)[..., axis] == pytest.approx(slope, abs=1e-7)
    back, same = lens.undistort_jacobian(lens.distort(xy))
    assert back == pytest.approx(xy, abs=1e-9)
    assert same == pytest.approx(lens.jacobian(xy), abs=1e-7)


def test_shapes_are_kept_and_missing_stays_missing(lens):
    xy = np.zeros((4, 13, 2))
    xy[1, 2] = np.nan
    assert lens.distort(xy).shape == xy.shape
    assert lens.jacobian(xy).shape == (4, 13, 2, 2)
    for moved in (lens.distort(xy), lens.undistort(xy)):
        assert np.isnan(moved[1, 2]).all()
        assert np.isfinite(np.delete(moved.reshape(-1, 2), 15, axis=0)).all()


def test_a_lens_that_turns_back_shows_each_point_once():
    lens = Distortion("plumb_bob", (-0.3, 0.0, 0.0, 0.0))
    turn = 1 / np.sqrt(0.9)  # of r - 0.3 r^3
    assert lens.reach == pytest.approx(turn)
    inside, beyond = lens.distort([[0.99 * turn, 0.0], [1.01 * turn, 0.0]])
    assert np.isfinite(inside).all()
    assert np.isnan(beyond).all()
    edge = turn - 0.3 * turn**3
    assert np.isnan(lens.undistort([[1.01 * edge, 0.0]])).all()
    assert lens.undistort([[0.999 * edge, 0.0]])[0, 0] < turn


def test_reach_of_a_fisheye_that_turns_back():
    lens = Distortion("fisheye", (-0.4, 0.0, 0.0, 0.0))
    assert lens.reach == pytest.approx(np.tan(1 / np.sqrt(1.2)))
    assert Distortion("fisheye", (0.1, 0.0, 0.0, 0.0)).reach == np.inf


@settings(max_examples=30, deadline=None)
@given(
    k=st.tuples(*[st.floats(-0.3, 0.3)] * 2, *[st.floats(-0.005, 0.005)] * 2, st.floats(-0.1, 0.1)),
    xy=st.tuples(*[st.floats(-0.7, 0.7)] * 2),
)
def test_any_lens_comes_back_or_says_nothing(k, xy):
    lens = Distortion("plumb_bob", k)
    bent = lens.distort(np.array([xy]))
    if np.hypot(*xy) < 0.8 * lens.reach:
        assert lens.undistort(bent)[0] == pytest.approx(xy, abs=1e-7)


@pytest.mark.parametrize(
    ("model", "coefficients", "message"),
    [
        ("brown", (0, 0, 0, 0), "distortion model 'brown' is not known; known are equidistant"),
        ("plumb_bob", (0.1, 0.2), r"plumb_bob needs 4 or 5 or 8 finite coefficients, got \(0.1"),
        ("fisheye", (0, 0, 0, 0, 0), "fisheye needs 4 finite coefficients"),
        ("fisheye", (0, 0, 0, np.nan), "fisheye needs 4 finite coefficients"),
        ("radtan", ("a", 0, 0, 0), "radtan needs 4 or 5 or 8 finite coefficients"),
    ],
)
def test_what_is_no_lens_is_refused(model, coefficients, message):
    with pytest.raises(CalibrationError, match=message):
        Distortion(model, coefficients)
