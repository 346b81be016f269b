"""Nodes in a private context and domain, a probe beside them, and small inputs to give them."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from contextlib import suppress

import numpy as np
import pytest

from hybrid_pose_ros.errors import UserError
from hybrid_pose_ros.runtime.domain import private_domain

DEADLINE_S = 30.0


@pytest.fixture(scope="session", autouse=True)
def own_domain():
    """A DDS domain of this run, unless whoever started it chose one."""
    for name, value in private_domain().items():
        os.environ.setdefault(name, value)


class Bench:
    """Real nodes and a probe, all spun in the test's thread."""

    def __init__(self, context):
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.node import Node

        self.context = context
        self.executor = SingleThreadedExecutor(context=context)
        self.probe = Node("probe", context=context)
        self.executor.add_node(self.probe)
        self.nodes = []
        self.received = defaultdict(list)

    def start(self, kind, **parameters):
        """Construct a node of the package; `timing__bin_ns` stands for timing.bin_ns."""
        from rclpy.parameter import Parameter

        overrides = [Parameter(n.replace("__", "."), value=v) for n, v in parameters.items()]
        node = kind(context=self.context, parameter_overrides=overrides)
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def listen(self, kind, topic, profile=10):
        """Collect what is published on a topic."""
        return self.probe.create_subscription(kind, topic, self.received[topic].append, profile)

    def publisher(self, kind, topic, profile, subscribers=1):
        """A publisher that has found its subscribers."""
        publisher = self.probe.create_publisher(kind, topic, profile)
        self.spin_until(lambda: publisher.get_subscription_count() >= subscribers)
        return publisher

    def spin_until(self, condition, deadline_s=DEADLINE_S):
        """Spin until the condition holds; fail after the deadline."""
        end = time.monotonic() + deadline_s
        while not condition():
            counts = {topic: len(messages) for topic, messages in self.received.items()}
            assert time.monotonic() < end, f"not within {deadline_s} s; received {counts}"
            self.executor.spin_once(timeout_sec=0.05)

    def close(self):
        for node in self.nodes:
            if hasattr(node, "close"):
                with suppress(UserError):  # what ended a node is raised again
                    node.close()
            node.destroy_node()  # or it would be heard in the next test
        self.probe.destroy_node()
        self.executor.shutdown(timeout_sec=1.0)


@pytest.fixture
def bench():
    import rclpy
    from rclpy.context import Context

    context = Context()
    rclpy.init(context=context)
    bench = Bench(context)
    yield bench
    bench.close()
    rclpy.try_shutdown(context=context)


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A small network that has learnt nothing."""
    import torch

    from hybrid_pose_ros.models.checkpoint import save_checkpoint
    from hybrid_pose_ros.models.lite.config import LiteConfig
    from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid

    torch.manual_seed(1)
    config = LiteConfig(input_size=32, cnn_widths=(8, 8, 8, 8), snn_widths=(8, 8, 8))
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_checkpoint(LiteHybrid(config).eval(), path)
    return str(path)


@pytest.fixture(scope="session")
def packets():
    """packets(camera, count): serialised packets of 5 ms each, evt3, 346 x 260, 200 events."""
    from hybrid_pose_ros.data.cdr import build_event_packet
    from hybrid_pose_ros.events.encoder import encode_evt3
    from hybrid_pose_ros.events.types import EVENT_DTYPE

    def make(camera="cam2", count=100, width=346, height=260, encoding="evt3", start_ns=0):
        rng = np.random.default_rng(5)
        raw = []
        for number in range(count):
            end_ns = start_ns + (number + 1) * 5_000_000
            events = np.zeros(200, EVENT_DTYPE)
            t_us = np.sort(rng.integers(5000, size=200)) + (end_ns - 5_000_000) // 1000
            events["t"] = t_us * 1000
            events["x"], events["y"] = rng.integers(60, 280, 200), rng.integers(10, 250, 200)
            events["p"] = rng.integers(0, 2, 200)
            raw.append(
                build_event_packet(
                    encode_evt3(events, end_ns),
                    stamp_ns=1_700_000_000_000_000_000 + end_ns,
                    frame_id=f"{camera}_optical_frame",
                    width=width,
                    height=height,
                    seq=number,
                    encoding=encoding,
                )
            )
        return raw

    return make


@pytest.fixture
def recording(tmp_path, packets):
    """A bag of 40 packets of cam2 and of cam3."""
    from hybrid_pose_ros.data.bag_writer import BagWriter
    from hybrid_pose_ros.data.typestore import EVENT_PACKET

    with BagWriter(tmp_path / "recording") as bag:
        streams = {f"/{camera}/events": packets(camera, 40) for camera in ("cam2", "cam3")}
        for topic in streams:
            bag.add_topic(topic, EVENT_PACKET)
        for number in range(40):
            for topic, raw in streams.items():
                bag.write(topic, raw[number], 1_700_000_000_000_000_000 + 5_000_000 * number)
    return tmp_path / "recording"
