"""The data set: which recordings, which windows, which numbers."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from hybrid_pose_ros.data.dhp19_dataset import Dhp19Dataset
from hybrid_pose_ros.data.dhp19_files import find_recordings
from hybrid_pose_ros.data.dhp19_sequence import collate
from hybrid_pose_ros.data.dhp19_windows import Windows
from hybrid_pose_ros.errors import CalibrationError, ConfigError, RecordingError
from hybrid_pose_ros.pose.rig import DHP19_CROP, load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.dhp19_file import write_dhp19_h5
from hybrid_pose_ros.simulator.simulate import simulate

RIG = load_rig(share_path("config", "dhp19_rig.yaml"))
RATE_HZ = 50_000


def write(folder, stem="S1_session1_mov1", seconds=0.6, seed=0, last_index=True):
    """Random events of cam2 and cam3 and a person that rises by 1 mm every 10 ms."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    columns = {}
    with h5py.File(folder / f"{stem}_events.h5", "w") as file:
        for camera in ("cam2", "cam3"):
            count = int(RATE_HZ * seconds)
            t = np.sort(rng.integers(0, int(seconds * 1e6), count))
            values = {"t": t, "x": rng.integers(1, 347, count), "y": rng.integers(1, 261, count)}
            values["p"] = rng.integers(0, 2, count)
            for name, column in values.items():
                file[f"{camera}_events/{name}"] = column
            edges = np.arange(int(seconds * 1000) + last_index) * 1000
            file[f"{camera}_ms_to_idx"] = np.searchsorted(t, edges)
            columns[camera] = values
    labels = int(seconds * 100)
    pose = np.zeros((labels, 3, 13))
    pose[:] = np.linspace(0, 1200, 13)
    pose[:, :2] = 0.0
    pose[:, 2] += np.arange(labels)[:, None]
    pose[:, :, 4] = np.nan  # a lost marker
    with h5py.File(folder / f"{stem}_events_label.h5", "w") as file:
        file["XYZ/3d_poses"] = pose
        file["XYZ/timestamps"] = np.arange(labels) * 10_000
    return columns, pose


def brute(values, first, last, bins):
    """The published histogram, event by event: (bins, 2, 256, 256)."""
    out = np.zeros((bins, 2, 256, 256), np.float32)
    t = values["t"][first:last]
    for i in range(first, last):
        share = (values["t"][i] - t[0]) / (t[-1] - t[0])
        slot = min(int(np.floor(bins * share)), bins - 1)
        u, v = values["x"][i] - 1 - 34, values["y"][i] - 1 - 2
        if 0 <= u < 256 and 0 <= v < 256:
            out[slot, values["p"][i], v, u] += 1
    return out


def test_published_windows_are_those_of_the_published_code(tmp_path):
    columns, pose = write(tmp_path)
    data = Dhp19Dataset(tmp_path, cameras=["cam3"])
    # 7500 events take 150 ms: keyframes at 200, 300, 400 and 500 ms.
    assert [data.describe(i)[2] for i in range(len(data))] == [200, 300, 400, 500]
    item, values = data[1], columns["cam3"]
    middle, end = np.searchsorted(values["t"], [300_000, 400_000])
    expected = brute(values, middle - 7500, middle, 10)
    # Channels: polarity-0 bins, then polarity-1 bins.
    np.testing.assert_array_equal(item.keyframe[:10], expected[:, 0])
    np.testing.assert_array_equal(item.keyframe[10:], expected[:, 1])
    np.testing.assert_array_equal(item.bins, brute(values, middle, end, 10))
    # Labels: the pose at the beginning of the last bin before the keyframe, then of each bin.
    xyz = pose[29:40].transpose(0, 2, 1) / 1000
    np.testing.assert_allclose(item.xyz, xyz, atol=1e-6)
    uv = RIG.cameras["cam3"].project(xyz) - [DHP19_CROP.x, DHP19_CROP.y]
    known = np.all((uv > -0.5) & (uv < 255.5), axis=-1)
    assert known[:, 0].all()
    assert not known[:, 4].any()
    np.testing.assert_allclose(item.cells.numpy()[known], uv[known], atol=1e-4)
    assert np.isnan(item.cells.numpy()[~known]).all()
    assert item.number == 1


