"""Heatmaps to keypoints: closed-form positions, covariances and confidences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.pose.heatmap import decode_heatmaps

CROP = Crop(34, 2, 256, 256)
SIZE = 64


def gaussian_logits(column, row, sigma_u=0.8, sigma_v=0.8):
    grid = np.arange(SIZE)
    u = -((grid - column) ** 2) / (2 * sigma_u**2)
    v = -((grid - row) ** 2) / (2 * sigma_v**2)
    return np.repeat((v[:, None] + u)[None], 13, 0).astype(np.float32)


@settings(deadline=None)
@given(st.floats(5, 58), st.floats(5, 58))
def test_a_gaussian_is_found_between_the_cells(column, row):
    pose = decode_heatmaps(gaussian_logits(column, row), CROP)
    expected = CROP.to_sensor(np.array([column, row]), SIZE)
    assert np.abs(pose.uv - expected).max() < 0.15  # a twenty-fifth of a cell of 4 px
    assert pose.confidence.min() > 0.99


def test_covariance_is_that_of_the_distribution_in_sensor_pixels():
    pose = decode_heatmaps(gaussian_logits(30, 20, sigma_u=1.0, sigma_v=0.6), CROP)
    cell = 16.0  # px^2
    expected = [(1.0 + 1 / 12) * cell, 0.0, (0.36 + 1 / 12) * cell]
    assert pose.covariance[0] == pytest.approx(expected, rel=0.06, abs=1e-4)


def test_flat_logits_mean_no_confidence():
    pose = decode_heatmaps(np.zeros((13, SIZE, SIZE), np.float32), CROP)
    assert pose.confidence.max() == pytest.approx(16 / SIZE**2, rel=3.1)
    assert pose.confidence.max() < 0.02


def test_two_equal_peaks_halve_the_confidence():
    both = np.maximum(gaussian_logits(10, 10), gaussian_logits(50, 50))
    assert decode_heatmaps(both, CROP).confidence == pytest.approx(np.full(13, 0.5), abs=0.01)


def test_a_peak_in_the_corner_stays_inside_the_crop():
    pose = decode_heatmaps(gaussian_logits(0, 63), CROP)
    assert np.all(pose.uv >= [33.5, 1.5])
    assert np.all(pose.uv <= [290.0, 257.5])


def test_crop_maps_cells_to_pixels_and_back():
    assert CROP.to_sensor(np.array([0, 0]), 64) == pytest.approx([35.5, 3.5])
    points = np.random.default_rng(0).uniform(0, 300, (20, 2))
    assert CROP.to_sensor(CROP.to_cells(points, 64), 64) == pytest.approx(points)


def blobs(column, row, sigma=2.0, height=1.0, size=256):
    grid = np.arange(size)
    u = np.exp(-((grid - column) ** 2) / (2 * sigma**2))
    v = np.exp(-((grid - row) ** 2) / (2 * sigma**2))
    return np.repeat((height * v[:, None] * u)[None], 13, 0).astype(np.float32)


@settings(deadline=None, max_examples=30)
@given(st.floats(10, 245), st.floats(10, 245))
def test_a_regressed_blob_is_found_between_the_cells(column, row):
    pose = decode_heatmaps(blobs(column, row), CROP, "paper")
    assert np.abs(pose.uv - CROP.to_sensor(np.array([column, row]), 256)).max() < 0.1
    assert pose.covariance[0] == pytest.approx([1 / 12, 0, 1 / 12], abs=0.2)
    assert pose.confidence.min() > 0.93  # a label between four cells is 0.939 high


def test_an_uncertain_blob_is_wider_and_lower():
    # A place of standard deviation 2 px: labels of sigma 2 average to a blob of sigma 2 sqrt 2.
    pose = decode_heatmaps(blobs(100, 100, 2 * 2**0.5, 0.5), CROP, "paper")
    certain = decode_heatmaps(blobs(100, 100), CROP, "paper")
    assert pose.confidence == pytest.approx(np.full(13, 0.5), abs=0.01)
    # The window of 11 cells cuts the wide blob's tails: about half of the 4 px^2 is seen.
    assert 1.5 < pose.covariance[0, 0] - certain.covariance[0, 0] < 4.0


def test_heatmaps_below_zero_mean_no_confidence_and_finite_numbers():
    pose = decode_heatmaps(np.full((13, 256, 256), -0.1, np.float32), CROP, "paper")
    assert np.all(pose.confidence == 0)
    assert np.isfinite(pose.uv).all()
    assert np.isfinite(pose.covariance).all()
    assert np.all(pose.covariance[:, 0] * pose.covariance[:, 2] > pose.covariance[:, 1] ** 2)


def test_joints_ahead_of_their_heatmaps_move_by_cells_and_keep_the_rest():
    maps = gaussian_logits(20, 31)
    ahead = np.random.default_rng(0).normal(0, 2, (13, 2))
    plain, moved = decode_heatmaps(maps, CROP), decode_heatmaps(maps, CROP, ahead=ahead)
    np.testing.assert_allclose(moved.uv - plain.uv, ahead * CROP.width / SIZE, atol=1e-4)
    np.testing.assert_array_equal(moved.covariance, plain.covariance)
    np.testing.assert_array_equal(moved.confidence, plain.confidence)
