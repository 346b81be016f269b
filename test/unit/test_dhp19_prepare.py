"""`hybrid_pose dhp19 prepare`: the raw format, the data set's own filters, and damaged files."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from hybrid_pose_ros.cli.main import main
from hybrid_pose_ros.data.dhp19_dataset import Dhp19Dataset
from hybrid_pose_ros.data.dhp19_filters import HOT_EVENTS, hot, keep, lit, supported
from hybrid_pose_ros.data.dhp19_prepare import find_raw, prepare
from hybrid_pose_ros.data.dhp19_raw import RawRecording, span
from hybrid_pose_ros.data.dhp19_windows import Windows
from hybrid_pose_ros.events.types import EVENT_DTYPE

MARKERS = (
    "head", "shoulderR", "shoulderL", "elbowR", "elbowL", "hipR", "hipL", "handR", "handL",
    "kneeR", "kneeL", "footR", "footL",
)  # fmt: skip
SPECIAL, APS = 0x400, 0x80000000
START_US = 5_000_000


def address(camera, x, y, p):
    """As jAER packs a DVS event of a DAVIS: x from the right, y from the bottom."""
    raw_x, raw_y = 345 - np.asarray(x), 259 - np.asarray(y)
    return (raw_y << 22) | (raw_x << 12) | (np.asarray(p) << 11) | np.asarray(camera)


def write_aedat(path, addresses, times_us, header=b"#!AER-DAT2.0\r\n# jAER\r\n"):
    words = np.empty((len(times_us), 2), ">u4")
    words[:, 0], words[:, 1] = addresses, np.asarray(times_us, int) & 0xFFFFFFFF
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + words.tobytes())


def write_mat(path, labels, lost=None, leave=()):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(3)
    poses = rng.normal(0.0, 300.0, (labels, 3, 13))
    if lost is not None:
        poses[lost] = np.nan
    fields = {name: poses[:, :, i] for i, name in enumerate(MARKERS) if name not in leave}
    savemat(path, {"XYZPOS": fields})
    return poses


def raw_folder(folder, labels=30, signals=(0, 1), stem=(1, 2, 3), before_us=200_000):
    """A recording: pairs of neighbouring events everywhere, one signal pair at the start."""
    subject, session, movement = stem
    rng = np.random.default_rng(0)
    count = 3000
    t = np.sort(rng.integers(-before_us, labels * 10_000 + 100_000, count)) + START_US
    x, y = rng.integers(2, 343, count), rng.integers(2, 257, count)
    camera, p = rng.integers(0, 4, count), rng.integers(0, 2, count)
    # Every event has a partner to its right 100 us later, which it supports.
    t, x, y = np.concatenate([t, t + 100]), np.concatenate([x, x + 1]), np.concatenate([y, y])
    camera, p = np.tile(camera, 2), np.tile(p, 2)
    marks = np.array(signals, int) + START_US
    addresses = np.concatenate([address(camera, x, y, p), np.full(len(marks), SPECIAL)])
    frames = np.full(20, APS | 0x123456)  # picture samples between the events
    times = np.concatenate([t, marks, np.linspace(t.min(), t.max(), 20).astype(int)])
    addresses = np.concatenate([addresses, frames]).astype(np.uint32)
    order = np.argsort(times, kind="stable")
    events = folder / f"DVS_movies/S{subject}/session{session}/mov{movement}.aedat"
    write_aedat(events, addresses[order], times[order])
    poses = write_mat(folder / f"Vicon_data/S{subject}_{session}_{movement}.mat", labels, lost=4)
    order = np.argsort(t, kind="stable")
    columns = {"t": t[order] - START_US, "x": x[order] + 1, "y": y[order] + 1, "p": p[order]}
    return {**columns, "camera": camera[order]}, poses


def reference(values, length_us):
    """The scripts' filters, literally: pixels of all cameras in one picture, counted from 1."""
    inside = (values["t"] > 0) & (values["t"] < length_us)
    t, x, y, camera = (values[k][inside] for k in ("t", "x", "y", "camera"))
    wide, last, kept = x + 346 * camera, {}, []
    for i in range(len(t)):
        u, v = wide[i], y[i]
        good = t[i] - last.get((u, v), -(10**9)) <= 70_000
        if not (u in (1, 1384) or v in (1, 260)):
            for du in (-1, 0, 1):
                for dv in (-1, 0, 1):
                    last[u + du, v + dv] = t[i]
        lamp = (780 < u < 810 and 115 < v < 145) or (1252 < u < 1259 and 136 < v < 144)
        if good and not lamp:
            kept.append(i)
    return {name: values[name][inside][kept] for name in values}


