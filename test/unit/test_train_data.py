"""Training clips and sequences: nothing held out leaks in, labels stay on the events."""

import numpy as np
import pytest

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.events.types import empty_events
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.skeleton import INDEX, SWAP
from hybrid_pose_ros.train.background import without_person
from hybrid_pose_ros.train.clips import View, plan_clips
from hybrid_pose_ros.train.config import DataConfig, load_train_config
from hybrid_pose_ros.train.samples import SequenceSampler, sequence

NETWORK, TIMING = LiteConfig(), EstimatorConfig()


def moving_dot_view(seconds=1.0):
    """All joints ride on one dot that moves right; its events lie exactly on it.

    The right hand is 60 px above, so that a swap of sides can be told.
    """
    samples = int(seconds * 100) + 1
    uv = np.zeros((samples, 13, 2), np.float32)
    uv[..., 0] = (100 + 0.5 * np.arange(samples))[:, None]
    uv[..., 1] = 150
    uv[:, INDEX["hand_right"], 1] = 90
    events = empty_events(samples * 20)
    events["t"] = np.repeat(np.arange(samples) * 10_000_000, 20) + np.tile(np.arange(20), samples)
    events["x"] = np.repeat(np.round(uv[:, 0, 0]), 20)
    events["y"] = 150
    events["p"] = 1
    return View("dot", events, uv)


def test_nothing_held_out_is_trained_on():
    config = DataConfig(clips=200, validation_clips=20)
    training, validation = plan_clips(config)
    held_out = {str(m) for m in config.held_out_movements}
    assert not held_out & {p.movement for p in training}
    assert {p.movement for p in validation} <= held_out
    assert not {p.subject for p in training} & {p.subject for p in validation}
    assert not {p.seed for p in training} & {p.seed for p in validation}
    assert len({p.name for p in training + validation}) == 220
    assert plan_clips(config) == (training, validation)


def test_the_sequence_of_a_known_view_has_its_events_at_its_labels():
    keyframe, bins, cells = sequence(moving_dot_view(), 50, 10, NETWORK, TIMING, None)
    assert keyframe.shape == (20, 128, 128)
    assert bins.shape == (10, 2, 128, 128)
    for k in range(10):
        row, column = np.argwhere(bins[k, 1])[0]
        # Bin k holds the events of its start, the label describes its end: one step of 0.5 px.
        assert abs(column / 2 - cells[k, 0, 0]) < 0.75
        assert abs(row / 2 - cells[k, 0, 1]) < 0.75


def test_augmentation_keeps_labels_on_events_and_swaps_sides():
    view, rng, mirrored = moving_dot_view(), np.random.default_rng(0), 0
    hands = [INDEX["hand_right"], INDEX["hand_left"]]
    for _ in range(20):
        _, bins, cells = sequence(view, 50, 10, NETWORK, TIMING, rng)
        row, column = np.unravel_index(bins[:, 1].sum(0).argmax(), (128, 128))
        assert abs(column / 2 - cells[4, 0, 0]) < 2.0
        assert abs(row / 2 - cells[4, 0, 1]) < 1.5
        moves_left = cells[-1, 0, 0] < cells[0, 0, 0]
        upper = hands[int(cells[0, hands[1], 1] < cells[0, hands[0], 1])]
        assert (upper == INDEX["hand_left"]) == moves_left
        mirrored += moves_left
    assert 3 < mirrored < 17
    assert SWAP[hands[0]] == hands[1]


@pytest.mark.parametrize("seed", range(12))
def test_backgrounds_are_sorted_events_inside_the_sensor(seed):
    view = moving_dot_view()
    events = without_person(view.events, 346, 260, np.random.default_rng(seed))
    assert np.all(np.diff(events["t"]) >= 0)
    assert events["x"].max(initial=0) < 346
    assert events["y"].max(initial=0) < 260
    assert len(np.unique(events["x"].astype(int) * 260 + events["y"])) > 40


def test_batches_are_reproducible_by_seed():
    views = [moving_dot_view()]
    first, second = (SequenceSampler(views, NETWORK, TIMING, 3).batch(2, 4) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert first.bins.shape == (4, 2, 2, 128, 128)
    assert first.cells.shape == (5, 2, 13, 2)


def test_the_shipped_settings_load_and_hold_out_the_demo():
    config = load_train_config(share_path("config", "train_lite.yaml"))
    assert {7, 8, 22, 27, 28} <= set(config.data.held_out_movements)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cnn: {step: 3}", "step"),
        ("weihgts: x", "weihgts"),
        ("data: 3", "data must be a mapping"),
        ("cnn: {steps: 0, batch: 1, learning_rate: 0.1}", "must be positive"),
        ("cnn: {steps: 1}", "batch"),
        ("a: [", "cannot read"),
    ],
)
def test_wrong_settings_are_named(tmp_path, text, message):
    path = tmp_path / "train.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_train_config(path)
