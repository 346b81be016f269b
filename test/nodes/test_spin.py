"""The spinner: messages, timers and services of one node, and how it ends."""

from __future__ import annotations

import threading
import time

import pytest
from rcl_interfaces.srv import ListParameters
from rclpy.node import Node
from std_msgs.msg import UInt32

from hybrid_pose_ros.nodes.spin import Spinner

DEADLINE_S = 20.0


@pytest.fixture
def spun(bench):
    """A node in a spinner in a thread; what ended it is in `ended`."""
    node = Node("spun", context=bench.context)
    ended = []

    def run():
        spinner = Spinner(node)
        try:
            spinner.spin()
        except Exception as error:
            ended.append(error)
        spinner.close()

    node.ended, node.thread = ended, threading.Thread(target=run)
    yield node
    bench.context.try_shutdown()
    node.thread.join(DEADLINE_S)
    assert not node.thread.is_alive()
    node.destroy_node()


def test_messages_arrive_in_order_and_none_is_lost(bench, spun):
    got = []
    spun.create_subscription(UInt32, "a", lambda msg: got.append(msg.data), 1000)
    spun.thread.start()
    publisher = bench.publisher(UInt32, "a", 1000)
    for number in range(500):
        publisher.publish(UInt32(data=number))
    bench.spin_until(lambda: len(got) == 500)
    assert got == list(range(500))


def test_a_flood_does_not_starve_others(bench, spun):
    order = []

    def slow(msg):
        order.append("flood")
        time.sleep(0.01)

    spun.create_subscription(UInt32, "flood", slow, 1000)
    spun.create_subscription(UInt32, "rare", lambda msg: order.append("rare"), 10)
    spun.thread.start()
    flood = bench.publisher(UInt32, "flood", 1000)
    rare = bench.publisher(UInt32, "rare", 10)
    for _ in range(100):
        flood.publish(UInt32())
    bench.spin_until(lambda: order)
    rare.publish(UInt32())
    bench.spin_until(lambda: len(order) == 101)
    assert order.index("rare") < 60


def test_timers_keep_their_period_beside_messages(bench, spun):
    ticks = []
    spun.create_timer(0.02, lambda: ticks.append(time.monotonic()))
    spun.create_subscription(UInt32, "a", lambda msg: None, 10)
    spun.thread.start()
    publisher = bench.publisher(UInt32, "a", 10)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        publisher.publish(UInt32())
        time.sleep(0.002)
    assert len(ticks) >= 20  # 50 on a machine that does nothing else


def test_services_are_answered(bench, spun):
    spun.declare_parameter("size", 3)
    spun.thread.start()
    client = bench.probe.create_client(ListParameters, "/spun/list_parameters")
    bench.spin_until(client.service_is_ready)
    future = client.call_async(ListParameters.Request())
    bench.spin_until(future.done)
    assert "size" in future.result().result.names


def test_new_subscriptions_are_noticed(bench, spun):
    got = []

    def subscribe():
        if not list(spun.subscriptions):
            spun.create_subscription(UInt32, "late", got.append, 10)

    spun.create_timer(0.05, subscribe)
    spun.thread.start()
    publisher = bench.publisher(UInt32, "late", 10)
    publisher.publish(UInt32(data=1))
    bench.spin_until(lambda: got)


@pytest.mark.parametrize("where", ["message", "timer"])
def test_what_a_callback_raises_ends_the_spinning(bench, spun, where):
    def fail(*_):
        raise ValueError("broken")

    if where == "timer":
        spun.create_timer(0.01, fail)
    spun.create_subscription(UInt32, "a", fail, 10)
    spun.thread.start()
    if where == "message":
        bench.publisher(UInt32, "a", 10).publish(UInt32())
    bench.spin_until(lambda: spun.ended)
    assert isinstance(spun.ended[0], ValueError)


def test_shutdown_wakes_an_idle_node_at_once(bench, spun):
    spun.thread.start()
    bench.spin_until(spun.thread.is_alive)
    began = time.monotonic()
    bench.context.try_shutdown()
    spun.thread.join(DEADLINE_S)
    assert time.monotonic() - began < 2.0


def test_until_is_kept(bench):
    node = Node("brief", context=bench.context)
    began = time.monotonic()
    Spinner(node).spin(until_s=began + 0.2)
    assert 0.2 <= time.monotonic() - began < 5.0
    node.destroy_node()
