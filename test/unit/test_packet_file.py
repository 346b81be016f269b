"""Files without packets, as the packets that a driver would have sent."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_pose_ros.data.bag import Recording
from hybrid_pose_ros.data.convert import convert
from hybrid_pose_ros.data.packet_file import EventPackets, camera_topic, open_packets
from hybrid_pose_ros.data.packets import PERIOD_NS
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.decoder import PacketDecoder
from hybrid_pose_ros.events.types import empty_events

N = 150_000


@pytest.fixture
def events():
    rng, events = np.random.default_rng(0), empty_events(N)
    events["t"] = 7 * 10**9 + np.cumsum(rng.integers(0, 3000, N))  # 0.2 s
    events["t"][N // 2 :] += 20 * 10**9  # more than 32 bits of ns
    events["x"], events["y"] = rng.integers(0, 346, N), rng.integers(0, 260, N)
    events["p"] = rng.integers(0, 2, N)
    return events


@pytest.fixture
def file(tmp_path, events):
    path = tmp_path / "a.npz"
    columns = {name: events[name] for name in "txyp"}
    np.savez(path, **columns, unit="ns", width=346, height=260)
    return path


def test_packets_are_short_numbered_and_complete(file, events):
    with open_packets(file) as packets:
        assert isinstance(packets, EventPackets)
        start_ns, records = packets.start_ns, list(packets.packets(["/events"]))
        assert packets.share == 1.0
    assert [record.seq for record in records] == list(range(len(records)))
    assert start_ns == records[0].log_time_ns == records[0].stamp_ns
    decoder, found = PacketDecoder("mono", 346, 260), []
    for record in records:
        packet = decoder.decode(record.payload, record.time_base_ns)
        assert not packet.faults
        times = packet.events["t"]
        assert times[-1] - times[0] < PERIOD_NS and times[-1] == record.stamp_ns
        found.append(packet.events)
    assert (np.concatenate(found) == events).all()
    assert len(records) > 44  # in 0.22 s


def test_two_readings_at_once_do_not_meet(tmp_path, file):
    convert(file, tmp_path / "a.h5")
    for path in (file, tmp_path / "a.h5"):
        with open_packets(path) as packets:
            both = zip(packets.packets(), packets.packets(), strict=True)
            assert all(a.raw == b.raw for a, b in both)


def test_a_recording_keeps_its_own_packets(tmp_path, file):
    convert(file, tmp_path / "bag", encoding="mono")
    with open_packets(tmp_path / "bag") as packets:
        assert isinstance(packets, Recording)
        assert camera_topic(packets, "cam2", alone=True) == "/events"


def test_the_stream_of_a_camera(file):
    with open_packets(file) as packets:
        assert camera_topic(packets, "cam2", alone=True) == "/events"
        with pytest.raises(RecordingError, match=r"no events named /cam2/events; it has /events"):
            camera_topic(packets, "cam2", alone=False)
    with pytest.raises(RecordingError, match="does not exist"):
        open_packets(file.with_name("nothing"))