def test_streaming_windows_have_fixed_edges(tmp_path):
    columns, pose = write(tmp_path)
    windows = Windows(edges="fixed", input_size=128, heatmap_size=64, bins=5, keyframe="duration")
    data = Dhp19Dataset(tmp_path, cameras=["cam2"], windows=windows)
    assert data.describe(0) == ("S1_session1_mov1", "cam2", 100)
    item, values = data[2], columns["cam2"]
    assert item.keyframe.shape == (20, 128, 128)
    assert item.bins.shape == (5, 2, 128, 128)
    inside = (values["x"] > 34) & (values["x"] <= 290) & (values["y"] > 2) & (values["y"] <= 258)
    for k in range(5):
        low = 300_000 + 10_000 * k
        during = inside & (values["t"] >= low) & (values["t"] < low + 10_000)
        assert item.bins[k].sum() == during.sum()
        assert item.bins[k, 1].sum() == (during & (values["p"] == 1)).sum()
    np.testing.assert_allclose(item.xyz, pose[30:36].transpose(0, 2, 1) / 1000, atol=1e-6)
    crop = RIG.cameras["cam2"].crop
    uv = crop.to_cells(RIG.cameras["cam2"].project(item.xyz.numpy().astype(float)), 64)
    np.testing.assert_allclose(item.cells[:, 0], uv[:, 0], atol=1e-3)
    alone = Dhp19Dataset(tmp_path, cameras=["cam2"], windows=Windows(bins=0))[0]
    assert alone.bins.shape == (0, 2, 256, 256)
    assert alone.cells.shape == (1, 13, 2)
    by_count = Dhp19Dataset(tmp_path, cameras=["cam2"], windows=Windows(edges="fixed", events=1000))
    assert by_count[0].keyframe.sum() == 1000  # inside of the crop


@pytest.mark.parametrize("keyframe", ["count", "duration"])
def test_bins_before_a_keyframe_are_those_that_were_bins_then(tmp_path, keyframe):
    write(tmp_path)
    common = {"edges": "fixed", "input_size": 32, "keyframe": keyframe, "events": 100}
    plain = Windows(**common, bins=10)
    looking_back = Windows(**common, bins=10, earlier=4)
    known, data = (
        Dhp19Dataset(tmp_path, cameras=["cam2"], windows=w) for w in (plain, looking_back)
    )
    assert len(known) == len(data) > 2 and known[0].before.shape[0] == 0
    for index in range(1, len(data)):
        assert data[index].before.sum() > 0
        np.testing.assert_array_equal(data[index].before, known[index - 1].bins[-4:])
        np.testing.assert_array_equal(data[index].keyframe, known[index].keyframe)
    batch = collate([data[1], data[2]])
    assert batch.before.shape == (4, 2, 2, 32, 32)
    np.testing.assert_array_equal(batch.before[:, 1], data[2].before)


def test_few_files_are_open_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("hybrid_pose_ros.data.dhp19_dataset._OPEN_FILES", 3)
    opened = []
    real = h5py.File

    def noted(*args):
        opened.append(real(*args))
        return opened[-1]

    for number in range(4):
        write(tmp_path, f"S{number + 1}_session1_mov1", seconds=0.4, seed=number)
    monkeypatch.setattr(h5py, "File", noted)
    data = Dhp19Dataset(tmp_path, "all", ["cam2"], Windows(events=100))
    assert len(opened) == 8 and not any(opened)  # closed files are false
    for index in (*range(len(data)), 0):
        assert data[index].number == index
        assert sum(map(bool, opened)) <= 3


@pytest.mark.parametrize("last_index", [True, False])
def test_the_last_sequence_ends_with_the_recording(tmp_path, last_index):
    columns, _ = write(tmp_path, last_index=last_index)
    windows = Windows(edges="events", keyframe="duration")
    data = Dhp19Dataset(tmp_path, cameras=["cam2"], windows=windows)
    assert data.describe(len(data) - 1)[2] == 500
    values = columns["cam2"]
    first = int(np.searchsorted(values["t"], 500_000))
    expected = brute(values, first, len(values["t"]), 10)
    np.testing.assert_array_equal(data[len(data) - 1].bins, expected)