def test_a_raw_recording_becomes_what_the_data_set_reads(tmp_path, capsys):
    values, poses = raw_folder(tmp_path / "raw")
    out = tmp_path / "out"
    assert main(["dhp19", "prepare", str(tmp_path / "raw"), str(out)]) == 0
    assert "1 recordings made, 0 were there, 0 failed" in capsys.readouterr().out
    expected = reference(values, 300_000)
    with h5py.File(out / "S1_session2_mov3_events.h5") as file:
        for number in range(4):
            group, mine = file[f"cam{number}_events"], expected["camera"] == number
            for name in ("t", "x", "y", "p"):
                np.testing.assert_array_equal(group[name][:], expected[name][mine])
            index = file[f"cam{number}_ms_to_idx"][:]
            assert len(index) == 300
            np.testing.assert_array_equal(
                index, np.searchsorted(expected["t"][mine], np.arange(300) * 1000)
            )
    with h5py.File(out / "S1_session2_mov3_events_label.h5") as file:
        np.testing.assert_array_equal(file["XYZ/3d_poses"][:], poses)
        np.testing.assert_array_equal(file["XYZ/timestamps"][:], np.arange(30) * 10_000)
    windows = Windows(keyframe="duration", edges="fixed")
    assert len(Dhp19Dataset(out, windows=windows, cameras=["cam0"])) == 1


def test_a_second_run_makes_only_what_is_missing(tmp_path, capsys):
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw_folder(raw, 5)
    raw_folder(raw, 5, stem=(2, 1, 1))
    assert main(["dhp19", "prepare", str(raw), str(out), "--subjects", "1"]) == 0
    made = out / "S1_session2_mov3_events.h5"
    stamp = made.stat().st_mtime_ns
    (out / "S1_session2_mov3_events_label.h5").unlink()
    (out / ".S1_session2_mov3_events.h5.part").write_bytes(b"left by a kill")
    capsys.readouterr()
    assert main(["dhp19", "prepare", str(raw), str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"made": 2, "kept": 0, "failed": {}}
    assert made.stat().st_mtime_ns > stamp
    stamps = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert len(stamps) == 4
    assert main(["dhp19", "prepare", str(raw), str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == 2
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == stamps


def no_markers(raw: Path) -> None:
    (raw / "Vicon_data/S1_2_3.mat").unlink()


def lost_joint(raw: Path) -> None:
    write_mat(raw / "Vicon_data/S1_2_3.mat", 5, leave=("handL",))


def other_mat(raw: Path) -> None:
    savemat(raw / "Vicon_data/S1_2_3.mat", {"positions": np.zeros(3)})


def no_mat(raw: Path) -> None:
    (raw / "Vicon_data/S1_2_3.mat").write_bytes(b"hello")


def cut_off(raw: Path) -> None:
    path = raw / "DVS_movies/S1/session2/mov3.aedat"
    path.write_bytes(path.read_bytes()[:-5])


def no_events(raw: Path) -> None:
    write_aedat(raw / "DVS_movies/S1/session2/mov3.aedat", [], [])


def corrupted(raw: Path) -> None:
    raw_folder(raw, 5, signals=range(0, 700, 100))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_markers, "S1_2_3.mat is missing"),
        (lost_joint, "XYZPOS.handL is missing"),
        (other_mat, "has no XYZPOS"),
        (no_mat, "S1_2_3.mat cannot be read"),
        (cut_off, "mov3.aedat is damaged at byte"),
        (no_events, "mov3.aedat has no events"),
        (corrupted, "7 external signals; the recording is corrupted"),
    ],
)
def test_a_damaged_file_is_named_and_the_others_are_made(tmp_path, capsys, damage, message):
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw_folder(raw, 5)
    raw_folder(raw, 5, stem=(2, 1, 1))
    damage(raw)
    assert main(["dhp19", "prepare", str(raw), str(out)]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert "error: 1 of 2 recordings could not be prepared: S1_session2_mov3;" in printed.err
    assert "1 recordings made" in printed.out
    names = sorted(path.name for path in out.iterdir())
    assert names == ["S2_session1_mov1_events.h5", "S2_session1_mov1_events_label.h5"]


def test_a_folder_without_recordings_is_named(tmp_path, capsys):
    assert main(["dhp19", "prepare", str(tmp_path), str(tmp_path / "out")]) == 2
    assert "has no recordings DVS_movies/S<subject>" in capsys.readouterr().err
    raw_folder(tmp_path, 5)
    out = str(tmp_path / "out")
    assert main(["dhp19", "prepare", str(tmp_path), out, "--subjects", "7"]) == 2
    assert "of the subjects 7" in capsys.readouterr().err
    assert main(["dhp19", "prepare", str(tmp_path), out, "--subjects", "x"]) == 2
    assert not (tmp_path / "out").exists()


def test_time_stamps_that_wrap_go_on(tmp_path):
    raw = tmp_path
    t = np.arange(0, 50_000, 500) + 2**32 - 20_000
    x = 50 + np.arange(len(t)) // 4 % 2  # each camera's events support each other
    addresses = address(np.tile([0, 1, 2, 3], 25), x, np.full(len(t), 60), np.ones(len(t), int))
    marks = np.array([SPECIAL, SPECIAL])
    path = raw / "DVS_movies/S14/session1/mov1.aedat"
    write_aedat(path, np.concatenate([marks, addresses]), np.concatenate([[t[0] - 1] * 2, t]))
    write_mat(raw / "Vicon_data/S14_1_1.mat", 6)
    (pair,) = find_raw(raw, tmp_path / "out")
    assert prepare(pair) == {"events": 100, "kept": 96, "labels": 6}
    with h5py.File(pair.files[0]) as file:
        np.testing.assert_array_equal(file["cam2_events/t"][:], np.arange(2, 100, 4)[1:] * 500 + 1)


def signalled(*signals: float, last: float = 10.0) -> RawRecording:
    events = np.zeros(2, EVENT_DTYPE)
    events["t"] = [0, int(last * 1e9)]
    return RawRecording(events, np.zeros(2, np.uint8), np.array(signals) * 1e9)


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ((), (0.0, 10.0)),
        ((2.0,), (2.0, 6.0)),
        ((8.0,), (4.0, 8.0)),
        ((2.0, 2.0), (2.0, 6.0)),
        ((9.0, 9.0), (5.0, 9.0)),
        ((2.0, 2.0, 7.0), (2.0, 7.0)),
        ((2.0, 2.0, 2.0, 2.0), (2.0, 6.0)),
        ((2.0, 2.0, 2.0, 2.0, 7.5), (2.0, 7.5)),
    ],
)
def test_the_signals_say_when_the_capture_ran(signals, expected):
    found = span(signalled(*signals), 400, Path("a.aedat"))
    np.testing.assert_allclose(np.array(found) * 1e-9, expected)


