"""Training clips and sequences: nothing held out leaks in, labels stay on the events."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from hybrid_pose_ros.data.dhp19_dataset import Dhp19Dataset
from hybrid_pose_ros.data.dhp19_split import TEST_SUBJECTS
from hybrid_pose_ros.data.dhp19_windows import Windows
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.types import empty_events
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.skeleton import INDEX, SWAP
from hybrid_pose_ros.train.augmentation import change_speed, joints_at
from hybrid_pose_ros.train.background import without_person
from hybrid_pose_ros.train.batches import Batches
from hybrid_pose_ros.train.clips import load_views, make_clips, note_look, plan_clips
from hybrid_pose_ros.train.config import LEAST_GAP, StageConfig
from hybrid_pose_ros.train.data_config import AugmentationConfig, DataConfig
from hybrid_pose_ros.train.dhp19_views import dhp19_views
from hybrid_pose_ros.train.samples import cut, windows_for
from hybrid_pose_ros.train.views import ViewInMemory

WINDOWS = windows_for("ours", DataConfig(), LiteConfig())
TEN = dataclasses.replace(WINDOWS, bins=10)
PLAIN = AugmentationConfig(background=0.0)


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
    return ViewInMemory("dot", events, uv)


def test_nothing_held_out_is_trained_on():
    config = DataConfig(clips=200, validation_clips=20)
    training, validation = plan_clips(config)
    held_out = {str(m) for m in config.held_out_movements}
    assert not held_out & {p.movement for p in training}
    assert {p.movement for p in validation} <= held_out
    people, others = {p.subject for p in training}, {p.subject for p in validation}
    assert not people & others
    assert not (people | others) & set(TEST_SUBJECTS)
    assert not {p.seed for p in training} & {p.seed for p in validation}
    assert len({p.name for p in training + validation}) == 220
    assert plan_clips(config) == (training, validation)


@pytest.mark.parametrize("more", [{"clips": 300}, {"validation_clips": 30}])
def test_more_clips_leave_the_others_as_they_are(more):
    config = DataConfig(clips=200, validation_clips=20)
    training, validation = plan_clips(config)
    all_training, all_validation = plan_clips(dataclasses.replace(config, **more))
    assert all_training[:200] == training
    assert all_validation[:20] == validation


def test_the_sequence_of_a_known_view_has_its_events_at_its_labels():
    keyframes, bins, cells, present, _ = cut(moving_dot_view(), 50, TEN)
    assert keyframes.shape == (1, 20, 128, 128)
    assert bins.shape == (10, 2, 128, 128)
    assert present
    for k in range(10):
        row, column = np.argwhere(bins[k, 1])[0]
        # Bin k holds the events of its start, the label describes its end: one step of 0.5 px.
        assert abs(column / 2 - cells[k, 0, 0]) < 0.75
        assert abs(row / 2 - cells[k, 0, 1]) < 0.75


@pytest.mark.parametrize("edges", ["fixed", "events"])
def test_a_later_keyframe_is_the_keyframe_of_a_later_sequence(edges):
    view = moving_dot_view()
    windows = dataclasses.replace(TEN, edges=edges, events=300)
    keyframes = cut(view, 50, windows, at=(0, 4, 10))[0]
    for keyframe, start in zip(keyframes, (50, 54, 60), strict=True):
        assert np.array_equal(keyframe, cut(view, start, windows)[0][0])
    assert not np.array_equal(keyframes[1], keyframes[2])


@pytest.mark.parametrize("edges", ["fixed", "events"])
def test_the_bins_before_a_sequence_are_the_last_ones_of_an_earlier_sequence(edges):
    view, windows = moving_dot_view(), dataclasses.replace(TEN, edges=edges, earlier=4)
    before = cut(view, 50, windows)[4]
    expected = cut(view, 46, dataclasses.replace(TEN, bins=4, edges="fixed"))[1]
    assert before.any() and np.array_equal(before, expected)
    assert len(cut(view, 50, TEN)[4]) == 0
    batch = Batches([view], windows, StageConfig(2, 1e-3, steps=1, bins=(10, 10)), 7, PLAIN)[0]
    assert batch.before.shape == (4, 2, 2, 128, 128)


def test_keyframes_of_a_sequence_come_at_random_bins_and_not_too_close():
    stage = StageConfig(2, 1e-3, steps=40, bins=(12, 20), keyframes=(1, 3))
    batches = Batches([moving_dot_view()], TEN, stage, 7, PLAIN)
    found = [batches[step] for step in range(40)]
    assert {len(batch.at) for batch in found} == {1, 2, 3}
    assert len({tuple(batch.at.tolist()) for batch in found}) > 10
    for batch in found:
        assert batch.at[0] == 0 and len(batch.keyframes) == len(batch.at)
        gaps = np.diff([*batch.at.tolist(), len(batch.bins)])
        assert (gaps >= LEAST_GAP).all()


def test_augmentation_keeps_labels_on_events_and_swaps_sides():
    view, rng, mirrored = moving_dot_view(), np.random.default_rng(0), 0
    config = dataclasses.replace(PLAIN, time_scale=(0.7, 1.4))
    hands = [INDEX["hand_right"], INDEX["hand_left"]]
    for _ in range(20):
        _, bins, cells, *_ = cut(view, 50, TEN, config, rng)
        row, column = np.unravel_index(bins[:, 1].sum(0).argmax(), (128, 128))
        assert abs(column / 2 - cells[4, 0, 0]) < 3.0
        assert abs(row / 2 - cells[4, 0, 1]) < 1.5
        moves_left = cells[-1, 0, 0] < cells[0, 0, 0]
        upper = hands[int(cells[0, hands[1], 1] < cells[0, hands[0], 1])]
        assert (upper == INDEX["hand_left"]) == moves_left
        mirrored += moves_left
    assert 3 < mirrored < 17
    assert SWAP[hands[0]] == hands[1]


def test_a_faster_person_has_gone_further_and_so_have_the_events():
    config = AugmentationConfig(0.0, (1.0, 1.0), 0, (0.0,), 0.0, (2.0, 2.0), 0.0)
    _, bins, cells, *_ = cut(moving_dot_view(), 30, TEN, config, np.random.default_rng(0))
    assert cells[-1, 0, 0] - cells[0, 0, 0] == pytest.approx(2.5)  # 10 px, 4 px a cell
    assert [int(counts[1].sum()) for counts in bins] == [40] * 10
    last = np.argwhere(bins[-1, 1])[:, 1].max() / 2
    assert abs(last - cells[-1, 0, 0]) < 1.0


def test_changing_speed_keeps_the_instant_and_the_order():
    events = moving_dot_view().events
    slow = change_speed(events, 500_000_000, 0.5)
    at = np.searchsorted(events["t"], 500_000_000)
    assert np.all(np.diff(slow["t"]) >= 0) and slow["t"][at] == 500_000_000
    assert slow["t"][-1] - 500_000_000 == 2 * (events["t"][-1] - 500_000_000)
    uv = joints_at(moving_dot_view().uv, np.array([-1.0, 0.0, 0.5, 100.0, 100.5]))
    assert uv[1:4, 0, 0].tolist() == [100.0, 100.25, 150.0]
    assert np.isnan(uv[[0, 4]]).all()


@pytest.mark.parametrize("seed", range(12))
def test_backgrounds_are_sorted_events_inside_the_sensor(seed):
    view = moving_dot_view()
    events = without_person(view.events, 346, 260, np.random.default_rng(seed))
    assert np.all(np.diff(events["t"]) >= 0)
    assert events["x"].max(initial=0) < 346
    assert events["y"].max(initial=0) < 260
    assert len(np.unique(events["x"].astype(int) * 260 + events["y"])) > 40


def test_a_batch_follows_from_seed_step_and_rank_alone():
    stage = StageConfig(4, 1e-3, steps=50, bins=(2, 5), delay=(0, 3))
    batches = Batches([moving_dot_view()], WINDOWS, stage, 3, AugmentationConfig())
    first, again = batches[17], batches[17]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    lengths = {batches[step].bins.shape[0] for step in range(40)}
    assert lengths == set(range(2, 9))  # gap and delay
    other = dataclasses.replace(batches, rank=1)[17]
    assert other.bins.shape == first.bins.shape and not torch.equal(other.bins, first.bins)


def test_an_epoch_of_the_published_recipe_shows_every_sequence_once():
    windows = dataclasses.replace(WINDOWS, edges="events", events=100)
    views = [moving_dot_view(2.0), moving_dot_view(1.5)]
    stage = StageConfig(2, 1e-3, epochs=3, bins=(10, 10))
    batches = Batches(views, windows, stage, 0, None)
    per_epoch = len(batches.places) // 2
    assert batches.steps == 3 * per_epoch and len(batches.places) == 19 + 14
    shown = [place for step in range(per_epoch) for place in batches._next_of_epoch(step)]
    second = [place for step in range(per_epoch, 2 * per_epoch)
              for place in batches._next_of_epoch(step)]  # fmt: skip
    assert len(set(shown)) == len(shown) == 32 and shown != second
    ranks = [dataclasses.replace(batches, rank=r, world=2) for r in (0, 1)]
    halves = [set(b._next_of_epoch(step)) for b in ranks for step in range(b._per_epoch)]
    assert len(set().union(*halves)) == sum(map(len, halves))


def test_recordings_that_are_too_short_are_named():
    stage = StageConfig(2, 1e-3, steps=1, bins=(100, 100))
    with pytest.raises(RecordingError, match="long enough for sequences of 100 bins"):
        Batches([moving_dot_view()], WINDOWS, stage, 0, AugmentationConfig())


@pytest.mark.parametrize("keyframe", ["count", "duration"])
@pytest.mark.parametrize("edges", ["events", "fixed"])
def test_sequences_of_dhp19_files_equal_those_of_its_data_set(
    write_dhp19, tmp_path, keyframe, edges
):
    folder = write_dhp19(tmp_path / "h5", "S1_session1_mov1")
    write_dhp19(folder, "S13_session1_mov1", seed=1)
    windows = Windows(10, 100, keyframe, 3000, 10, edges, 64, 32)
    reference = Dhp19Dataset(folder, "train", ["cam3"], windows)
    views, validation = dhp19_views(DataConfig("dhp19", str(folder), ("cam3",)))
    assert [v.name for v in views + validation] == [
        "S1_session1_mov1/cam3", "S13_session1_mov1/cam3",
    ]  # fmt: skip
    for i in range(len(reference)):
        expected = reference[i]
        start = reference.describe(i)[2] // 10
        keyframe_counts, bins, cells, *_ = cut(views[0], start, windows)
        assert np.array_equal(keyframe_counts[0], expected.keyframe.numpy())
        assert np.array_equal(bins, expected.bins.numpy())
        known = ~np.isnan(expected.cells.numpy())
        assert np.abs(cells - expected.cells.numpy())[known].max(initial=0) < 1e-3
    assert len(reference) >= 4


def test_labels_that_begin_late_are_unknown_before(write_dhp19, tmp_path):
    folder = write_dhp19(tmp_path / "h5", "S1_session1_mov1", first_label=7)
    write_dhp19(folder, "S14_session1_mov1")
    (view,), _ = dhp19_views(DataConfig("dhp19", str(folder), ("cam3",)))
    assert np.isnan(view.uv[:7]).all() and not np.isnan(view.uv[7:]).any()


def test_held_out_movements_and_subjects_of_dhp19_are_left_out(write_dhp19, tmp_path):
    folder = tmp_path / "h5"
    for stem in ("S1_session1_mov1", "S1_session1_mov7", "S2_session1_mov1", "S13_session1_mov7"):
        write_dhp19(folder, stem)
    data = DataConfig("dhp19", str(folder), ("cam3",), (7,), (2, 13))
    training, validation = dhp19_views(data)
    assert [view.name[:-5] for view in training] == ["S1_session1_mov1"]
    assert [view.name[:-5] for view in validation] == ["S2_session1_mov1", "S13_session1_mov7"]
    with pytest.raises(RecordingError, match="none for validation: validation_subjects are"):
        dhp19_views(dataclasses.replace(data, validation_subjects=(5,)))


def write_clip(folder, plan, config):
    """A clip without events."""
    samples = round(config.seconds * 100) + 1
    events = {f"events_{name}": empty_events(0) for name in config.cameras}
    np.savez(
        folder / f"{plan.name}.npz", truth=np.zeros((samples, 13, 3)), plan=str(plan), **events
    )


def test_clips_of_other_settings_are_refused(tmp_path):
    config = DataConfig(clips=2, validation_clips=1, seconds=1.0, folder=str(tmp_path))
    training, validation = plan_clips(config)
    note_look(tmp_path)
    for plan in training + validation:
        write_clip(tmp_path, plan, config)
    make_clips(config, 1)  # nothing is missing
    assert [view.name for view in load_views(validation, config)] == [
        "validation_0000/cam2", "validation_0000/cam3",
    ]  # fmt: skip
    for change in ({"seed": 2}, {"seconds": 2.0}, {"cameras": ("cam1",)}):
        with pytest.raises(RecordingError, match=r"train_0000\.npz was made by other settings"):
            make_clips(dataclasses.replace(config, **change), 1)
    (tmp_path / "train_0001.npz").write_bytes(b"PK rubbish")
    with pytest.raises(RecordingError, match=r"train_0001\.npz is missing or damaged"):
        make_clips(config, 1)


def test_clips_of_another_simulated_world_are_refused(tmp_path, monkeypatch):
    config = DataConfig(clips=1, validation_clips=1, seconds=1.0, folder=str(tmp_path / "clips"))
    folder = tmp_path / "clips"
    note_look(folder)
    monkeypatch.setattr("hybrid_pose_ros.train.clips.LOOK", 1000)
    note_look(folder)  # nothing shows the old world yet
    plans = [*itertools.chain(*plan_clips(config))]
    for plan in plans:
        write_clip(folder, plan, config)
    make_clips(config, 1)
    monkeypatch.setattr("hybrid_pose_ros.train.clips.LOOK", 1001)
    with pytest.raises(RecordingError, match=r"another version \(look 1000, now 1001\); delete"):
        make_clips(config, 1)
    (folder / "look.json").unlink()
    with pytest.raises(RecordingError, match="look unknown, now 1001"):
        make_clips(config, 1)
    (folder / "look.json").write_text("[]")
    with pytest.raises(RecordingError, match=r"look\.json is damaged"):
        make_clips(config, 1)
    assert len(list(folder.glob("*.npz"))) == len(plans)
