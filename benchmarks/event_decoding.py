"""Speed of the event input on one core: decoders, buffer, network inputs, filters, callbacks.

usage: python benchmarks/event_decoding.py [--recordings FOLDER] [--seconds 1]

Packets of 1 MB each, made of random events (one by one, and in masks of neighbouring pixels), and
the packets of recorded cameras in FOLDER as they are. The best of many repetitions is printed, in
millions of events a second (Mev/s) and microseconds per packet.
"""

from __future__ import annotations

import argparse
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.data.cdr import build_event_packet
from hybrid_pose_ros.events.buffer import EventBuffer
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.decoder import PacketDecoder
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.events.filters import FilterConfig
from hybrid_pose_ros.events.representation import count_histogram, keyframe_input
from hybrid_pose_ros.events.stream import PacketStream
from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.camera_input import CameraInput
from hybrid_pose_ros.runtime.event_stream import EventStream

PACKET_BYTES = 1_000_000
WIDTH, HEIGHT = 346, 260
LENGTH_US = 20_000  # of a packet


def random_events(count: int, rng: np.random.Generator, rows: bool = False) -> np.ndarray:
    """Events within 20 ms; `rows`: in the order of a sensor that is read out row by row."""
    events = np.zeros(count, EVENT_DTYPE)
    step = 200 if rows else 1
    events["t"] = np.sort(rng.integers(0, LENGTH_US, count) // step * step) * 1000
    events["x"], events["y"] = rng.integers(0, WIDTH, count), rng.integers(0, HEIGHT, count)
    events["p"] = rng.integers(0, 2, count)
    if rows:
        events = np.unique(events[np.lexsort((events["x"], events["p"], events["y"], events["t"]))])
        events = events[np.lexsort((events["x"], events["p"], events["y"], events["t"]))]
    return events


def libcaer_cmp(events: np.ndarray, masks: bool, rng: np.random.Generator) -> bytes:
    """One event, or one mask of twelve rows, at every place of `events`."""
    times, x = events["t"] // 1000, events["x"].astype(np.int64)
    y, p = events["y"].astype(np.int64), events["p"].astype(np.int64)
    high = 0x0000 | times >> 12
    single = [high, 0x1000 | times & 0xFFF, 0x2000 | x, 0x3000 | p << 11 | y]
    bits = rng.integers(1, 4096, len(events))
    mask = [*single[:3], 0x4000 | p << 11 | np.minimum(y, HEIGHT - 12), 0x6000 | bits]
    return np.stack(mask if masks else single, axis=1).astype("<u2").tobytes()


def payloads(rng: np.random.Generator) -> Iterator[tuple[str, str, bytes]]:
    """Name, encoding and payload of 1 MB of every kind."""
    single = random_events(1_000_000, rng)
    t_us, x, y = single["t"] // 1000, single["x"].astype(np.int64), single["y"].astype(np.int64)
    p = single["p"].astype(np.int64)
    yield "mono", "mono", (single["t"] | (p << 31 | y << 16 | x) << 32).astype("<i8").tobytes()
    yield "libcaer", "libcaer", (t_us << 32 | x << 17 | y << 2 | p << 1 | 1).astype("<i8").tobytes()
    yield "libcaer_cmp, single", "libcaer_cmp", libcaer_cmp(single, False, rng)
    yield "libcaer_cmp, masks", "libcaer_cmp", libcaer_cmp(single, True, rng)
    yield "evt3, single", "evt3", encode_evt3(single, LENGTH_US * 1000)
    rows = random_events(3_000_000, rng, rows=True)
    yield "evt3, masks", "evt3", encode_evt3(rows, LENGTH_US * 1000)
    columns = {"s": "<u4", "n": "<u4", "p": "<u2", "x": "<u2", "y": "<u2", "gap": "<u2"}
    fields = np.zeros(len(single), list(columns.items()))
    fields["n"], fields["p"] = single["t"], p
    fields["x"][:-1], fields["y"][:-1] = x[1:], y[1:]  # an event's place lies before its time
    words = struct.pack("<HH", x[0], y[0]) + fields.tobytes()
    yield "dvs_msgs", "dvs", words[: 16 * len(single) - 3]


def best_s(run: Callable[[], object], seconds: float) -> float:
    """The shortest of the runs that fit into `seconds`, at least three."""
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


def tell(name: str, events: int, seconds: float, packets: int = 1) -> None:
    """Print one line."""
    rate, each_us = events / seconds / 1e6, seconds / packets * 1e6
    print(f"{name:34s} {rate:8.1f} Mev/s {each_us:9.1f} us/packet", flush=True)


def decoding(rng: np.random.Generator, seconds: float) -> None:
    """Made-up packets of 1 MB: the decoder alone, and the whole callback of a node."""
    camera = load_rig(share_path("config", "dhp19_rig.yaml"), ("cam2",)).cameras["cam2"]
    print("\n1 MB packets, decoder")
    whole = []
    for name, encoding, payload in payloads(rng):
        payload = payload[: PACKET_BYTES - (3 if encoding == "dvs" else 0)]
        decoder = PacketDecoder(encoding, WIDTH, HEIGHT)
        events = len(decoder.decode(payload, 0).events)
        tell(name, events, best_s(lambda d=decoder, p=payload: d.decode(p, 0), seconds))
        if encoding != "dvs":
            whole.append((name, encoding, payload, events))
    print("\n1 MB packets, what a callback does: parse, decode, clock, buffer")
    for name, encoding, payload, events in whole:
        raw = build_event_packet(
            payload, stamp_ns=10**9, frame_id="cam2", width=WIDTH, height=HEIGHT, seq=0,
            encoding=encoding,
        )  # fmt: skip

        def callback(inputs: CameraInput, stream: EventStream, raw: bytes = raw) -> None:
            stream.add(inputs.receive(raw))

        inputs, stream = CameraInput(camera), EventStream(500_000_000)
        tell(name, events, best_s(lambda i=inputs, s=stream: callback(i, s), seconds))


def recorded(folder: Path, seconds: float) -> None:
    """Packets of real cameras as they were recorded, and joined to packets of 1 MB."""
    for path in sorted(p for p in folder.iterdir() if p.is_dir()):
        with open_recording(path) as recording:
            records = list(recording.packets())

        def run(records: list = records) -> int:
            stream = PacketStream()
            return sum(len(stream.decode(record).events) for record in records)

        events = run()
        size = sum(len(record.payload) for record in records) / len(records)
        name = f"{records[0].encoding}, recorded, {size / 1000:.0f} kB"
        tell(name, events, best_s(run, seconds), len(records))
        if records[0].encoding == "evt3":
            payload = b"".join(bytes(record.payload) for record in records)
            payload = (payload * (1 + PACKET_BYTES // len(payload)))[:PACKET_BYTES]
            decoder = PacketDecoder("evt3", records[0].width, records[0].height)
            events = len(decoder.decode(payload, 0).events)
            once = best_s(lambda d=decoder, p=payload: d.decode(p, 0), seconds)
            tell("evt3, recorded, joined", events, once)


def after_decoding(rng: np.random.Generator, seconds: float) -> None:
    """Buffer, network inputs and filters, on packets of 125 000 events."""
    events = random_events(125_000, rng)
    count, crop = len(events), Crop.centered(WIDTH, HEIGHT)
    print("\n125 000 events")
    buffers = {"buffer, in order": 0, "buffer, reordering": 1_000_000}
    for name, reorder_ns in buffers.items():
        buffer, later = EventBuffer(500_000_000, reorder_ns=reorder_ns), events.copy()

        def append(buffer: EventBuffer = buffer, later: np.ndarray = later) -> None:
            later["t"] += LENGTH_US * 1000
            buffer.append(later, int(later["t"][-1]))

        tell(name, count, best_s(append, seconds))
    end_ns = LENGTH_US * 1000
    histogram = best_s(lambda: count_histogram(events, crop, 128, 1, 0, end_ns), seconds)
    tell("histogram of a bin, 128 x 128", count, histogram)
    keyframe = best_s(lambda: keyframe_input(events, crop, 128, 10, count, end_ns), seconds)
    tell("keyframe input, 20 x 128 x 128", count, keyframe)
    settings = {
        "filter: mask": {"masks": ("cam2 0 0 100 100",)},
        "filter: hot pixels": {"hot_pixel_hz": 100.0},
        "filter: background activity": {"background_ms": 5.0},
    }
    for name, setting in settings.items():
        found = FilterConfig(**setting).filter_of("cam2", WIDTH, HEIGHT)
        assert found is not None
        tell(name, count, best_s(lambda f=found: f.apply(events), seconds))


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=Path, default=None)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    decoding(rng, args.seconds)
    if args.recordings is not None:
        print("\nrecorded packets")
        recorded(args.recordings, args.seconds)
    after_decoding(rng, args.seconds)


if __name__ == "__main__":
    main()
