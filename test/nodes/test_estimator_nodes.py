"""cnn_node and snn_node with a small untrained network."""

from __future__ import annotations

import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from event_camera_msgs.msg import EventPacket

from hybrid_pose_ros.errors import CalibrationError, ConfigError, WeightsError
from hybrid_pose_ros.msg import KeyframeRequest, Pose2D, PoseUpdate2D
from hybrid_pose_ros.nodes import qos
from hybrid_pose_ros.nodes.cnn_node import CnnNode
from hybrid_pose_ros.nodes.snn_node import SnnNode


@pytest.fixture
def start(bench, weights):
    return lambda kind, **given: bench.start(
        kind, **{"cameras": ["cam2"], "weights": weights} | given
    )


def play(bench, raws, topic="cam2/events", subscribers=1):
    publisher = bench.publisher(EventPacket, topic, qos.EVENTS, subscribers)
    for raw in raws:
        publisher.publish(raw)
        bench.executor.spin_once(timeout_sec=0)


@pytest.mark.parametrize(("transport", "sizes"), [("auto", (1, 100)), ("inline", (1e3, 1e7))])
def test_cnn_publishes_a_keyframe_every_100_ms_of_event_time(
    bench, start, packets, transport, sizes
):
    bench.listen(Pose2D, "cam2/keyframe", qos.POSES)
    start(CnnNode, skip_overrun=False, state_transport=transport)
    play(bench, packets("cam2", 100))  # 0.5 s
    keyframes = bench.received["cam2/keyframe"]
    bench.spin_until(lambda: len(keyframes) == 5)
    assert [msg.keyframe for msg in keyframes] == [1, 2, 3, 4, 5]
    assert [msg.sensor_time for msg in keyframes] == [n * 100_000_000 for n in range(1, 6)]
    last = keyframes[-1]
    assert last.state_transport == ("inline" if transport == "inline" else "shared_memory")
    assert sizes[0] < len(last.state) < sizes[1]
    assert last.header.frame_id == "cam2_optical_frame"
    # The packets' stamps are 1.7e9 s plus sensor time.
    assert (last.header.stamp.sec, last.header.stamp.nanosec) == (1_700_000_000, 500_000_000)
    assert np.isfinite(last.u).all() and np.isfinite(last.covariance_uu).all()


def test_delay_holds_keyframes_back(bench, start, packets):
    bench.listen(Pose2D, "cam2/keyframe", qos.POSES)
    start(CnnNode, extra_delay_ms=400)
    raws = packets("cam2", 21)
    began = time.monotonic()
    play(bench, raws)
    bench.spin_until(lambda: bench.received["cam2/keyframe"])
    assert time.monotonic() - began >= 0.4


def test_snn_updates_every_bin_once_a_keyframe_has_come(bench, start, packets):
    bench.listen(Pose2D, "cam2/keyframe", qos.POSES)
    bench.listen(PoseUpdate2D, "cam2/update", qos.POSES)
    start(CnnNode)
    start(SnnNode)
    raws = packets("cam2", 60)
    play(bench, raws[:20], subscribers=2)  # the packets that complete the first keyframe
    bench.spin_until(lambda: bench.received["cam2/keyframe"])
    keyframe = bench.received["cam2/keyframe"][0]
    bench.spin_until(lambda: bench.probe.count_subscribers("cam2/keyframe") == 2)
    publisher = next(p for p in bench.probe.publishers if p.topic.endswith("cam2/events"))
    for raw in raws[20:36]:  # 80 ms more
        publisher.publish(raw)
    updates = bench.received["cam2/update"]
    bench.spin_until(lambda: len(updates) >= 8)
    assert [msg.step for msg in updates] == list(range(1, 9))
    assert {msg.keyframe for msg in updates} == {keyframe.keyframe}
    assert updates[0].sensor_time == keyframe.sensor_time + 10_000_000
    assert updates[0].header.frame_id == "cam2_optical_frame"
    assert all(np.isfinite(msg.du).all() for msg in updates)


def on_demand(drift_px):
    return {"timing__keyframes": "on_demand", "timing__policy__drift_px": drift_px}


