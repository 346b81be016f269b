"""replay_node and recorder_node."""

from __future__ import annotations

import array
import time

import numpy as np
import pytest
from event_camera_msgs.msg import EventPacket
from tf2_msgs.msg import TFMessage

from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.data.convert import convert
from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.data.statistics import summarise
from hybrid_pose_ros.errors import ConfigError, RecordingError
from hybrid_pose_ros.eval.latency import read_published
from hybrid_pose_ros.eval.results import read_results
from hybrid_pose_ros.events.decoder import PacketDecoder
from hybrid_pose_ros.msg import Pose2D, PoseUpdate2D, Skeleton3D
from hybrid_pose_ros.nodes import qos
from hybrid_pose_ros.nodes.recorder_node import RecorderNode
from hybrid_pose_ros.nodes.replay_node import ReplayNode
from hybrid_pose_ros.nodes.run import Finished

QUICK = {"start_delay_s": 0.0, "end_delay_s": 0.0}


def spin_to_the_end(bench):
    with pytest.raises(Finished):
        bench.spin_until(lambda: False)


def listen(bench):
    for camera in ("cam2", "cam3"):
        bench.listen(EventPacket, f"{camera}/events", qos.EVENTS)


def test_replay_of_a_file_without_packets(bench, recording, tmp_path):
    """HDF5 and the like play as packets of 5 ms, all events in them."""
    listen(bench)
    path = tmp_path / "walk.h5"
    convert(recording, path)
    bench.start(ReplayNode, bag=str(path), **QUICK | {"end_delay_s": 0.3})
    spin_to_the_end(bench)
    with open_events(recording) as source:
        known = summarise(source)
    for camera in ("cam2", "cam3"):
        decoder, events = PacketDecoder("mono", 346, 260), 0
        for message in bench.received[f"{camera}/events"]:
            assert message.encoding == "mono"
            events += len(decoder.decode(bytes(message.events), message.time_base).events)
        assert events == known[f"/{camera}/events"]["events"] > 0


def test_replay_publishes_everything_in_real_time_with_new_stamps(bench, recording, tmp_path):
    listen(bench)
    log = tmp_path / "log.npz"
    began_ns = time.time_ns()
    bench.start(
        ReplayNode, bag=str(recording), publish_log=str(log), start_delay_s=0.0, end_delay_s=0.3
    )
    spin_to_the_end(bench)
    ended_ns = time.time_ns()
    for camera in ("cam2", "cam3"):
        got = bench.received[f"{camera}/events"]
        assert [msg.seq for msg in got] == list(range(40))
        stamps = np.array([m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for m in got])
        assert set(np.diff(stamps)) == {5_000_000}
        assert began_ns < stamps[0] < stamps[-1] <= ended_ns + 10_000_000
    with open_recording(recording) as bag:
        payload = next(p.payload.tobytes() for p in bag.packets(["/cam2/events"]))
    assert bytes(bench.received["cam2/events"][0].events) == payload
    published = read_published(log)
    sent_ns = published.published_ns["/cam2/events"]
    assert len(sent_ns) == 40
    early_ns = published.start_ns + np.arange(40) * 5_000_000 - sent_ns
    assert early_ns.max() < 1_000_000  # real time, not faster


def test_replay_can_choose_cameras_and_rate(bench, recording):
    listen(bench)
    bench.start(
        ReplayNode, bag=str(recording), cameras=["cam3"], rate=20.0, **QUICK | {"end_delay_s": 0.3}
    )
    spin_to_the_end(bench)
    assert len(bench.received["cam3/events"]) == 40
    assert bench.received["cam2/events"] == []


def test_replay_waits_for_its_subscribers(bench, recording):
    bench.start(ReplayNode, bag=str(recording), rate=20.0, start_delay_s=0.0, end_delay_s=0.3)
    end = time.monotonic() + 0.5
    bench.spin_until(lambda: time.monotonic() > end)
    listen(bench)
    spin_to_the_end(bench)
    assert [msg.seq for msg in bench.received["cam2/events"]] == list(range(40))


