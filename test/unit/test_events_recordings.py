"""Recordings of real cameras: what the decoders find is known from other decoders."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import pytest

from hybrid_pose_ros.cli import events as events_cli
from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.data.statistics import summarise
from hybrid_pose_ros.events.buffer import EventBuffer
from hybrid_pose_ros.events.stream import PacketStream

SHARED = Path(
    os.environ.get("HYBRID_POSE_SHARED", Path(__file__).resolve().parents[2].parent / "shared")
)
RECORDINGS = SHARED / "data" / "event_packets"
needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason=f"no recordings in {RECORDINGS}; set HYBRID_POSE_SHARED"
)
TOPIC = "/event_camera/events"

# name: encoding, width, height, sums of t (modulo 2^64), x, y, number of ON events, triggers
KNOWN = {
    "test_data_mono_cd": ("mono", 640, 480, 4950000, 34450, 26450, 50, 0),
    "test_data_evt3_trigger": (
        "evt3", 1280, 720, 1222326831810000, 42078718, 31656267, 41439, 2
    ),
    "test_data_libcaer_rollover": (
        "libcaer", 640, 480, 15762826572202229126, 111651612, 82801007, 181908, 0
    ),
}  # fmt: skip


@needs_recordings
@pytest.mark.parametrize("name", KNOWN)
def test_sums(name):
    with open_events(RECORDINGS / name) as source:
        found = summarise(source)[TOPIC]
    keys = ("encoding", "width", "height", "sum_t_ns", "sum_x", "sum_y", "on", "triggers")
    assert tuple(found[key] for key in keys) == KNOWN[name]
    assert found["events"] == found["on"] + found["off"]
    assert (found["gaps"], found["restarts"], found["faults"]) == (0, 0, {})


@needs_recordings
def test_trigger_edges():
    stream, edges = PacketStream(), []
    with open_recording(RECORDINGS / "test_data_evt3_trigger") as recording:
        for record in recording.packets():
            stream.decode(record)
            edges += stream.decoder.trigger_edges.tolist()
    assert [sum(column) for column in zip(*edges, strict=True)] == [29096982000, 0, 1]


@needs_recordings
@pytest.mark.parametrize("name", KNOWN)
def test_time_never_runs_backwards_and_the_buffer_takes_all(name):
    stream, end_ns, total = PacketStream(), -1, 0
    buffer = EventBuffer(horizon_ns=60_000_000_000)
    with open_recording(RECORDINGS / name) as recording:
        for record in recording.packets():
            packet = stream.decode(record)
            assert packet.t_end_ns >= end_ns
            end_ns = packet.t_end_ns
            assert buffer.append(packet.events, packet.t_end_ns)
            total += len(packet.events)
    assert not any(buffer.counters.values())
    assert len(buffer) == total
    assert len(buffer.window(0, end_ns + 1)) == total


@needs_recordings
@pytest.mark.parametrize("name", KNOWN)
def test_command(name, capsys):
    parser = argparse.ArgumentParser()
    events_cli.add_arguments(parser)
    storage = next(p for p in (RECORDINGS / name).iterdir() if p.suffix == ".db3")
    for path in (RECORDINGS / name, RECORDINGS / name / "metadata.yaml", storage):
        assert events_cli.run(parser.parse_args(["info", str(path), "--json"])) == 0
        found = json.loads(capsys.readouterr().out)["cameras"][TOPIC]
        assert (found["sum_t_ns"], found["sum_x"], found["sum_y"]) == KNOWN[name][3:6]
    assert events_cli.run(parser.parse_args(["info", str(storage)])) == 0
    text = capsys.readouterr().out
    assert TOPIC in text
    assert f"{KNOWN[name][6]:,} ON" in text
    assert "faults    none" in text
