"""Mutated and truncated files of every format: a named error or events inside of the sensor."""

from __future__ import annotations

import random
import struct

import h5py
import numpy as np
import pytest

from hybrid_pose_ros.data.convert import convert
from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.data.statistics import summarise
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.events.types import empty_events

WIDTH, HEIGHT, N = 346, 260, 300
MUTATIONS = 120


def make_events():
    rng, events = np.random.default_rng(0), empty_events(N)
    events["t"] = np.cumsum(rng.integers(0, 2000, N)) * 1000
    events["x"], events["y"] = rng.integers(0, WIDTH, N), rng.integers(0, HEIGHT, N)
    events["p"] = rng.integers(0, 2, N)
    return events


def npz(path, events):
    columns = {name: events[name] for name in "txyp"}
    with path.open("wb") as file:  # a name would get a suffix
        np.savez(file, **columns, unit="ns", width=WIDTH, height=HEIGHT)


def aedat2(path, events):
    t, x, y, p = (events[name].astype(np.uint32) for name in "txyp")
    words = np.stack(
        [y << 22 | x << 12 | p << 11 | np.arange(N, dtype=np.uint32) % 4, t // 1000], 1
    )
    path.write_bytes(b"#!AER-DAT2.0\r\n# AEChip: Davis346\r\n" + words.astype(">u4").tobytes())


def aedat4(path, events):
    info = "".join(
        f'<attr key="{key}">{value}</attr>'
        for key, value in {"typeIdentifier": "EVTS", "sizeX": WIDTH, "sizeY": HEIGHT}.items()
    )
    text = f'<dv><node name="outInfo"><node name="0">{info}</node></node></dv>'.encode()
    head = struct.pack("<I4sHHHHH6xiiqI", 24, b"IOHE", 10, 20, 4, 8, 16, 16, 0, -1, 4)
    head += struct.pack("<I", len(text)) + text + b"\0"
    rows = np.zeros(N, "<i8,<i2,<i2,u1,V3")
    rows["f0"], rows["f1"], rows["f2"] = events["t"] // 1000, events["x"], events["y"]
    body = struct.pack("<I4sHHH2xiI4xI", 16, b"EVTS", 6, 8, 4, 8, 8, N) + rows.tobytes()
    packet = struct.pack("<iiI", 0, len(body) + 4, len(body)) + body
    path.write_bytes(b"#!AER-DAT4.0\r\n" + struct.pack("<I", len(head)) + head + packet)


def evt3(path, events):
    payload = encode_evt3(events, int(events["t"][-1]))
    path.write_bytes(b"% format EVT3;height=260;width=346\n% end\n" + payload)


def evt2(path, events):
    t, x, y, p = (events[name].astype(np.int64) for name in "txyp")
    words = [0x80000000 | t // 1000 >> 6, p << 28 | (t // 1000 & 63) << 22 | x << 11 | y]
    header = b"% format EVT2;height=260;width=346\n% end\n"
    path.write_bytes(header + np.stack(words, 1).astype("<u4").tobytes())


def dat(path, events):
    t, x, y, p = (events[name].astype(np.uint32) for name in "txyp")
    words = np.stack([t // 1000, x | y << 14 | p << 28], 1).astype("<u4")
    header = b"% Data file containing CD events\n% Height 260\n% Width 346\n"
    path.write_bytes(header + b"\x0c\x08" + words.tobytes())


def dhp19(path, events):
    with h5py.File(path, "w") as file:
        for name, offset in (("t", 0), ("x", 1), ("y", 1), ("p", 0)):
            values = events[name] // 1000 if name == "t" else events[name] + offset
            file[f"cam1_events/{name}"] = values


def converted(suffix):
    def write(path, events):
        npz(path.with_suffix(".npz"), events)
        convert(path.with_suffix(".npz"), path.with_suffix(suffix))
        path.with_suffix(suffix).rename(path)

    return write


WRITERS = {
    "npz": npz, "aedat2": aedat2, "aedat4": aedat4, "evt3": evt3, "evt2": evt2, "dat": dat,
    "dhp19": dhp19, "mcap": converted(".mcap"), "db3": converted(".db3"), "h5": converted(".h5"),
}  # fmt: skip


def mutate(whole, rng, headless):
    """A file with some bytes changed, inserted, left out, or its end cut off."""
    data, kind = bytearray(whole), rng.randrange(4)
    at = rng.randrange(headless, len(data))
    if kind == 0:
        del data[at:]
    elif kind == 1:
        data[at : at + 1] = rng.randbytes(rng.randrange(9))
    else:
        for _ in range(kind):
            at = rng.randrange(headless, len(data))
            data[at : at + 4] = rng.choice([rng.randbytes(4), b"\xff" * 4, bytes(4)])
    return bytes(data)


@pytest.mark.parametrize("name", WRITERS)
def test_mutated_files(name, tmp_path):
    path, events, rng = tmp_path / "recording", make_events(), random.Random(name)
    WRITERS[name](path, events)
    with open_events(path) as source:
        assert sum(n["events"] for n in summarise(source).values()) == N
    whole, refused, read = path.read_bytes(), 0, 0
    for number in range(MUTATIONS):
        path.write_bytes(mutate(whole, rng, 0 if number % 4 == 0 else len(whole) // 8))
        try:
            with open_events(path) as source:
                for chunk in source.chunks():
                    check(chunk, source.streams[chunk.stream])
                summarise(source)
            read += 1
        except RecordingError as error:
            assert str(path) in str(error) and len(str(error)) < 1000
            refused += 1
    assert refused > 5 and read + refused == MUTATIONS


def check(chunk, info):
    events = chunk.events
    assert len(events) <= 4 * N
    if len(events):
        assert events["x"].max() < info.width
        assert events["y"].max() < info.height
        assert events["p"].max() <= 1
        assert events["t"].min() >= 0
