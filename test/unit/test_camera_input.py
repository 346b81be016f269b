"""CameraInput: whatever a packet is, it raises a counter at most; clocks of cameras agree."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from hybrid_pose_ros.data.cdr import build_event_packet, parse_event_packet
from hybrid_pose_ros.data.dvs_message import DVS_TYPES
from hybrid_pose_ros.events.clock import JUMP_NS
from hybrid_pose_ros.events.codecs.evt3_time import WRAP_NS
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.events.filters import FilterConfig
from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.camera_input import CameraInput, camera_inputs

EPOCH_NS = 1_700_000_000_000_000_000
MS = 1_000_000


@pytest.fixture(scope="module")
def cameras():
    return load_rig(share_path("config", "dhp19_rig.yaml"), ("cam2", "cam3")).cameras


def raw(t_ns: int, seq: int, delay_ns: int = 0, **changes) -> bytes:
    """A packet of one event, 1 ms before the sensor time that it reaches."""
    events = np.zeros(1, EVENT_DTYPE)
    events["t"], events["x"], events["y"] = max(t_ns - MS, 0), 100, 50
    fields = {
        "stamp_ns": EPOCH_NS + t_ns + delay_ns, "frame_id": "cam", "width": 346, "height": 260,
        "seq": seq,
    }  # fmt: skip
    return build_event_packet(encode_evt3(events, t_ns), **{**fields, **changes})


def test_a_good_packet(cameras):
    inputs = CameraInput(cameras["cam2"])
    packet = inputs.receive(raw(8 * MS, 0))
    assert (packet.t_end_ns, packet.events["t"].tolist()) == (8 * MS, [7 * MS])
    assert inputs.clock.to_ros(9 * MS) == EPOCH_NS + 9 * MS
    assert (inputs.counters["packets"], inputs.counters["events"]) == (1, 1)
    assert inputs.refusal is None


@pytest.mark.parametrize(
    ("message", "counter", "told"),
    [
        (raw(MS, 0)[:40], "malformed", "EventPacket"),
        (b"", "malformed", "0 bytes"),
        (raw(MS, 0, width=640, height=480), "wrong_size", "640 x 480"),
        (raw(MS, 0, encoding="morse"), "unknown_encoding", "'morse'"),
    ],
)
def test_bad_packets_are_refused_and_counted(cameras, message, counter, told):
    inputs = CameraInput(cameras["cam2"])
    inputs.receive(raw(5 * MS, 0))
    refused = inputs.receive(message)
    assert (len(refused.events), refused.t_end_ns) == (0, -1)
    assert told in str(inputs.refusal)
    assert inputs.counters[counter] == 1
    assert len(inputs.receive(raw(10 * MS, 1)).events) == 1
    assert inputs.counters["packets_missing"] == 0


def test_any_bytes(cameras):
    rng = np.random.default_rng(1)
    inputs, good = CameraInput(cameras["cam2"]), raw(MS, 0)
    for _ in range(3000):
        message = bytearray(good)
        for _ in range(rng.integers(1, 6)):
            message[rng.integers(len(message))] = rng.integers(256)
        inputs.receive(bytes(message[: rng.integers(len(message) + 1)]))
        inputs.receive(rng.bytes(100), DVS_TYPES[0])
    assert inputs.counters["packets"] == 6000
    assert inputs.counters["malformed"] > 3000


def test_event_arrays(cameras):
    """Straight from the bytes: header, size, and two events in the alignment of CDR."""
    message = b"\0\1\0\0" + struct.pack("<iII", 1_700_000_001, 0, 4) + b"cam\0"
    message += struct.pack("<III", 260, 346, 2)
    message += struct.pack("<HHIIB", 5, 6, 1_700_000_000, 7000, 1) + b"\0"
    message += struct.pack("<HH", 345, 259) + b"\0\0" + struct.pack("<IIB", 1_700_000_000, 8000, 0)
    inputs = CameraInput(cameras["cam2"])
    for msgtype in DVS_TYPES:
        packet = inputs.receive(message, msgtype)
        assert packet.events.tolist() == [
            (EPOCH_NS + 7000, 5, 6, 1),
            (EPOCH_NS + 8000, 345, 259, 0),
        ]
    assert inputs.clock.offset_ns == 1_000_000_000 - 8000
    inputs.receive(message[:-20], DVS_TYPES[0])
    assert inputs.counters["malformed"] == 1


def test_without_stamps_ros_time_is_sensor_time(cameras):
    inputs = CameraInput(cameras["cam2"])
    for n in range(3):
        inputs.receive(raw(5 * n * MS + MS, n, stamp_ns=0))
    assert inputs.counters["no_stamp"] == 3
    assert inputs.clock.to_ros(40 * MS) == 40 * MS


def test_filters_are_counted(cameras):
    inputs = CameraInput(cameras["cam2"], FilterConfig(masks=("cam2 90 40 20 20",)))
    assert len(inputs.receive(raw(MS, 0)).events) == 0
    assert (inputs.counters["masked"], inputs.counters["events"]) == (1, 1)


def feed(inputs: CameraInput, start_ns: int, count: int, first_seq: int, apart_ns: int, rng):
    """Packets every 5 ms of a stream that has met `apart_ns` less of the sensor's time."""
    for n in range(count):
        t_ns = start_ns + n * 5 * MS
        delay_ns = int(rng.exponential(MS)) + apart_ns
        yield inputs.receive(raw(t_ns - apart_ns, first_seq + n, delay_ns))


