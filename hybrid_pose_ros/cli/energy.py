"""`hybrid_pose energy`: operations, energy and memory traffic of the networks, layer by layer."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid_pose_ros.cli.evaluate_data import add_data_arguments, at_least_1, open_scenes
from hybrid_pose_ros.cli.output_file import add_force, check_output
from hybrid_pose_ros.errors import ConfigError, RecordingError
from hybrid_pose_ros.resources import share_path

if TYPE_CHECKING:
    from hybrid_pose_ros.models.network import PoseNetwork

EXAMPLE = """examples:
  hybrid_pose energy
  hybrid_pose energy --models lite/hybrid_cnn_snn=mine.safetensors --data simulated --json
  hybrid_pose energy --measure-s 5 --device cuda

Spikes are counted on real events. Energy of the arithmetic: 7 nm (1.69 pJ per multiply-accumulate,
0.38 pJ per addition) and 45 nm (4.6 and 0.9 pJ). Memory traffic is an estimate of its own.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose energy`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_data_arguments(parser)
    parser.set_defaults(data="", cameras="cam2,cam3")  # the bundled recording
    parser.add_argument("--measure-s", type=float, default=1.0, help="seconds per measurement")
    parser.add_argument("--out", type=Path, help="write the result to this JSON file")
    add_force(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Count, measure if possible, print."""
    if args.out is not None:
        check_output(args.out, args.force)  # before the imports, which take seconds
    import torch

    from hybrid_pose_ros.eval.contenders import load_networks
    from hybrid_pose_ros.eval.evaluation import write_json
    from hybrid_pose_ros.eval.power_meter import UnavailableError, find_meter
    from hybrid_pose_ros.runtime.device import resolve_device

    if not 0 < args.measure_s <= 3600:
        raise ConfigError(f"--measure-s must be above 0 and at most 3600, got {args.measure_s}")
    device = resolve_device(args.device)
    torch.set_num_threads(at_least_1("--threads", args.threads))
    networks = load_networks(
        [m for m in args.models.split(",") if m], share_path("weights"), device
    )
    args.data = args.data or str(share_path("recordings", "demo"))
    result: dict[str, Any] = {"data": args.data, "networks": _count(args, networks)}
    try:
        meter = find_meter(device)
        result["measured"] = {"by": meter.name} | {
            name: _measure(meter, network, args.measure_s) for name, network in networks.items()
        }
    except UnavailableError as reason:
        result["measured"] = f"unavailable ({reason})"
    if args.out is not None:
        write_json(result, args.out)
    print(json.dumps(result, indent=1) if args.json else "\n".join(_lines(result)))
    return 0


def _count(args: argparse.Namespace, networks: dict[str, PoseNetwork]) -> dict[str, Any]:
    """Costs of every network from its spikes on the data."""
    from hybrid_pose_ros.eval.camera_events import CameraEvents
    from hybrid_pose_ros.eval.layer_costs import layer_costs, total
    from hybrid_pose_ros.eval.poses import Firing
    from hybrid_pose_ros.eval.scene import KEYFRAME_NS, TIMING, grid_of
    from hybrid_pose_ros.eval.sequences import SequenceEngine, Start

    sums: dict[str, Firing] = {}
    spiking = {name: SequenceEngine(n) for name, n in networks.items() if n.has_step}
    spiking = {name: engine for name, engine in spiking.items() if engine.plan is not None}
    seconds = 0.0
    for scene in open_scenes(args)[0]:
        grid = grid_of(scene, TIMING.bin_ns, KEYFRAME_NS, 1)
        seconds += len(grid.starts_ns) * KEYFRAME_NS * 1e-9
        for camera in scene.rig.cameras.values():
            view = CameraEvents(scene.events[camera.name], camera)
            for name, engine in spiking.items():
                firing = engine.roll(view, grid, Start.live(engine.network))[1]
                assert firing is not None
                if name in sums:
                    sums[name].add(firing)
                else:
                    sums[name] = firing
    if not seconds:
        raise RecordingError(f"{args.data} is too short: 0.4 s with events and truth are needed")
    found = {}
    for name, network in networks.items():
        steps, keyframes = 1e9 / TIMING.bin_ns, 1e9 / KEYFRAME_NS
        costs = layer_costs(network, sums.get(name), steps, keyframes)
        found[name] = {
            "seconds": round(seconds, 3),
            "layers": [cost.asdict() for cost in costs],
            "total": total(costs).asdict(),
        }
    return found


def _measure(meter: Any, network: PoseNetwork, seconds: float) -> dict[str, Any]:
    """Joules per keyframe and per step, a batch of one."""
    import torch

    from hybrid_pose_ros.eval.power_meter import measure
    from hybrid_pose_ros.models.network import POLARITIES

    config, device = network.config, next(network.parameters()).device
    calls = {"keyframe": config.keyframe_channels} if network.has_keyframe else {}
    calls |= {"step": POLARITIES} if network.has_step else {}
    found: dict[str, Any] = {}
    network.reset(1)
    for call, channels in calls.items():
        x = torch.rand(1, channels, config.input_size, config.input_size, device=device)

        def work(call: str = call, x: torch.Tensor = x) -> None:
            with torch.inference_mode():
                float(getattr(network, call)(x).sum())  # waits for a GPU

        found[call] = measure(meter, work, seconds)
    return found


def _lines(result: dict[str, Any]) -> list[str]:
    """The result for people."""
    lines = []
    for name, found in result["networks"].items():
        lines.append(f"{name}, one camera, mW on average over {found['seconds']:g} s of events")
        heads = ("M MAC/s", "M add/s", "spikes %", "idle %", "7 nm", "45 nm", "on chip", "DRAM")
        lines.append(f"  {'layer':<24}" + "".join(f"{head:>10}" for head in heads))
        for layer in [*found["layers"], found["total"]]:
            rate, idle = layer["spike_rate"], layer["idle_rate"]
            cells = [
                f"{layer['macs'] * 1e-6:.1f}", f"{layer['additions'] * 1e-6:.1f}",
                "" if rate is None else f"{100 * rate:.2f}",
                "" if idle is None else f"{100 * idle:.2f}",
                *(f"{value:.3f}" for value in layer["arithmetic_mw"].values()),
                *(f"{value:.2f}" for value in layer["memory_mw"].values()),
            ]  # fmt: skip
            lines.append(f"  {layer['name']:<24}" + "".join(f"{cell:>10}" for cell in cells))
    lines.append("idle: neurons that fire by their bias, without any event")
    lines.append("arithmetic: 7 nm, 45 nm; memory traffic, estimated apart: all on chip, all DRAM")
    measured = result["measured"]
    lines.append(f"measured: {measured if isinstance(measured, str) else json.dumps(measured)}")
    return lines
