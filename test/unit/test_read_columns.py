"""Events in columns: HDF5 of several makers, and NumPy archives."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.errors import RecordingError

N = 200_000


def columns(n=N, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "t": np.cumsum(rng.integers(0, 30, n)),
        "x": rng.integers(0, 346, n).astype(np.uint16),
        "y": rng.integers(0, 260, n).astype(np.uint16),
        "p": rng.integers(0, 2, n).astype(bool),
    }


def read(path, name="/events"):
    with open_events(path) as source:
        chunks = list(source.chunks([name]))
        return np.concatenate([chunk.events for chunk in chunks]), chunks, source.streams[name]


def write_group(file, path, data):
    for key, values in data.items():
        file[f"{path}/{key}"] = values


def test_dhp19(tmp_path):
    path = tmp_path / "S1_session1_mov1_events.h5"
    known = [columns(seed=n) for n in range(4)]
    with h5py.File(path, "w") as file:
        for n, data in enumerate(known):
            write_group(file, f"cam{n}_events", {**data, "x": data["x"] + 1, "y": data["y"] + 1})
            file[f"cam{n}_ms_to_idx"] = np.searchsorted(data["t"], np.arange(9) * 1000)
    with open_events(path) as source:
        assert list(source.streams) == [f"/cam{n}/events" for n in range(4)]
        chunks = list(source.chunks())
    for n, data in enumerate(known):
        events, _, info = read(path, f"/cam{n}/events")
        assert (info.width, info.height, info.encoding) == (346, 260, "dhp19")
        assert (events["t"] == data["t"] * 1000).all()
        assert all((events[key] == data[key]).all() for key in "xyp")
        merged = np.concatenate([c.events for c in chunks if c.stream == info.name])
        assert (merged == events).all()
    starts = [chunk.events["t"][0] for chunk in chunks]
    assert len(starts) > 12 and starts == sorted(starts)


def test_dsec(tmp_path):
    path, data = tmp_path / "events.h5", columns()
    with h5py.File(path, "w") as file:
        write_group(file, "events", {**data, "t": data["t"].astype(np.uint32)})
        file["t_offset"] = np.int64(4_920_000_000)
    events, _, info = read(path)
    assert (events["t"] == (data["t"] + 4_920_000_000) * 1000).all()
    assert (info.width, info.height) == (346, 260)  # what the events need


def test_e2vid(tmp_path):
    path, data = tmp_path / "events.h5", columns(1000)
    with h5py.File(path, "w") as file:
        write_group(
            file,
            "events",
            {"ts": data["t"] / 1e6, "xs": data["x"], "ys": data["y"], "ps": data["p"] * 2.0 - 1},
        )
        file.attrs["sensor_resolution"] = (300, 400)
    events, _, info = read(path)
    assert (events["t"] == data["t"] * 1000).all()
    assert (events["p"] == data["p"]).all()
    assert (info.width, info.height) == (400, 300)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path, save):
    path, data = tmp_path / "a.npz", columns()
    save(path, **data, width=346, height=260)
    events, chunks, info = read(path)
    assert len(chunks) == 4
    assert (events["t"] == data["t"] * 1000).all()
    assert all((events[key] == data[key]).all() for key in "xyp")
    assert (info.width, info.height) == (346, 260)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["ns", "us", "ms", "s"]),
    st.sampled_from(["<i8", ">i4", "<u8", "<f8"]),
    st.lists(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 9), st.integers(-1, 1))),
)
def test_npz_of_any_type(tmp_path_factory, unit, kind, rows):
    path = tmp_path_factory.mktemp("a") / "a.npz"
    t, x, p = np.array(rows, np.int64).reshape(-1, 3).T
    np.savez(path, t=t.astype(kind), x=x, y=x.astype(np.float32), p=p.astype(np.int8), unit=unit)
    scale = {"ns": 1, "us": 1000, "ms": 10**6, "s": 10**9}[unit]
    with open_events(path) as source:
        found = [event for chunk in source.chunks() for event in chunk.events.tolist()]
    exact = [(ti * scale, xi, xi, int(pi > 0)) for ti, xi, pi in rows]
    if kind == "<f8":  # doubles are exact up to 2^53
        assert [e[1:] for e in found] == [e[1:] for e in exact]
        assert np.allclose([e[0] for e in found], [e[0] for e in exact], rtol=2e-16, atol=0.5)
    else:
        assert found == exact


def test_what_cannot_be_is_dropped_and_counted(tmp_path):
    path = tmp_path / "a.npz"
    t = np.array([1, 2, np.nan, -1, 1e30, 3])
    np.savez(path, t=t, x=[0, 9, 1, 1, 1, 10], y=[0] * 6, p=[1] * 6, width=10, height=5)
    events, (chunk,), _ = read(path)
    assert events["t"].tolist() == [10**9, 2 * 10**9]
    assert chunk.faults == {"time_range": 3, "coordinate": 1}


def test_bad_columns_are_named(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, t=[1, 2], x=[1], y=[1, 2], p=[1, 2])
    with pytest.raises(RecordingError, match="differ in length"):
        open_events(path)
    np.savez(path, t=np.array(["a"]), x=[1], y=[1], p=[1])
    with pytest.raises(RecordingError, match=r"column t .*not numbers"):
        open_events(path)
    np.savez(path, t=[1], x=[1], y=[1])
    with pytest.raises(RecordingError, match=r"no arrays t, x, y and p .*it has t, x, y"):
        open_events(path)
    np.savez(path, t=[1], x=[1], y=[1], p=[1], unit="weeks")
    with pytest.raises(RecordingError, match="unit 'weeks'"):
        open_events(path)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["t"] = [1]
    with pytest.raises(RecordingError, match="no group with events"):
        open_events(tmp_path / "a.h5")


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_cut_short(tmp_path, suffix):
    path, data = tmp_path / f"a{suffix}", columns(20_000)
    if suffix == ".npz":
        np.savez(path, **data)
    else:
        with h5py.File(path, "w") as file:
            write_group(file, "events", data)
    whole = path.read_bytes()
    for share in (0.02, 0.3, 0.6, 0.95):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(RecordingError, match=r"cannot be read.*damaged"):
            read(path)
