"""Events copied from format to format: the same numbers, all or nothing, in little memory."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.cli import main
from hybrid_pose_ros.data.convert import convert
from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.errors import EncodingError, RecordingError
from hybrid_pose_ros.events.types import EVENT_DTYPE, empty_events

SHARED = Path(
    os.environ.get("HYBRID_POSE_SHARED", Path(__file__).resolve().parents[2].parent / "shared")
)
RECORDINGS = SHARED / "data" / "event_packets"
needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason=f"no recordings in {RECORDINGS}; set HYBRID_POSE_SHARED"
)
TARGETS = ["a.mcap", "a.db3", "folder", "a.h5", "a.npz"]
# name: sums of t (modulo 2^64), x, y, number of ON events, triggers (t, edge, id)
KNOWN = {
    "test_data_mono_cd": (4950000, 34450, 26450, 50, [0, 0, 0]),
    "test_data_evt3_trigger": (
        1222326831810000, 42078718, 31656267, 41439, [29096982000, 1, 0]
    ),
    "test_data_libcaer_rollover": (
        15762826572202229126, 111651612, 82801007, 181908, [0, 0, 0]
    ),
}  # fmt: skip
KEYS = ["width", "height", "events", "on", "off", "sum_t_ns", "sum_x", "sum_y", "triggers",
        "first_t_ns", "last_t_ns", "gaps", "faults"]  # fmt: skip


def hybrid_pose(*arguments):
    return main.main(["events", *map(str, arguments)])


def info(path, capsys, *more):
    capsys.readouterr()
    assert hybrid_pose("info", path, "--json", *more) == 0
    return json.loads(capsys.readouterr().out)


def read(path, names=None):
    with open_events(path) as source:
        chunks = list(source.chunks(names))
    edges = [chunk.triggers for chunk in chunks]
    return np.concatenate([chunk.events for chunk in chunks]), np.concatenate(edges)


def make_npz(path, events, **more):
    columns = {name: events[name] for name in EVENT_DTYPE.names}
    np.savez(path, **columns, unit="ns", width=346, height=260, **more)
    return path


def make_events(n, seed=0, step_ns=100_000):
    rng = np.random.default_rng(seed)
    events = empty_events(n)
    events["t"] = np.cumsum(rng.integers(0, step_ns, n))
    events["x"], events["y"] = rng.integers(0, 346, n), rng.integers(0, 260, n)
    events["p"] = rng.integers(0, 2, n)
    return events


@needs_recordings
@pytest.mark.parametrize("name", KNOWN)
def test_real_recordings_there_and_back(name, tmp_path, capsys):
    sum_t, sum_x, sum_y, on, triggers = KNOWN[name]
    known = info(RECORDINGS / name, capsys)
    assert [known[key] for key in ("sum_t_ns", "sum_x", "sum_y", "on")] == [
        sum_t, sum_x, sum_y, on
    ]  # fmt: skip
    assert list(known["cameras"]) == ["/event_camera/events"]
    for target in TARGETS:
        assert hybrid_pose("convert", RECORDINGS / name, tmp_path / target) == 0
        found = info(tmp_path / target, capsys)
        assert {key: found[key] for key in KEYS} == {key: known[key] for key in KEYS}
        assert read(tmp_path / target)[1].sum(0)[[0, 2, 1]].tolist() == triggers
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(TARGETS)
    for target, back in (("a.h5", "b.mcap"), ("a.npz", "b.db3"), ("folder", "b.h5")):
        assert hybrid_pose("convert", tmp_path / target, tmp_path / back) == 0
        found = info(tmp_path / back, capsys)
        assert {key: found[key] for key in KEYS} == {key: known[key] for key in KEYS}


@needs_recordings
def test_evt3_loses_only_what_it_cannot_hold(tmp_path, capsys):
    source = RECORDINGS / "test_data_libcaer_rollover"
    assert hybrid_pose("convert", source, tmp_path / "a.mcap", "--encoding", "evt3") == 0
    known, _ = read(source)
    found, _ = read(tmp_path / "a.mcap")
    shift = known["t"] // 1000 - found["t"] // 1000
    assert shift[0] > 0 and shift[0] % 2**24 == 0  # a receiver sees 24 bits of the microseconds
    assert (shift == shift[0]).all()
    assert all((known[key] == found[key]).all() for key in ("x", "y", "p"))


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from([("a.mcap", "mono"), ("a.db3", "evt3"), ("a.h5", "mono"), ("a.npz", "mono")]),
    st.integers(1, 300),
    st.sampled_from([1000, 2_000_000, 20_000_000_000]),
    st.integers(0, 100),
)
def test_any_events_come_back(tmp_path_factory, target, n, step_ns, seed):
    folder = tmp_path_factory.mktemp("a")
    events = make_events(n, seed, step_ns)
    events["t"] -= events["t"][0] + (events["t"] - events["t"][0]) % 1000  # microseconds, from 0
    edges = np.array([[5_000_000_000, 3, 1], [6_000_000_001, 0, 0]], np.int64)
    source = make_npz(folder / "source.npz", events, triggers=edges)
    done = convert(source, folder / target[0], encoding=target[1])
    found, triggers = read(folder / target[0])
    assert (found == events).all() and (triggers == edges).all()
    assert (done.events, done.moved, done.streams) == (n, 0, ["/events"])


def test_time_that_runs_backwards_is_told(tmp_path, capsys):
    events = make_events(1000)
    events["t"][500:510] -= 2_000_000
    expected = np.maximum.accumulate(events["t"])
    source = make_npz(tmp_path / "a.npz", events)
    assert info(source, capsys)["faults"] == {"order": 1}
    assert hybrid_pose("convert", source, tmp_path / "a.mcap") == 0
    assert f"time of {(expected != events['t']).sum()} events ran back" in capsys.readouterr().err
    assert (read(tmp_path / "a.mcap")[0]["t"] == expected).all()
    assert hybrid_pose("convert", source, tmp_path / "a.h5") == 0  # as they are
    assert (read(tmp_path / "a.h5")[0]["t"] == events["t"]).all()


def test_streams_are_chosen(tmp_path, capsys):
    source = make_npz(tmp_path / "a.npz", make_events(100))
    assert hybrid_pose("convert", source, tmp_path / "a.h5", "--topic", "/other") == 2
    assert "no events named /other; it has /events" in capsys.readouterr().err
    assert hybrid_pose("convert", source, tmp_path / "a.h5", "--topic", "/events") == 0


def test_existing_files_stay_unless_forced(tmp_path, capsys):
    source = make_npz(tmp_path / "a.npz", make_events(100))
    for target in (tmp_path / "b.h5", tmp_path / "bag"):
        for _ in range(2):
            hybrid_pose("convert", source, target)
        assert "exists already" in capsys.readouterr().err
        make_npz(source, make_events(50))
        assert hybrid_pose("convert", source, target, "--force") == 0
        assert len(read(target)[0]) == 50
        make_npz(source, make_events(100))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.h5", "bag"]


def test_a_folder_of_other_things_stays_even_then(tmp_path, capsys):
    source = make_npz(tmp_path / "a.npz", make_events(100))
    home = tmp_path / "home"
    home.mkdir()
    assert hybrid_pose("convert", source, home, "--force") == 0  # it was empty
    (home / "metadata.yaml").unlink()
    (home / "thesis.txt").write_text("years of work")
    assert hybrid_pose("convert", source, home, "--force") == 2
    assert f"{home} is a folder, and not of a recording" in capsys.readouterr().err
    assert (home / "thesis.txt").read_text() == "years of work"


def test_nothing_half_written(tmp_path, capsys):
    """A source that breaks in the middle leaves the old target as it was."""
    source = tmp_path / "a.raw"
    words = (2**28 + np.arange(10000) % 480).astype("<u4")  # ON, x = 0, y
    source.write_bytes(b"% evt 2.0\n\0\0\0\x80" + words.tobytes()[:-1])
    for target in TARGETS:
        assert hybrid_pose("convert", source, tmp_path / target) == 2
        told = capsys.readouterr().err
        assert "The 9999 events before it can be had with 'hybrid_pose events convert" in told
        assert [p.name for p in tmp_path.iterdir()] == ["a.raw"]
    assert hybrid_pose("convert", source, tmp_path / "a.npz", "--partial") == 0
    told = capsys.readouterr().err
    assert "damaged at byte 40010" in told and "The 9999 events before it were taken" in told
    assert "--partial" not in told  # what was done is not advised
    assert len(read(tmp_path / "a.npz")[0]) == 9999
    assert info(source, capsys, "--partial")["faults"]["damage"] == 1


def test_what_cannot_be_written_is_named(tmp_path):
    source = make_npz(tmp_path / "a.npz", make_events(10))
    with pytest.raises(RecordingError, match=r"a\.csv: its name must end in one of \.mcap"):
        convert(source, tmp_path / "a.csv")
    with pytest.raises(EncodingError, match=r"'libcaer' cannot be written.*mono, evt3"):
        convert(source, tmp_path / "a.mcap", encoding="libcaer")
    with pytest.raises(RecordingError, match="--encoding evt3 is for bags"):
        convert(source, tmp_path / "a.h5", encoding="evt3")
    (tmp_path / "file").touch()
    with pytest.raises(RecordingError, match="file"):
        convert(source, tmp_path / "file" / "a.h5")
    convert(source, tmp_path / "a.h5")
    with open_events(tmp_path / "a.h5") as opened:
        assert opened.streams["/events"].width == 346


def test_unknown_formats(tmp_path):
    path = tmp_path / "a.aedat4"
    for content in (b"hello world", b"#!AER-DAT3.1\r\n"):
        path.write_bytes(content)
        with pytest.raises(RecordingError, match=r"not a recording of a known format.*AEDAT 4"):
            open_events(path)
    path.write_bytes(b"")
    with pytest.raises(RecordingError, match="is empty"):
        open_events(path)
    with pytest.raises(RecordingError, match="does not exist"):
        open_events(tmp_path / "nothing")


def test_partial_does_not_excuse_a_stream_that_is_missing(tmp_path, capsys):
    make_npz(tmp_path / "a.npz", make_events(9))
    words = ("info", tmp_path / "a.npz", "--topic", "/cam9/events", "--partial")
    assert hybrid_pose(*words) == 2
    assert "no events named /cam9/events" in capsys.readouterr().err


def test_content_decides_not_the_name(tmp_path):
    source = make_npz(tmp_path / "a.npz", make_events(1000))
    for target in TARGETS[:2]:
        convert(source, tmp_path / target)
        misnamed = (tmp_path / target).rename(tmp_path / "recording.bin")
        assert len(read(misnamed)[0]) == 1000


@pytest.mark.parametrize("target", TARGETS)
def test_memory_stays_small(tmp_path, target):
    """A recording of 64 MB passes through less memory than a quarter of it."""
    n, part = 4_000_000, np.arange(200_000, dtype=np.int64) * 500
    source = tmp_path / "a.dat"
    with source.open("wb") as file:
        file.write(b"% Data file containing CD events\n% Version 2\n\x00\x08")
        for i in range(n // len(part)):
            rows = np.stack([i * 100_000_000 // 1000 + part // 1000, part // 500 % 300], 1)
            file.write(rows.astype("<u4").tobytes())
    with open_events(source) as opened:
        next(opened.chunks())  # imports and compilation are not the recording's memory
    tracemalloc.start()
    convert(source, tmp_path / target)
    with open_events(tmp_path / target) as opened:
        assert sum(len(chunk.events) for chunk in opened.chunks()) == n
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * n / 4
