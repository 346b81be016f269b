"""The graph's processes as command lines, and their DDS domain."""

from __future__ import annotations

import socket
from pathlib import Path

from hybrid_pose_ros.runtime.domain import free_domain_id, private_domain
from hybrid_pose_ros.runtime.graph import GraphOptions, environment, node


def test_parameters_are_quoted_as_yaml():
    spec = node(
        "cnn_node", GraphOptions(rig="/my rigs/a: b.yaml", cameras=("cam2",)), {"rate": 1.0}
    )
    assert 'rig:="/my rigs/a: b.yaml"' in spec.command
    assert 'cameras:=["cam2"]' in spec.command
    assert "rate:=1.0" in spec.command
    assert "-P" in spec.command  # a source folder must not hide the installed package


def test_true_and_false_are_yaml_too():
    assert "loop:=true" in node("replay_node", GraphOptions(), {"loop": True}).command


def test_a_nodes_own_parameters_win():
    options = GraphOptions(config=Path("/c.yaml"), device="cpu")
    command = node("cnn_node", options, {"device": "cuda"}).command
    assert 'device:="cuda"' in command
    assert 'device:="cpu"' not in command
    assert command.index("/c.yaml") < command.index('device:="cuda"')


def test_environment_is_completed_not_replaced(monkeypatch):
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    assert "AMENT_PREFIX_PATH" in environment()
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/opt/ros/jazzy")
    assert "AMENT_PREFIX_PATH" not in environment()


def test_private_domain_stays_on_this_machine():
    domain = private_domain()
    assert domain["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert 1 <= int(domain["ROS_DOMAIN_ID"]) <= 101


def test_a_domain_in_use_is_not_chosen(monkeypatch):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("", 7400 + 250 * 5 + 10))
        monkeypatch.setattr(
            "random.SystemRandom.shuffle", lambda self, x: x.sort(key=lambda d: d != 5)
        )
        assert free_domain_id() != 5
