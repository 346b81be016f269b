"""Figures of merit against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_pose_ros.eval import metrics
from hybrid_pose_ros.eval.published_metrics import mpjpe


def waves(steps: int, behind: float = 0.0) -> np.ndarray:
    """(steps, 13, 2): every joint on a curve of its own, `behind` steps late."""
    k = np.arange(steps)[:, None, None] - behind
    joint = np.arange(13)[None, :, None]
    axis = np.arange(2)[None, None, :]
    return 128 + 40 * np.sin(2 * np.pi * k / (60 + 5 * joint) + joint + axis)


@pytest.mark.parametrize("behind", [0.0, 1.0, 3.0, 2.5, -2.0])
def test_delay_is_found_between_steps_too(behind):
    tracks = [(waves(240, behind), waves(240))]
    assert metrics.delay_steps(tracks, 12) == pytest.approx(behind, abs=0.1)


def test_delay_of_what_does_not_move_is_unknown():
    still = np.full((240, 13, 2), 100.0)
    assert metrics.delay_steps([(still + 1, still)], 12) is None
    assert metrics.delay_steps([], 12) is None


def test_a_delay_out_of_reach_is_unknown():
    assert metrics.delay_steps([(waves(240, 9.0), waves(240))], 4) is None


def test_delay_leaves_out_coordinates_with_gaps():
    truth = waves(240)
    estimate = waves(240, 2.0)
    estimate[:, 3] = waves(240, -8.0)[:, 3]
    estimate[7, 3] = np.nan
    assert metrics.delay_steps([(estimate, truth)], 12) == pytest.approx(2.0, abs=0.1)


def test_jitter_ignores_a_constant_offset_and_sees_a_shaking_one():
    truth = waves(50)
    assert metrics.jitter(truth + 5.0, truth) == pytest.approx(0.0, abs=1e-9)
    shaking = truth + np.where(np.arange(50) % 2, 1.5, -1.5)[:, None, None] * np.array([1.0, 0.0])
    assert metrics.jitter(shaking, truth) == pytest.approx(3.0)


def test_steps_joints_and_fast_ones_apart():
    errors = np.full((2, 3, 13), 4.0)
    errors[:, 1] = 6.0
    errors[0, 2, 5] = np.nan
    fast = np.zeros(errors.shape, bool)
    fast[1, 1, 0], errors[1, 1, 0] = True, 20.0
    assert metrics.per_step(errors) == pytest.approx([4.0, (25 * 6 + 20) / 26, 4.0])
    assert metrics.per_step(errors, fast) == [None, 20.0, None]


def test_pck_counts_known_joints():
    errors = np.array([[[1.0, 6.0, 12.0, np.nan]]])
    assert metrics.pck(errors) == pytest.approx({"5": 1 / 3, "10": 2 / 3, "20": 1.0})
    assert metrics.pck(np.full((1, 1, 3), np.nan))["5"] is None


def test_published_steps_are_the_published_measure():
    rng = np.random.default_rng(4)
    estimate, truth = rng.uniform(0, 256, (2, 9, 4, 13, 2))
    truth[rng.random((9, 4, 13)) < 0.3] = np.nan
    truth[2, 1] = np.nan  # a sample without any joint
    errors = np.linalg.norm(estimate - truth, axis=-1)
    expected = [mpjpe(estimate[:, t].swapaxes(1, 2), truth[:, t].swapaxes(1, 2)) for t in range(4)]
    assert metrics.published_per_step(errors) == pytest.approx(expected)
