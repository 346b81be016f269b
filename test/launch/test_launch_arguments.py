"""What the launch file starts for which arguments, seen by stand-in executables."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAUNCH_FILE = ROOT / "launch" / "hybrid_pose.launch.py"
LIVE = {"cnn_node", "snn_node", "fusion_node", "overlay_node"}

STAND_IN = """#!/usr/bin/env python3
import json, pathlib, sys
name = pathlib.Path(sys.argv[0]).name
pathlib.Path(sys.argv[0]).with_suffix(".json").write_text(json.dumps(sys.argv[1:]))
"""


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ament prefix with the package and rviz2, whose executables only note their arguments."""
    pytest.importorskip("launch_ros", reason="launch_ros is not installed (PyPI has no wheel)")
    index = tmp_path / "share" / "ament_index" / "resource_index" / "packages"
    index.mkdir(parents=True)
    for package, executables in {
        "hybrid_pose_ros": [*LIVE, "replay_node", "sim_node"],
        "rviz2": ["rviz2"],
    }.items():
        (index / package).touch()
        folder = tmp_path / "lib" / package
        folder.mkdir(parents=True)
        for name in executables:
            (folder / name).write_text(STAND_IN, encoding="utf-8")
            (folder / name).chmod(0o755)
    share = tmp_path / "share" / "hybrid_pose_ros"
    share.mkdir()
    (share / "config").symlink_to(ROOT / "config")
    others = os.environ.get("AMENT_PREFIX_PATH", "")
    monkeypatch.setenv("AMENT_PREFIX_PATH", os.pathsep.join(filter(None, [str(tmp_path), others])))
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))
    return tmp_path


def started(prefix: Path, **arguments: str) -> dict[str, list[str]]:
    """Launch with these arguments; the command line of each process by its executable."""
    from launch import LaunchDescription, LaunchService
    from launch.actions import IncludeLaunchDescription
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    service = LaunchService(noninteractive=True)
    source = PythonLaunchDescriptionSource(str(LAUNCH_FILE))
    include = IncludeLaunchDescription(source, launch_arguments=list(arguments.items()))
    service.include_launch_description(LaunchDescription([include]))
    assert service.run() == 0
    notes = (prefix / "lib").glob("*/*.json")
    return {note.stem: json.loads(note.read_text(encoding="utf-8")) for note in notes}


def parameters(command: list[str]) -> dict[str, object]:
    """What a node that is started with this command line gets: rcl decides what wins."""
    import rclpy

    context = rclpy.Context()
    rclpy.init(context=context)
    try:
        node = rclpy.create_node(
            "unnamed",
            context=context,
            cli_args=command,
            automatically_declare_parameters_from_overrides=True,
            enable_rosout=False,
        )
        found = {name: parameter.value for name, parameter in node._parameters.items()}
        node.destroy_node()
    finally:
        rclpy.shutdown(context=context)
    return found


def test_live_cameras_by_default(prefix: Path):
    commands = started(prefix)
    assert set(commands) == LIVE
    for name, command in commands.items():
        assert f"__node:={name}" in command
        assert str(prefix / "share/hybrid_pose_ros/config/nodes.yaml") in command
        assert "__ns:=/" in command


@pytest.mark.parametrize("cameras", ["left,right", "[left, right]", "['left', 'right']"])
def test_cameras_as_a_list(prefix: Path, cameras: str):
    commands = started(prefix, cameras=cameras)
    for command in commands.values():
        assert parameters(command)["cameras"] == ["left", "right"]


@pytest.mark.parametrize("section", ["/**", "/**/snn_node", "snn_node"])
@pytest.mark.parametrize("namespace", ["", "robot1"])
def test_what_was_given_wins_over_the_parameter_file(
    prefix: Path, tmp_path: Path, section: str, namespace: str
):
    if section == "snn_node" and namespace:
        section = f"/{namespace}/snn_node"
    config = tmp_path / "mine.yaml"
    values = "{cameras: [a, b], device: cpu, threads: 2}"
    config.write_text(f"{section}:\n  ros__parameters: {values}\n", encoding="utf-8")
    commands = started(prefix, config=str(config), device="cuda", namespace=namespace)
    found = parameters(commands["snn_node"])
    assert found["device"] == "cuda"
    assert found["cameras"] == ["a", "b"]
    assert found["threads"] == 2


def test_keyframes_on_demand_reach_every_node(prefix: Path):
    for command in started(prefix, keyframes="on_demand").values():
        assert parameters(command)["timing.keyframes"] == "on_demand"


@pytest.mark.parametrize("namespace", ["robot1", "/robot1"])
def test_namespace_and_simulated_time(prefix: Path, namespace: str):
    commands = started(prefix, namespace=namespace, use_sim_time="true")
    for command in commands.values():
        assert "__ns:=/robot1" in command
        assert parameters(command)["use_sim_time"] is True


def test_a_bag_adds_the_replay(prefix: Path):
    commands = started(prefix, bag="/data/walk.mcap", rig="/data/rig.yaml", weights="/data/mine")
    assert set(commands) == LIVE | {"replay_node"}
    assert parameters(commands["replay_node"])["bag"] == "/data/walk.mcap"
    assert parameters(commands["fusion_node"])["rig"] == "/data/rig.yaml"
    assert parameters(commands["cnn_node"])["weights"] == "/data/mine"


def test_simulated_cameras_on_request(prefix: Path):
    commands = started(prefix, sim="true", cameras="cam0,cam1")
    assert set(commands) == LIVE | {"sim_node"}
    assert parameters(commands["sim_node"])["cameras"] == ["cam0", "cam1"]


def test_rviz(prefix: Path):
    command = started(prefix, rviz="true")["rviz2"]
    assert command[:2] == ["-d", str(prefix / "share/hybrid_pose_ros/config/hybrid_pose.rviz")]