def test_hot_pixels_are_those_with_ten_thousand_events():
    x = np.repeat([5, 6, 7], [HOT_EVENTS, HOT_EVENTS - 1, 3])
    found = hot(x, np.full(len(x), 9), 1384)
    np.testing.assert_array_equal(found, x == 5)


def test_support_comes_from_neighbours_within_70_ms():
    x = np.array([100, 101, 103, 100, 100, 1, 2])
    y = np.array([50, 51, 51, 50, 51, 50, 50])
    t = np.array([0, 70, 70, 141, 212, 300, 301]) * 1_000_000
    found = supported(x, y, t, 1384)
    # first: none; diagonal in time; too far; 71 ms after the last of its own and 71 after the
    # neighbour; likewise; the border supports nobody.
    np.testing.assert_array_equal(found, [False, True, False, False, False, False, False])
    two = np.array([0, 70_000_000])
    assert supported(np.array([8, 9]), np.array([9, 9]), two, 1384)[1]
    assert not supported(np.array([9, 9]), np.array([9, 9]), two, 1384)[1]  # not by itself


def test_the_lamps_are_masked():
    x = np.array([780, 781, 809, 810, 795, 795, 1253, 1258, 1259])
    y = np.array([130, 116, 144, 130, 115, 145, 137, 143, 140])
    np.testing.assert_array_equal(lit(x, y), [0, 1, 1, 0, 0, 0, 1, 1, 0])


def test_lamps_and_hot_pixels_in_pixels_of_a_camera():
    # Column 795 of the wide picture is column 795 - 692 of camera 2, from 1.
    events = np.zeros(4, EVENT_DTYPE)
    events["x"], events["y"] = [102, 103, 102, 103], [129, 129, 129, 129]
    events["t"] = np.arange(4) * 1000
    np.testing.assert_array_equal(keep(events, np.full(4, 2), 4), [False] * 4)
    np.testing.assert_array_equal(keep(events, np.full(4, 1), 4), [False, True, True, True])
