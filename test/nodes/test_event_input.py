"""Events into the nodes: other message types, packets that do not fit, the state of the clock."""

from __future__ import annotations

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from dvs_msgs.msg import Event, EventArray
from event_camera_msgs.msg import EventPacket
from rclpy.context import Context
from rclpy.node import Node

from hybrid_pose_ros.msg import Pose2D
from hybrid_pose_ros.nodes import qos
from hybrid_pose_ros.nodes.cnn_node import CnnNode
from hybrid_pose_ros.nodes.convert import stamp_to_msg
from hybrid_pose_ros.nodes.snn_node import SnnNode

EPOCH_NS = 1_700_000_000_000_000_000
PERIOD_NS = 5_000_000


@pytest.fixture
def start(bench, weights):
    return lambda kind, **given: bench.start(
        kind, **{"cameras": ["cam2"], "weights": weights} | given
    )


def values_of(bench, level=None):
    """What the last status of cam2 (of this level) says."""
    statuses = [s for m in bench.received["/diagnostics"] for s in m.status]
    chosen = [s for s in statuses if level in (None, s.level) and s.hardware_id == "cam2"]
    return {v.key: v.value for v in chosen[-1].values} | {"": chosen[-1].message} if chosen else {}


def play(bench, messages):
    publisher = bench.publisher(EventPacket, "cam2/events", qos.EVENTS)
    for message in messages:
        publisher.publish(message)
        bench.executor.spin_once(timeout_sec=0)


def event_arrays(count):
    rng = np.random.default_rng(5)
    for number in range(count):
        end_ns = EPOCH_NS + (number + 1) * PERIOD_NS
        times = end_ns - PERIOD_NS + np.sort(rng.integers(PERIOD_NS, size=50))
        events = [
            Event(
                x=int(rng.integers(60, 280)), y=int(rng.integers(10, 250)),
                ts=stamp_to_msg(int(t)), polarity=bool(k % 2),
            )
            for k, t in enumerate(times)
        ]  # fmt: skip
        array = EventArray(width=346, height=260, events=events)
        array.header.stamp = stamp_to_msg(end_ns)
        yield array


@pytest.fixture
def driver():
    """A node of a process of its own, as far as the middleware can tell."""
    context = Context()
    rclpy.init(context=context)
    node = Node("driver", context=context)
    yield node
    node.destroy_node()
    rclpy.try_shutdown(context=context)


@pytest.mark.parametrize("kind", [CnnNode, SnnNode])
def test_event_arrays_are_found_by_themselves(bench, start, driver, kind):
    """Their times are ROS times, so that keyframe numbers have more than 32 bits."""
    bench.listen(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    bench.listen(Pose2D, "cam2/keyframe", qos.POSES)
    # All packets come at once here: more than a CNN in a hurry would look at.
    start(kind, **({"skip_overrun": False} if kind is CnnNode else {}))
    publisher = driver.create_publisher(EventArray, "cam2/events", qos.EVENTS)
    bench.spin_until(lambda: publisher.get_subscription_count() >= 1)
    for message in event_arrays(60):
        publisher.publish(message)
        bench.executor.spin_once(timeout_sec=0)
    bench.spin_until(lambda: values_of(bench).get("packets") == "60")
    assert values_of(bench)["events"] == "3000"
    assert abs(float(values_of(bench)["clock_offset_ms"])) < 5
    if kind is CnnNode:
        bench.spin_until(lambda: bench.received["cam2/keyframe"])
        assert bench.received["cam2/keyframe"][0].keyframe == EPOCH_NS // 100_000_000 + 1


@pytest.mark.parametrize("kind", [CnnNode, SnnNode])
@pytest.mark.parametrize(
    ("wrong", "counter", "told"),
    [
        ({"width": 640, "height": 480}, "wrong_size", "640 x 480"),
        ({"encoding": "morse"}, "unknown_encoding", "'morse' is not known"),
    ],
)
def test_packets_that_do_not_fit_are_refused_and_told(
    bench, start, packets, kind, wrong, counter, told
):
    bench.listen(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    start(kind)
    play(bench, [*packets("cam2", 10), *packets("cam2", 2, **wrong)])
    bench.spin_until(lambda: values_of(bench, DiagnosticStatus.ERROR))
    values = values_of(bench, DiagnosticStatus.ERROR)
    assert values[counter] == "2"
    assert told in values[""]


@pytest.mark.parametrize("kind", [CnnNode, SnnNode])
def test_broken_packets_raise_counters(bench, start, packets, kind):
    """Cut short, no stamp, a driver that starts again, another encoding; then all is well."""
    bench.listen(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    start(kind)
    good = packets("cam2", 20)
    bad = [good[3][:-1], good[4][:50], b"\0\1\0\0"]
    anew = packets("cam2", 3, start_ns=60_000_000_000)
    play(bench, [*good, *bad, *anew, *packets("cam2", 2, encoding="mono")])
    bench.spin_until(lambda: values_of(bench).get("packets") == "28")
    values = values_of(bench)
    assert values["malformed"] == "3"
    assert int(values["driver_restarts"]) >= 2


def test_the_clock_is_told(bench, start, packets):
    bench.listen(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    start(SnnNode)
    play(bench, packets("cam2", 40))
    bench.spin_until(lambda: values_of(bench).get("packets") == "40")
    values = values_of(bench)
    assert float(values["clock_offset_ms"]) == EPOCH_NS / 1e6
    assert (float(values["clock_jitter_ms"]), float(values["clock_drift_ppm"])) == (0, 0)
    assert float(values["clock_age_ms"]) > 0  # the stamps are of 2023
    assert values["clock_jumps"] == "0"


def test_filters_are_parameters(bench, start, packets):
    bench.listen(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
    start(SnnNode, filters__masks=["cam2 0 0 346 130"], filters__background_ms=5.0)
    play(bench, packets("cam2", 40))
    bench.spin_until(lambda: values_of(bench).get("packets") == "40")
    masked, isolated = int(values_of(bench)["masked"]), int(values_of(bench)["isolated"])
    assert 3000 < masked < 5000  # half of 8000
    assert 0 < isolated <= 8000 - masked
