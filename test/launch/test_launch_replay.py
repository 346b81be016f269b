"""The launch file with the real nodes: the bundled recording becomes skeletons.

Keyframes are on demand, so that this argument goes through all nodes too.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

launch_pytest = pytest.importorskip(
    "launch_pytest", reason="launch_pytest is not installed (PyPI has no wheel)"
)

import rclpy
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_pytest.actions import ReadyToTest

from hybrid_pose_ros.msg import KeyframeRequest, Skeleton3D
from hybrid_pose_ros.resources import share_path

LAUNCH_FILE = Path(__file__).resolve().parents[2] / "launch" / "hybrid_pose.launch.py"
DEADLINE_S = 90.0
WANTED = 20
SLOWLY = """
/**/replay_node:
  ros__parameters:
    rate: 0.25
"""


@launch_pytest.fixture
def replay(tmp_path: Path) -> LaunchDescription:
    recording = min(share_path("recordings").glob("*/metadata.yaml")).parent
    # Slowly, so that a busy machine keeps up: this is no test of speed.
    config = tmp_path / "nodes.yaml"
    shipped = share_path("config", "nodes.yaml").read_text(encoding="utf-8")
    config.write_text(shipped + SLOWLY, encoding="utf-8")
    arguments = {
        "bag": str(recording),
        "config": str(config),
        "namespace": "launched",
        "device": "cpu",
        "keyframes": "on_demand",
    }
    source = PythonLaunchDescriptionSource(str(LAUNCH_FILE))
    include = IncludeLaunchDescription(source, launch_arguments=list(arguments.items()))
    return LaunchDescription([include, ReadyToTest()])


def receive(wanted: int, deadline_s: float) -> tuple[list[Skeleton3D], list[KeyframeRequest]]:
    """The first skeletons that hold a joint and the requests until then, or until the deadline."""
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("launch_probe", context=context)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(node)
    skeletons: list[Skeleton3D] = []
    requests: list[KeyframeRequest] = []

    def keep(skeleton: Skeleton3D) -> None:
        if np.isfinite(skeleton.position).any():
            skeletons.append(skeleton)

    node.create_subscription(Skeleton3D, "/launched/skeleton", keep, 100)
    topic = "/launched/cam2/keyframe_request"
    node.create_subscription(KeyframeRequest, topic, requests.append, 100)
    end = time.monotonic() + deadline_s
    try:
        while (len(skeletons) < wanted or not requests) and time.monotonic() < end:
            executor.spin_once(timeout_sec=0.2)
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown(context=context)
    return skeletons, requests


@pytest.mark.launch(fixture=replay)
def test_a_bag_becomes_skeletons():
    skeletons, requests = receive(WANTED, DEADLINE_S)
    assert len(skeletons) >= WANTED
    assert requests
    stamps = [s.header.stamp.sec * 10**9 + s.header.stamp.nanosec for s in skeletons]
    assert stamps == sorted(stamps)
    assert {skeleton.header.frame_id for skeleton in skeletons} == {"world"}
