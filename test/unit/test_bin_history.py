"""What is kept of a camera's last bins, up to the last one that a keyframe may still ask for."""

import numpy as np
import pytest

from hybrid_pose_ros.runtime.bin_history import BinHistory
from hybrid_pose_ros.runtime.engine import StepResult


def said(index):
    return StepResult(np.full((1, 2, 2), index, np.float32), 0, 0)


@pytest.fixture
def history():
    history = BinHistory(max_delay_bins=3)
    for index in range(10, 15):
        history.add(index, np.full((2, 4, 4), index))
        history.know(index, said(index))
    return history


def test_the_bins_since_a_keyframe_are_all_there_or_it_is_too_late(history):
    assert [index for index, _ in history.since(12, 15)] == [12, 13, 14]
    assert [int(counts[0, 0, 0]) for _, counts in history.since(14, 15)] == [14]
    assert history.since(15, 15) == [] and history.until(15) == []
    assert history.since(11, 15) is None


def test_bins_that_a_network_looks_back_to_are_kept_but_no_keyframe_may_be_later():
    history = BinHistory(max_delay_bins=3, earlier=2)
    for index in range(10, 17):
        history.add(index, np.full((2, 4, 4), index))
        history.know(index, said(index))
    assert [index for index, _ in history.since(14, 17)] == [14, 15, 16]
    assert history.since(13, 17) is None and history.known_before(13) is None
    assert [int(counts[0, 0, 0]) for counts in history.until(14)] == [12, 13]
    assert [int(counts[0, 0, 0]) for counts in history.until(16)] == [14, 15]
    assert [int(counts[0, 0, 0]) for counts in history.until(13)] == [12]


def test_what_was_known_before_the_oldest_bin_is_kept_too(history):
    for first in (12, 13, 14, 15):
        assert history.known_before(first).heatmaps[0, 0, 0] == first - 1
    assert history.known_before(11) is None and history.known_before(16) is None


def test_a_bin_that_runs_again_says_something_new(history):
    history.know(13, said(99))
    assert history.known_before(14).heatmaps[0, 0, 0] == 99


def test_nothing_is_left_after_a_restart(history):
    history.clear()
    assert history.since(14, 15) is None and history.known_before(14) is None
