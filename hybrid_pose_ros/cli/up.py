"""`hybrid_pose up`: the whole graph on a machine without `ros2 launch`."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.pose.rig import camera_names, is_live
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.child import ProcessSpec
from hybrid_pose_ros.runtime.graph import ESTIMATORS, GraphOptions, node
from hybrid_pose_ros.runtime.supervisor import Supervisor

EXAMPLE = """examples:
  hybrid_pose up --cameras cam2,cam3 --rig my_rig.yaml --overlay
  hybrid_pose up --bag recordings/demo --record out/bag
  hybrid_pose up --sim --cameras cam0,cam1,cam2,cam3
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose up`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--bag", type=Path, help="recording to play; without it, live cameras")
    parser.add_argument("--sim", action="store_true", help="simulated cameras and person, live")
    parser.add_argument("--loop", action="store_true", help="play the recording again and again")
    parser.add_argument("--cameras", default="", help="names, comma-separated (default: config's)")
    parser.add_argument("--config", type=Path, help="ROS parameter file (default: nodes.yaml)")
    parser.add_argument("--rig", default="", help="calibration file, or camera_info: live")
    parser.add_argument("--weights", default="", help="weights (default: the shipped ones)")
    parser.add_argument(
        "--device", default="", choices=["", "auto", "cpu", "cuda"], metavar="DEVICE",
        help="auto, cpu or cuda (default: config's)",
    )  # fmt: skip
    parser.add_argument(
        "--keyframes", default="", choices=["", "fixed", "on_demand"], metavar="KIND",
        help="of the CNN: fixed (ten a second) or on_demand, when the pose has drifted (default: "
        "config's)",
    )  # fmt: skip
    parser.add_argument("--namespace", default="", help="before all topics")
    parser.add_argument("--record", type=Path, help="write what the graph publishes to this bag")
    parser.add_argument("--overlay", action="store_true", help="also start the overlay pictures")
    parser.add_argument(
        "--on-exit",
        default="stop",
        choices=["stop", "restart"],
        help="when a node ends: stop everything, or start it again (default: stop)",
    )


def run(args: argparse.Namespace) -> int:
    """Start the graph and watch it until the recording ends, a node dies, or Ctrl-C."""
    specs = processes(args)
    # systemd and `docker stop` say SIGTERM; it is to end as cleanly as Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f"starting {', '.join(spec.name for spec in specs)}; Ctrl-C ends them", flush=True)
    with Supervisor(specs, args.on_exit, write=_print) as supervisor:
        try:
            supervisor.wait("replay_node" if args.bag else None)
        except KeyboardInterrupt:
            print("stopping", flush=True)
    return 0


def processes(args: argparse.Namespace) -> list[ProcessSpec]:
    """What `args` ask for.

    Raises:
        ConfigError: a file that was named does not exist, or one to be written does; or the
            arguments contradict each other.
    """
    for name in ("config", "rig", "weights", "bag"):
        path = getattr(args, name)
        if name == "rig" and is_live(str(path)):
            continue
        if path and not Path(path).exists():
            raise ConfigError(f"--{name} {path} does not exist; check the path")
    if args.sim and args.bag:
        raise ConfigError(f"give --sim or --bag {args.bag}, not both")
    if args.record and args.record.exists():
        raise ConfigError(f"--record {args.record} exists already; choose another name")
    options = GraphOptions(
        config=(args.config or share_path("config", "nodes.yaml")).resolve(),
        cameras=camera_names(args.cameras) if args.cameras else (),
        rig=args.rig if is_live(args.rig) else args.rig and str(Path(args.rig).resolve()),
        weights=args.weights and str(Path(args.weights).resolve()),
        device=args.device,
        keyframes=args.keyframes,
        namespace=args.namespace,
    )
    specs = [node(name, options) for name in ESTIMATORS]
    if args.overlay:
        specs.append(node("overlay_node", options))
    if args.record:
        specs.append(node("recorder_node", options, {"out": str(args.record.resolve())}))
    if args.sim:
        specs.append(node("sim_node", options))
    if args.bag:
        # From the nodes that read events to the one at the end: nobody misses the beginning.
        ready = {"subscribers": 2, "publishers": ["skeleton"]}
        bag = {"bag": str(args.bag.resolve()), "loop": args.loop, **ready}
        specs.append(node("replay_node", options, bag, may_finish=True))
    return specs


def _print(line: str) -> None:
    print(line, flush=True)