def test_the_published_split(tmp_path):
    for stem in ("S1_session1_mov1", "S12_session5_mov7", "S13_session1_mov1", "S17_session4_mov2"):
        write(tmp_path, stem, 0.1)
    write(tmp_path, "S16_session2_mov1", 0.1)
    write(tmp_path, "S16_session2_mov2", 0.1)
    write(tmp_path / "ours", "S1042_02_01", 0.1)
    stems = {
        split: [r.stem for r in find_recordings(tmp_path, split)] for split in ("train", "test")
    }
    assert stems["train"] == ["S1_session1_mov1", "S12_session5_mov7", "S1042_02_01"]
    assert stems["test"] == ["S13_session1_mov1", "S16_session2_mov2", "S17_session4_mov2"]
    assert len(find_recordings(tmp_path)) == 6


def test_workers_and_pickles_give_the_same_sequences(tmp_path):
    write(tmp_path)
    data = Dhp19Dataset(tmp_path, cameras=["cam2", "cam3"], windows=Windows(bins=3, input_size=64))
    assert len(data) == 8
    alone = [collate([data[i] for i in (first, first + 1)]) for first in range(0, 8, 2)]
    assert alone[0].keyframe.shape == (2, 20, 64, 64)
    assert alone[0].bins.shape == (3, 2, 2, 64, 64)
    assert alone[0].cells.shape == (4, 2, 13, 2)
    loader = DataLoader(
        data, batch_size=2, num_workers=1, collate_fn=collate, multiprocessing_context="fork"
    )
    copied = pickle.loads(pickle.dumps(data))
    for number, batch in enumerate(loader):
        assert batch.number.tolist() == [2 * number, 2 * number + 1]
        for name, column in batch._asdict().items():
            torch.testing.assert_close(column, getattr(alone[number], name), equal_nan=True)
    torch.testing.assert_close(copied[5].bins, data[5].bins)


def test_our_recordings_are_read_alike(tmp_path):
    recording = simulate(13, 8, 5, 0.5, [RIG.cameras["cam2"]])
    write_dhp19_h5(recording, tmp_path)
    windows = Windows(edges="fixed", events=500)
    data = Dhp19Dataset(tmp_path, "test", ["cam2", "cam3"], windows)
    assert {data.describe(i)[1] for i in range(len(data))} == {"cam2"}  # cam3 saw nothing
    item = data[0]
    start = data.describe(0)[2]
    truth = recording.truth_xyz[start // 10 : start // 10 + 11]
    np.testing.assert_allclose(item.xyz, truth, atol=1e-6)
    events = recording.cameras["cam2"]
    during = (events["t"] // 10**6 >= start) & (events["t"] // 10**6 < start + 100)
    x, y = events["x"].astype(int) - 34, events["y"].astype(int) - 2
    inside = (x >= 0) & (x < 256) & (y >= 0) & (y < 256)
    assert item.bins.sum() == (during & inside).sum()


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(RecordingError, match="has no recordings of the train split"):
        Dhp19Dataset(tmp_path)
    write(tmp_path)
    with pytest.raises(RecordingError, match="split must be one of"):
        Dhp19Dataset(tmp_path, "validation")
    with pytest.raises(CalibrationError, match="cam9"):
        Dhp19Dataset(tmp_path, cameras=["cam9"])
    with pytest.raises(ConfigError, match="step_ms must be a multiple of 10"):
        Windows(step_ms=15)
    with pytest.raises(ConfigError, match="count or duration"):
        Windows(keyframe="sometimes")
    label = tmp_path / "S1_session1_mov1_events_label.h5"
    label.rename(tmp_path / "kept")
    with pytest.raises(RecordingError, match="has no labels beside it"):
        Dhp19Dataset(tmp_path)
    with h5py.File(label, "w") as file:
        file["XYZ"] = np.zeros((13, 3, 5))  # the layout of DHP19's own frames
    with pytest.raises(RecordingError, match="has no 'XYZ/timestamps'"):
        Dhp19Dataset(tmp_path)
    label.write_bytes(b"not HDF5")
    with pytest.raises(RecordingError, match="cannot be read"):
        Dhp19Dataset(tmp_path)