def test_replay_waits_for_the_end_of_the_graph(bench, recording):
    listen(bench)
    given = {"publishers": ["skeleton"], "timeout_s": 0.5, **QUICK}
    bench.start(ReplayNode, bag=str(recording), **given)
    with pytest.raises(ConfigError, match=r"after 0\.5 s"):
        bench.spin_until(lambda: False)
    assert bench.received["cam2/events"] == []


def test_replay_loops_until_told_to_stop(bench, recording):
    listen(bench)
    bench.start(ReplayNode, bag=str(recording), loop=True, rate=20.0, **QUICK)
    bench.spin_until(lambda: len(bench.received["cam2/events"]) > 100)


def test_replay_gives_up_without_subscribers(bench, recording):
    bench.start(ReplayNode, bag=str(recording), timeout_s=0.3)
    with pytest.raises(ConfigError, match=r"0 of 1 subscribers on /cam2/events after 0.3 s"):
        bench.spin_until(lambda: False)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, ConfigError, "bag must be the path of a recording, got ''"),
        ({"bag": "/no/bag"}, RecordingError, "/no/bag does not exist"),
        ({"rate": 0.0}, ConfigError, "rate must be in 0.01..100, got 0.0"),
        ({"cameras": ["cam9"]}, RecordingError, "no topic /cam9/events; it has /cam2/events"),
        ({"subscribers": -1}, ConfigError, "subscribers must be >= 0, got -1"),
    ],
)
def test_replay_names_bad_parameters(bench, recording, given, error, message):
    bag = {} if not given else {"bag": str(recording)}
    with pytest.raises(error, match=message):
        bench.start(ReplayNode, **bag | given)


def test_damaged_bag_is_named(bench, recording):
    file = next(recording.glob("*.mcap"))
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(RecordingError, match="cannot be read"):
        bench.start(ReplayNode, bag=str(recording))


def pose():
    values = np.arange(13, dtype=np.float32)
    return {"u": values, "v": values, "confidence": np.ones(13, np.float32)}


def test_recorder_writes_all_topics_and_strips_states(bench, tmp_path):
    out = tmp_path / "out" / "poses"
    node = bench.start(RecorderNode, out=str(out), cameras=["cam2"])
    began_ns = time.time_ns()
    keyframe = Pose2D(
        keyframe=4, state_transport="inline", state=array.array("B", bytes(1000)), **pose()
    )
    sent = {
        "cam2/keyframe": (Pose2D, keyframe),
        "cam2/update": (PoseUpdate2D, PoseUpdate2D(keyframe=4, step=2)),
        "skeleton": (Skeleton3D, Skeleton3D()),
        "/tf": (TFMessage, TFMessage()),
    }
    for topic, (kind, message) in sent.items():
        bench.publisher(kind, topic, qos.POSES).publish(message)
    end = time.monotonic() + 1.0
    bench.spin_until(lambda: time.monotonic() > end)
    assert not out.exists()
    node.close()
    node.close = lambda: None  # the bench's turn comes later
    results = read_results(out, ["cam2"])
    assert len(results.skeletons) == 1
    assert began_ns < results.skeletons.received_ns[0] < time.time_ns()
    np.testing.assert_array_equal(results.updates["cam2"].uv[0, :, 0], np.arange(13))
    with open_recording(out) as bag:
        _, recorded = next(bag.messages("/cam2/keyframe"))
        assert (recorded.state_transport, len(recorded.state)) == ("none", 0)
        assert {"/tf", "/diagnostics", "/skeleton"} <= set(bag.topics)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, ConfigError, "out must be the path of a bag to write, got ''"),
        ({"out": "/proc/nowhere/bag"}, RecordingError, "/proc/nowhere"),
        ({"out": "/tmp"}, RecordingError, "/tmp exists already"),
    ],
)
def test_recorder_names_bad_parameters(bench, given, error, message):
    with pytest.raises(error, match=message):
        bench.start(RecorderNode, **given)
