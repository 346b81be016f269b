"""What `hybrid_pose events info` tells: totals, rates over time, pauses, losses, faults."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.cli import main
from hybrid_pose_ros.data.bag_writer import BagWriter
from hybrid_pose_ros.data.cdr import build_event_packet
from hybrid_pose_ros.data.rate_histogram import RateHistogram
from hybrid_pose_ros.data.typestore import EVENT_PACKET
from hybrid_pose_ros.events.plain_packets import encode_mono
from hybrid_pose_ros.events.types import empty_events


def info(path, capsys, *more):
    assert main.main(["events", "info", str(path), *more]) == 0
    return capsys.readouterr().out


@pytest.fixture
def two_cameras(tmp_path):
    """cam0: 1 event per ms for 1 s, then 10 per ms for 1 s; cam1: 100 events after 5 s."""
    path = tmp_path / "mov.h5"
    t0 = np.concatenate([np.arange(1000) * 1000, 1_000_000 + np.arange(10_000) * 100])
    with h5py.File(path, "w") as file:
        for camera, t in ((0, t0), (1, 5_000_000 + np.arange(100))):
            file[f"cam{camera}_events/t"] = t
            file[f"cam{camera}_events/x"] = np.full(len(t), 3 + camera)
            file[f"cam{camera}_events/y"] = np.full(len(t), 11)
            file[f"cam{camera}_events/p"] = np.arange(len(t)) % 2
    return path


def test_totals_and_cameras(two_cameras, capsys):
    told = json.loads(info(two_cameras, capsys, "--json"))
    assert (told["width"], told["height"], told["format"]) == (346, 260, "HDF5")
    assert (told["events"], told["on"], told["off"]) == (11_100, 5550, 5550)
    assert (told["sum_x"], told["sum_y"]) == (11_000 * 2 + 100 * 3, 11_100 * 10)
    assert (told["first_t_ns"], told["last_t_ns"]) == (0, 5_000_099_000)
    assert (told["triggers"], told["gaps"], told["faults"]) == (0, 0, {})
    assert list(told["cameras"]) == ["/cam0/events", "/cam1/events"]
    times = (sum(range(1000)) * 1000 + 10_000 * 1_000_000 + sum(range(10_000)) * 100) * 1000
    assert told["cameras"]["/cam0/events"]["sum_t_ns"] == times
    only = json.loads(info(two_cameras, capsys, "--json", "--topic", "/cam1/events"))
    assert only["events"] == 100 and only["sum_t_ns"] == told["sum_t_ns"] - times


def test_rates_over_time(two_cameras, capsys):
    rates = json.loads(info(two_cameras, capsys, "--json"))["cameras"]["/cam0/events"]["rates"]
    quiet = [rate for i, rate in enumerate(rates["per_second"]) if (i + 1) * rates["bin_ns"] < 1e9]
    assert len(quiet) > 10 and set(quiet) == {1000}
    assert max(rates["per_second"]) == 10_000
    text = info(two_cameras, capsys)
    (line, _) = (line.split()[-1] for line in text.splitlines() if line.startswith("  rates"))
    assert line[:5] == "▂▂▂▂▂" and line[-3] == "█" and len(line) == len(rates["per_second"])
    assert "(2.000 s), longest pause 1.000 ms" in text
    assert "0.001 to 0.010 Mev/s" in text


def test_lost_packets_and_faults(tmp_path, capsys):
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/cam2/events", EVENT_PACKET)
        for seq in (0, 1, 4, 5, 9):
            events = empty_events(3)
            events["t"], events["x"] = seq * 1000 + np.arange(3), [1, 9, 2]
            base_ns, payload = encode_mono(events)
            message = build_event_packet(
                payload, stamp_ns=seq, frame_id="", width=8, height=8, seq=seq, encoding="mono",
                time_base_ns=base_ns,
            )  # fmt: skip
            bag.write("/cam2/events", message, seq)
    told = json.loads(info(tmp_path / "bag", capsys, "--json"))
    assert (told["gaps"], told["lost_packets"], told["events"]) == (2, 5, 10)
    assert told["faults"] == {"coordinate": 5}
    assert "faults    coordinate 5, gaps 2, lost packets 5" in info(tmp_path / "bag", capsys)


def test_no_events(tmp_path, capsys):
    path = tmp_path / "a.npz"
    np.savez(path, t=[], x=[], y=[], p=[], width=4, height=3)
    told = json.loads(info(path, capsys, "--json"))
    assert (told["events"], told["first_t_ns"], told["last_t_ns"]) == (0, None, None)
    assert "0 (0 ON, 0 OFF)" in info(path, capsys)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60), st.data())
def test_rate_histogram_counts_every_event_once(times, data):
    """In any cut into parts, and every event in the bin of its time."""
    times = np.sort(np.array(times, np.int64))
    histogram, at = RateHistogram(), 0
    while at < len(times):
        count = data.draw(st.integers(1, 20))
        histogram.add(times[at : at + count])
        at += count
    counts = np.array(histogram.per_second()) * histogram.bin_ns / 1e9
    known = np.bincount((times - times[0]) // histogram.bin_ns)
    assert np.allclose(counts, known)
    assert len(known) <= 64
    assert histogram.bin_ns == 1_000_000 or len(known) > 32
