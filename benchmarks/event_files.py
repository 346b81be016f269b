"""Speed of reading and writing files of events, and of other readers on the same files.

    python benchmarks/event_files.py --events 4000000

Prints Mev/s of processor time per format (best of three, in one run, on one core), and the ratio to
the independent reader of that format where one is installed; then of writing with `convert`.
"""

from __future__ import annotations

import argparse
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import lz4.frame
import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.rosbag1 import Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from hybrid_pose_ros.data.convert import convert
from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.events.types import empty_events

WIDTH, HEIGHT, PART = 640, 480, 50_000


def make_events(count: int) -> np.ndarray:
    """Random events at 10 Mev/s, in whole microseconds."""
    rng = np.random.default_rng(0)
    events = empty_events(count)
    events["t"] = np.sort(rng.integers(0, count // 10, count)) * 1000
    events["x"], events["y"] = rng.integers(0, WIDTH, count), rng.integers(0, HEIGHT, count)
    events["p"] = rng.integers(0, 2, count)
    return events


def write_aedat2(path: Path, events: np.ndarray) -> None:
    """Four cameras in turn, DAVIS640."""
    x, y = events["x"].astype(np.uint32), events["y"].astype(np.uint32)
    words = np.empty((len(events), 2), ">u4")
    words[:, 0] = (y << 22) | (x << 12) | (events["p"].astype(np.uint32) << 11)
    words[:, 0] |= np.arange(len(events), dtype=np.uint32) % 4
    words[:, 1] = events["t"] // 1000
    path.write_bytes(b"#!AER-DAT2.0\r\n# AEChip: davis.Davis640\r\n" + words.tobytes())


def write_aedat4(path: Path, events: np.ndarray) -> None:
    """One stream, packets of PART events, LZ4."""
    attributes = "".join(
        f'<attr key="{key}" type="string">{value}</attr>'
        for key, value in {
            "compression": "LZ4", "typeIdentifier": "EVTS", "originalOutputName": "events",
            "typeDescription": "", "originalModuleName": "capture", "source": "camera",
            "sizeX": WIDTH, "sizeY": HEIGHT,
        }.items()
    )  # fmt: skip
    text = f'<dv><node name="outInfo"><node name="0">{attributes}</node></node></dv>'
    text = text.replace('"string">640', '"int">640').replace('"string">480', '"int">480')
    text = text.replace('<attr key="sizeX"', '<node name="info"><attr key="sizeX"')
    raw = text.replace("</node></node></dv>", "</node></node></node></dv>").encode()
    data = struct.pack("<I4sHHHHH6xiiqI", 24, b"IOHE", 10, 20, 4, 8, 16, 16, 1, -1, 4)
    data += struct.pack("<I", len(raw)) + raw + b"\0"
    with path.open("wb") as file:
        file.write(b"#!AER-DAT4.0\r\n" + struct.pack("<I", len(data)) + data)
        for start in range(0, len(events), PART):
            part = np.zeros(min(PART, len(events) - start), "<i8,<i2,<i2,u1,V3")
            for field, name, scale in zip(part.dtype.names, "txyp", (1000, 1, 1, 1), strict=False):
                part[field] = events[name][start : start + PART] // scale
            body = struct.pack("<I4sHHH2xiI4xI", 16, b"EVTS", 6, 8, 4, 8, 8, len(part))
            body += part.tobytes()
            packed = lz4.frame.compress(struct.pack("<I", len(body)) + body)
            file.write(struct.pack("<ii", 0, len(packed)) + packed)


def write_raw(path: Path, events: np.ndarray) -> None:
    """EVT2 with a time word before every change, vectorised."""
    t = events["t"] // 1000
    new = np.diff(t >> 6, prepend=-1) != 0
    words = np.empty(len(t) + int(new.sum()), "<u4")
    at = np.arange(len(t)) + np.cumsum(new)
    words[at] = (
        (events["p"].astype(np.uint32) << 28) | ((t & 63) << 22).astype(np.uint32)
        | (events["x"].astype(np.uint32) << 11) | events["y"]
    )  # fmt: skip
    words[at[new] - 1] = 0x80000000 | (t[new] >> 6)
    path.write_bytes(b"% format EVT2;height=480;width=640\n% end\n" + words.tobytes())


def write_dat(path: Path, events: np.ndarray) -> None:
    """8 bytes per event."""
    words = np.empty((len(events), 2), "<u4")
    words[:, 0] = events["t"] // 1000
    words[:, 1] = events["x"] | (events["y"].astype(np.uint32) << 14)
    words[:, 1] |= events["p"].astype(np.uint32) << 28
    header = b"% Data file containing CD events\n% Version 2\n% Height 480\n% Width 640\n"
    path.write_bytes(header + b"\x00\x08" + words.tobytes())


def write_arrays(path: Path, events: np.ndarray) -> None:
    """A rosbag1 of dvs_msgs/EventArray, PART events each."""
    packed = np.dtype([("x", "<u2"), ("y", "<u2"), ("s", "<u4"), ("ns", "<u4"), ("p", "u1")])
    store = get_typestore(Stores.ROS1_NOETIC)
    event = "uint16 x\nuint16 y\ntime ts\nbool polarity\n"
    array = "std_msgs/Header header\nuint32 height\nuint32 width\nEvent[] events\n"
    store.register(get_types_from_msg(event, "dvs_msgs/msg/Event"))
    store.register(get_types_from_msg(array, "dvs_msgs/msg/EventArray"))
    with Writer(path) as writer:
        topic = writer.add_connection("/events", "dvs_msgs/msg/EventArray", typestore=store)
        for start in range(0, len(events), PART):
            part = events[start : start + PART]
            rows = np.empty(len(part), packed)
            for name in "xyp":
                rows[name] = part[name]
            rows["s"], rows["ns"] = np.divmod(part["t"], 1_000_000_000)
            header = struct.pack("<7I", start // PART, 0, 0, 0, HEIGHT, WIDTH, len(part))
            writer.write(topic, start + 1, header + rows.tobytes())


def best(call: Callable[[], int], count: int) -> float:
    """Mev/s, the best of three calls; each must find `count` events."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        found = call()
        seconds.append(time.process_time() - start)
        assert found == count, (found, count)
    return count / min(seconds) / 1e6


def read(path: Path) -> int:
    """Number of events, by this package."""
    with open_events(path) as source:
        return sum(len(chunk.events) for chunk in source.chunks())


def other_readers() -> dict[str, tuple[str, Callable[[Path], int]]]:
    """Name of format: name and reader of another library, where it is installed."""

    def payload(path: Path) -> int:
        """The library's own deserialiser, and only the bytes of the payload."""
        with AnyReader([path]) as reader:
            messages = reader.messages()
            return (
                sum(len(reader.deserialize(raw, c.msgtype).events) for c, _, raw in messages) // 8
            )

    def objects(path: Path) -> int:
        """The library's own deserialiser: a Python object per event."""
        with AnyReader([path]) as reader:
            messages = reader.messages()
            return sum(len(reader.deserialize(raw, c.msgtype).events) for c, _, raw in messages)

    def columns(path: Path) -> int:
        with h5py.File(path) as file:
            group = file["events"]
            return len(np.stack([group[name][:].astype(np.int64) for name in "txyp"], 1))

    def archive(path: Path) -> int:
        with np.load(path) as data:
            return len(np.stack([data[name].astype(np.int64) for name in "txyp"], 1))

    known = {
        "mcap (mono)": ("rosbags, payload only", payload),
        "rosbag1 (dvs)": ("rosbags, objects", objects),
        "hdf5": ("h5py, whole", columns),
        "npz": ("numpy, whole", archive),
    }
    try:
        import aedat
        from expelliarmus import Wizard
    except ImportError:
        return known
    known["aedat4 (lz4)"] = (
        "aedat", lambda path: sum(len(packet["events"]) for packet in aedat.Decoder(path)),
    )  # fmt: skip
    for name, encoding in (("raw (evt2)", "evt2"), ("dat", "dat")):
        known[name] = ("expelliarmus", lambda path, e=encoding: len(Wizard(encoding=e).read(path)))
    return known


def main() -> None:
    """Write one file per format, then read them all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=4_000_000)
    count = parser.parse_args().events
    events, others = make_events(count), other_readers()
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "aedat2": ("a.aedat", write_aedat2), "aedat4 (lz4)": ("a.aedat4", write_aedat4),
            "raw (evt2)": ("a.raw", write_raw), "dat": ("a.dat", write_dat),
            "rosbag1 (dvs)": ("a.bag", write_arrays),
        }  # fmt: skip
        paths = {name: Path(folder, file) for name, (file, _) in files.items()}
        for name, (_, write) in files.items():
            write(paths[name], events)
        print(f"{count:,} events; Mev/s, best of three\n{'format':14} {'read':>8} {'other':>8}")
        written = {}
        for name, target, encoding in (
            ("mcap (mono)", "mono.mcap", "mono"), ("mcap (evt3)", "evt3.mcap", "evt3"),
            ("sqlite3 (mono)", "a.db3", "mono"), ("hdf5", "a.h5", "mono"), ("npz", "a.npz", "mono"),
        ):  # fmt: skip
            paths[name] = Path(folder, target)
            written[name] = best(
                lambda name=name, encoding=encoding: (
                    convert(paths["dat"], paths[name], encoding=encoding, force=True).events
                ),
                count,
            )
        for name, path in paths.items():
            ours = best(lambda path=path: read(path), count)
            line = f"{name:14} {ours:8.1f}"
            if name in others:
                library, reader = others[name]
                theirs = best(lambda path=path, reader=reader: reader(path), count)
                line += f" {theirs:8.1f}  ratio {ours / theirs:5.2f} to {library}"
            if name in written:
                line += f"  (converted from dat at {written[name]:.1f})"
            print(line, flush=True)


if __name__ == "__main__":
    main()
