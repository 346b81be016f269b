"""The processes of the graph: which nodes with which parameters. Bring-up and demo share it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hybrid_pose_ros.runtime.child import ProcessSpec

Value = str | int | float | bool | Sequence[str]

ESTIMATORS = ("cnn_node", "snn_node", "fusion_node")


@dataclass(frozen=True)
class GraphOptions:
    """What all nodes of one graph have in common.

    Attributes:
        config: ROS parameter file; None for the nodes' defaults.
        cameras: empty leaves what the parameter file says.
        rig: calibration file; empty likewise.
        weights: of the networks; empty likewise.
        device: auto, cpu or cuda; empty likewise.
        keyframes: fixed or on_demand; empty likewise.
        namespace: before all relative topics.
        environment: for all processes.
        parameters: node -> further parameters of that node.
    """

    config: Path | None = None
    cameras: tuple[str, ...] = ()
    rig: str = ""
    weights: str = ""
    device: str = ""
    keyframes: str = ""
    namespace: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)


def node(
    name: str,
    options: GraphOptions,
    parameters: Mapping[str, Value] | None = None,
    may_finish: bool = False,
) -> ProcessSpec:
    """The process of one node of this package.

    Args:
        name: of the node and of its module in `nodes`.
        options: common to the graph.
        parameters: over those of the options and of the parameter file.
        may_finish: see ProcessSpec.
    """
    # -P: a source folder below the working directory must not hide the installed package.
    command = [sys.executable, "-P", "-m", f"hybrid_pose_ros.nodes.{name}", "--ros-args"]
    if options.namespace:
        command += ["-r", f"__ns:=/{options.namespace.strip('/')}"]
    if options.config is not None:
        command += ["--params-file", str(options.config)]
    given = {**_common(options), **(parameters or {}), **options.parameters.get(name, {})}
    for key, value in given.items():
        command += ["-p", f"{key}:={_yaml(value)}"]
    return ProcessSpec(name, tuple(command), {**environment(), **options.environment}, may_finish)


def environment() -> dict[str, str]:
    """What nodes need to find the packages of a virtual environment that nobody sourced."""
    needed = {"AMENT_PREFIX_PATH": sys.prefix, "RCUTILS_COLORIZED_OUTPUT": "0"}
    return {name: value for name, value in needed.items() if not os.environ.get(name)}


def _common(options: GraphOptions) -> dict[str, Value]:
    given: dict[str, Value] = {
        "cameras": options.cameras,
        "rig": options.rig,
        "weights": options.weights,
        "device": options.device,
        "timing.keyframes": options.keyframes,
    }
    return {name: value for name, value in given.items() if value}


def _yaml(value: Value) -> str:
    """A value as the command line of ROS wants it; JSON is YAML, and quotes what needs it."""
    return json.dumps(value if isinstance(value, str | int | float | bool) else list(value))