def test_on_demand_the_cnn_computes_what_it_is_asked_for(bench, start, packets):
    bench.listen(Pose2D, "cam2/keyframe", qos.POSES)
    start(CnnNode, **on_demand(3.0))
    requests = bench.publisher(KeyframeRequest, "cam2/keyframe_request", qos.POSES)
    raws, keyframes = packets("cam2", 100), bench.received["cam2/keyframe"]
    play(bench, raws[:21])  # 105 ms
    bench.spin_until(lambda: keyframes)  # nobody has asked yet: the fixed rate
    for t_ms in (130, 280):
        requests.publish(KeyframeRequest(sensor_time=t_ms * 1_000_000))
        count = len(keyframes)
        publisher = next(p for p in bench.probe.publishers if p.topic.endswith("cam2/events"))
        for raw in raws[21:30] if t_ms == 130 else raws[30:60]:
            publisher.publish(raw)
            bench.executor.spin_once(timeout_sec=0)
        bench.spin_until(lambda before=count: len(keyframes) > before)
    assert [msg.sensor_time // 1_000_000 for msg in keyframes] == [100, 130, 280]
    assert [msg.keyframe for msg in keyframes] == [10, 13, 28]


def test_on_demand_the_snn_asks_again_and_again_while_no_answer_comes(bench, start, packets):
    bench.listen(KeyframeRequest, "cam2/keyframe_request", qos.POSES)
    start(SnnNode, **on_demand(3.0))
    play(bench, packets("cam2", 70))
    requests = bench.received["cam2/keyframe_request"]
    bench.spin_until(lambda: len(requests) == 3)
    assert [msg.sensor_time for msg in requests] == [n * 100_000_000 for n in (1, 2, 3)]
    assert requests[0].header.frame_id == "cam2_optical_frame"
    assert (requests[0].header.stamp.sec, requests[0].header.stamp.nanosec) == (
        1_700_000_000, 100_000_000,
    )  # fmt: skip


def test_on_demand_both_nodes_together_keep_the_longest_interval(bench, start, packets):
    bench.listen(Pose2D, "cam2/keyframe", qos.POSES)
    bench.listen(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    settings = on_demand(1e9) | {"timing__policy__max_interval_ms": 250}
    start(CnnNode, **settings)
    start(SnnNode, **settings)
    keyframes = bench.received["cam2/keyframe"]
    raws = packets("cam2", 160)  # 0.8 s
    play(bench, raws[:21], subscribers=2)
    bench.spin_until(lambda: keyframes)
    bench.spin_until(lambda: bench.probe.count_subscribers("cam2/keyframe") == 2)
    publisher = next(p for p in bench.probe.publishers if p.topic.endswith("cam2/events"))
    for first in range(21, 160, 10):  # slowly, so that answers come within the longest interval
        for raw in raws[first : first + 10]:
            publisher.publish(raw)
        end = time.monotonic() + 0.1
        bench.spin_until(lambda end=end: time.monotonic() > end)
    bench.spin_until(lambda: len(keyframes) >= 3)
    gaps = np.diff([msg.sensor_time for msg in keyframes]) // 1_000_000
    assert (gaps[1:] == 250).all()

    def told():
        values = [v for m in bench.received["/diagnostics"] for s in m.status for v in s.values]
        return {"requests", "keyframe_rate_hz", "unasked_rate_hz"} <= {v.key for v in values}

    bench.spin_until(told)


def test_states_of_another_network_are_refused(bench, start, packets):
    bench.listen(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    start(SnnNode)
    msg = Pose2D(keyframe=1, sensor_time=100_000_000, model="deadbeef", state_transport="inline")
    bench.publisher(Pose2D, "cam2/keyframe", qos.POSES).publish(msg)

    def refused():
        values = [v for m in bench.received["/diagnostics"] for s in m.status for v in s.values]
        return any(v.key == "other_model" and v.value == "1" for v in values)

    bench.spin_until(refused)


@pytest.mark.parametrize("kind", [CnnNode, SnnNode])
def test_diagnostics_tell_rates_and_silence(bench, start, packets, kind):
    bench.listen(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    start(kind, silence_s=0.2)
    play(bench, packets("cam2", 40))

    def statuses(level):
        all_of = [s for m in bench.received["/diagnostics"] for s in m.status]
        return [s for s in all_of if s.level == level and s.hardware_id == "cam2"]

    def counted():
        values = [v for m in bench.received["/diagnostics"] for s in m.status for v in s.values]
        return any(v.key == "packets" and v.value == "40" for v in values)

    bench.spin_until(counted)
    bench.spin_until(lambda: statuses(DiagnosticStatus.WARN))
    warning = statuses(DiagnosticStatus.WARN)[-1]
    assert warning.message.startswith("no events from cam2 for ")
    keys = {value.key for value in warning.values}
    assert {"packet_rate_hz", "event_rate_hz", "clock_offset_ms", "events"} <= keys


def test_a_topic_without_a_publisher_is_named_in_the_namespace(bench, start):
    bench.listen(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    start(SnnNode, silence_s=0.2, cameras=["cam2", "cam3"])
    bench.publisher(EventPacket, "cam2/events", qos.EVENTS)

    def told(camera):
        every = [s for m in bench.received["/diagnostics"] for s in m.status]
        return [s.message for s in every if s.hardware_id == camera and s.message != "ok"]

    bench.spin_until(lambda: told("cam2") and told("cam3"))
    assert "; nobody publishes /cam3/events: start what does" in told("cam3")[-1]
    assert "nobody publishes" not in told("cam2")[-1]


def test_lost_packets_are_counted(bench, start, packets):
    bench.listen(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    start(SnnNode)
    raws = packets("cam2", 40)
    play(bench, raws[:10] + raws[13:])

    def missing():
        values = [v for m in bench.received["/diagnostics"] for s in m.status for v in s.values]
        return any(v.key == "packets_missing" and v.value == "3" for v in values)

    bench.spin_until(missing)


@pytest.mark.parametrize("kind", [CnnNode, SnnNode])
@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"weights": "/no/such.safetensors"}, WeightsError, "/no/such.safetensors"),
        ({"cameras": ["cam9"]}, CalibrationError, "no calibration for cam9"),
        ({"cameras": ["cam2", "cam2"]}, ConfigError, "cameras must be one or more different"),
        ({"rig": "/no/rig.yaml"}, CalibrationError, "/no/rig.yaml"),
        ({"device": "tpu"}, ConfigError, "'tpu'"),
        ({"threads": 0}, ConfigError, "threads must be in 1..256, got 0"),
        ({"timing__bin_ns": 0}, ConfigError, "bin_ns must be >= 1, got 0"),
        ({"treads": 1}, ConfigError, "has no parameter treads"),
    ],
)
def test_bad_parameters_are_named(start, kind, given, error, message):
    with pytest.raises(error, match=message):
        start(kind, **given)


def test_damaged_weights_are_named(start, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(WeightsError, match=r"w\.safetensors are damaged"):
        start(CnnNode, weights=str(tmp_path / "w.safetensors"))
