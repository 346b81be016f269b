"""Prophesee's raw and dat files against files and reader of another library."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.events.types import empty_events

Wizard = pytest.importorskip("expelliarmus").Wizard
THEIRS = np.dtype([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1")], align=True)
EVT3_HEADER = b"% Date 2024-01-01 10:00:00\n% format EVT3;height=480;width=640\n% end\n"


def make_events(n, seed=0, step_us=400):
    rng = np.random.default_rng(seed)
    events = np.zeros(n, THEIRS)
    events["t"] = 5000 + np.cumsum(rng.integers(0, step_us, n))
    events["x"], events["y"] = rng.integers(0, 640, n), rng.integers(0, 480, n)
    events["p"] = rng.integers(0, 2, n)
    return events


def read(path):
    with open_events(path) as source:
        chunks = list(source.chunks())
        info = source.streams["/events"]
    events = np.concatenate([empty_events(), *(chunk.events for chunk in chunks)])
    return events, chunks, info


def same(ours, theirs):
    return (ours["t"] == theirs["t"] * 1000).all() and all(
        (ours[name] == theirs[name]).all() for name in ("x", "y", "p")
    )


@pytest.mark.parametrize("encoding", ["evt2", "dat"])
def test_files_of_another_library(tmp_path, encoding):
    known = make_events(150_000)
    path = tmp_path / f"a.{'raw' if encoding == 'evt2' else 'dat'}"
    Wizard(encoding=encoding).save(fpath=path, arr=known)
    events, chunks, info = read(path)
    assert len(chunks) > 1
    assert len(events) == len(known) and same(events, known)
    assert not any(chunk.faults for chunk in chunks)
    assert info.encoding == encoding


def test_evt3_as_another_library_reads_it(tmp_path):
    known = make_events(150_000)
    ours = empty_events(len(known))
    for name in ("x", "y", "p"):
        ours[name] = known[name]
    ours["t"] = known["t"] * 1000
    path = tmp_path / "a.raw"
    header = b"% evt 3.0\n% geometry 640x480\n"
    path.write_bytes(header + encode_evt3(ours, int(ours["t"][-1])))
    events, _, info = read(path)
    theirs = Wizard(encoding="evt3").read(path)
    assert len(theirs) == len(events) == len(known)
    assert same(events, known)
    # Its times of EVT3 are wrong (already after writing and reading with the library itself).
    assert all((events[name] == theirs[name]).all() for name in ("x", "y", "p"))
    assert (info.width, info.height, info.encoding) == (640, 480, "evt3")


def test_evt3_vectors_triggers_and_wrap(tmp_path):
    words = [
        0x8FFF, 0x6FFE, 0x0000 | 100,  # time 2^24 - 2 us, row 100
        0x3000 | 0x800 | 200, 0x4005,  # ON at x = 200 and 202
        0x5081,  # 8 more: x = 212 and 219
        0x8000, 0x6001, 0x2000 | 7,  # 3 us later, OFF at x = 7
        0xA000 | 0x100 | 1,  # rising edge of trigger 1
    ]  # fmt: skip
    path = tmp_path / "a.raw"
    path.write_bytes(EVT3_HEADER + struct.pack(f"<{len(words)}H", *words))
    events, (chunk,), info = read(path)
    t_ns = (2**24 - 2) * 1000
    assert events.tolist() == [
        (t_ns, x, 100, 1) for x in (200, 202, 212, 219)
    ] + [(t_ns + 3000, 7, 100, 0)]  # fmt: skip
    assert chunk.triggers.tolist() == [[t_ns + 3000, 1, 1]]
    assert (info.width, info.height) == (640, 480)


def test_evt2_triggers_and_wrap(tmp_path):
    high = 2**28 - 1
    words = [
        0x80000000 | high, 0x10000000 | 63 << 22 | 5 << 11 | 6, 0x80000000, 0x00000000 | 9 << 11,
        0xA0000000 | 2 << 22 | 3 << 8 | 1,
    ]  # fmt: skip
    path = tmp_path / "a.raw"
    path.write_bytes(b"% evt 2.0\n" + struct.pack(f"<{len(words)}I", *words))
    events, (chunk,), _ = read(path)
    t_ns = (2**34 - 1) * 1000
    assert events.tolist() == [(t_ns, 5, 6, 1), (t_ns + 1000, 9, 0, 0)]
    assert chunk.triggers.tolist() == [[t_ns + 3000, 3, 1]]


def test_dat_wrap(tmp_path):
    header = b"% Data file containing CD events\n% Version 2\n% Height 480\n% Width 640\n"
    rows = [(2**32 - 1, 5 | 6 << 14 | 1 << 28), (0, 7 | 8 << 14), (1, 640)]
    path = tmp_path / "a.dat"
    path.write_bytes(header + b"\x0c\x08" + b"".join(struct.pack("<II", *row) for row in rows))
    events, (chunk,), info = read(path)
    assert events.tolist() == [((2**32 - 1) * 1000, 5, 6, 1), (2**32 * 1000, 7, 8, 0)]
    assert chunk.faults == {"coordinate": 1}
    assert (info.width, info.height) == (640, 480)


@pytest.mark.parametrize("encoding", ["evt2", "dat"])
def test_cut_short_names_the_byte(tmp_path, encoding):
    path = tmp_path / ("a.raw" if encoding == "evt2" else "a.dat")
    Wizard(encoding=encoding).save(fpath=path, arr=make_events(100))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    last = len(whole) - (4 if encoding == "evt2" else 8)
    with pytest.raises(RecordingError, match=rf"damaged at byte {last} "):
        read(path)


def test_what_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(b"% format EVT21;height=720;width=1280\n% end\n\0\0")
    with pytest.raises(RecordingError, match=r"'EVT21'.*EVT2 and EVT3"):
        open_events(path)
    path.write_bytes(b"% Data file containing EM events\n% Version 2\n\x07\x08")
    with pytest.raises(RecordingError, match=r"kind 0708"):
        open_events(path)
    path.write_bytes(b"% format EVT3;height=0;width=99999\n% end\n")
    with pytest.raises(RecordingError, match="99999 x 0"):
        open_events(path)