def test_synchronised_cameras_on_both_sides_of_a_wrap(cameras):
    """One camera's first packet came just before the wrap, the other's just after it."""
    rng, inputs = np.random.default_rng(3), camera_inputs(cameras)
    start_ns = WRAP_NS - 8 * MS
    first = feed(inputs["cam2"], start_ns, 300, 0, 0, rng)
    second = feed(inputs["cam3"], start_ns + 10 * MS, 300, 0, WRAP_NS, rng)
    for a, b in zip(first, second, strict=True):
        last = (a, b)
    assert last[1].t_end_ns - last[0].t_end_ns == 10 * MS  # as their packets
    assert last[1].events["t"][0] == last[1].t_end_ns - MS
    offsets = [one.clock.offset_ns for one in inputs.values()]
    assert abs(offsets[0] - offsets[1]) < MS
    assert inputs["cam3"].counters["clock_realigned"] == 1


def test_cameras_that_are_not_synchronised_are_left_alone(cameras):
    rng, inputs = np.random.default_rng(4), camera_inputs(cameras)
    first = feed(inputs["cam2"], 10_000 * MS, 1000, 0, 0, rng)
    second = feed(inputs["cam3"], 10_000 * MS, 1000, 0, 3000 * MS, rng)
    for _, b in zip(first, second, strict=True):
        last = b
    assert last.t_end_ns == (7000 + 4995) * MS
    assert inputs["cam3"].counters["clock_realigned"] == 0


def test_a_node_follows_the_other_one_over_the_wrap(cameras):
    rng = np.random.default_rng(5)
    cnn, snn = CameraInput(cameras["cam2"]), CameraInput(cameras["cam2"])
    start_ns = WRAP_NS - 400 * MS
    for packet in feed(cnn, start_ns, 200, 0, 0, rng):
        keyframe_ns = packet.t_end_ns
    for packet in feed(snn, start_ns + 500 * MS, 100, 100, WRAP_NS, rng):
        assert packet.t_end_ns < 1000 * MS
    snn.follow(keyframe_ns, cnn.clock.to_ros(keyframe_ns))
    followed = next(feed(snn, start_ns + 1000 * MS, 1, 200, WRAP_NS, rng))
    assert followed.t_end_ns == start_ns + 1000 * MS
    assert abs(snn.clock.offset_ns - cnn.clock.offset_ns) < MS
    snn.follow(keyframe_ns, cnn.clock.to_ros(keyframe_ns))
    assert snn.counters["clock_realigned"] == 1


def test_a_restarted_driver(cameras):
    """Numbers and sensor time begin again; the clock follows, and the wraps are counted anew."""
    rng, inputs = np.random.default_rng(6), CameraInput(cameras["cam2"])
    list(feed(inputs, 30_000 * MS, 200, 0, 0, rng))
    list(feed(inputs, 33_000 * MS, 200, 0, 32_000 * MS, rng))
    assert inputs.counters["driver_restarts"] == 1
    assert inputs.clock.jumps == 1
    assert abs(inputs.clock.offset_ns - EPOCH_NS - 32_000 * MS) < MS


def test_a_damaged_time_does_not_reach_the_clock(cameras):
    rng, inputs = np.random.default_rng(7), CameraInput(cameras["cam2"])
    list(feed(inputs, 1000 * MS, 100, 0, 0, rng))
    before = inputs.clock.offset_ns
    inputs.decode(parse_event_packet(raw(1500 * MS + 3 * JUMP_NS, 100, -3 * JUMP_NS)))
    list(feed(inputs, 1505 * MS, 10, 101, 0, rng))
    assert abs(inputs.clock.offset_ns - before) < MS
    assert inputs.clock.jumps == 0
