"""`hybrid_pose simulate`: a person in front of simulated event cameras, written to files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_pose_ros.errors import ConfigError, RecordingError

if TYPE_CHECKING:
    from hybrid_pose_ros.pose.rig import Rig
    from hybrid_pose_ros.simulator.performance import Performance
    from hybrid_pose_ros.simulator.recording import SimulatedRecording

EXAMPLE = """examples:
  hybrid_pose simulate --subject 13 --movement 22 --seconds 10 --out recordings/stars
  hybrid_pose simulate --movement 8,27,22 --seconds 9 --out recordings/three --preview
  hybrid_pose simulate --subject 2 --movement 9 --cameras 0,1,2,3 --format h5 --out dhp19
  hybrid_pose simulate --motion mocap/02_01.amc --sensor evk4 --out recordings/walk
"""
_SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose simulate`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add(
        "--subject",
        type=int,
        default=13,
        help="1..17, or above 100 for a random person (%(default)s)",
    )
    add(
        "--movement",
        help="1..33 as in DHP19, a name, or several with commas, done in turn (22)",
    )
    add("--motion", type=Path, help="motion capture file .amc or .bvh, in place of --movement")
    add("--skeleton", type=Path, help=".asf file of the .amc (default: the one beside it)")
    add("--cameras", default="2,3", help="names in the rig; 2 is short for cam2 (%(default)s)")
    add("--rig", type=Path, help="rig file (default: the DHP19 rig)")
    add("--sensor", help="davis346, dvxplorer, gen3_vga or evk4 (davis346)")
    add("--noise", type=float, help="noise events per pixel and second (the sensor's)")
    add("--seconds", type=float, help="length (10; with --motion: the file's, repeated if longer)")
    add("--seed", type=int, default=0, help="varies rhythm, sway, noise (%(default)s)")
    add("--format", choices=["bag", "h5"], default="bag", help="rosbag2 or DHP19's (%(default)s)")
    add(
        "--out",
        type=Path,
        required=True,
        help="folder: of the new bag, which must not exist, or for the .h5 files",
    )
    add("--preview", action="store_true", help="also film the scene beside its events")


def run(args: argparse.Namespace) -> int:
    """Simulate, write, and print what was written."""
    from tqdm import tqdm

    from hybrid_pose_ros.pose.rig import camera_names
    from hybrid_pose_ros.simulator.presets import rig_for, with_noise
    from hybrid_pose_ros.simulator.simulate import record

    if args.seed < 0:
        raise ConfigError(f"seed must not be negative, got {args.seed}")
    if args.format == "bag" and args.out.exists():
        raise RecordingError(f"{args.out} exists already; remove it or choose another name")
    names = [f"cam{n}" if n.isdigit() else n for n in camera_names(args.cameras)]
    rig, sensor = rig_for(args.sensor, args.rig, names)
    if args.noise is not None:
        sensor = with_noise(sensor, args.noise)
    performance = _performance(args)
    with tqdm(total=100, desc="simulation", unit="%", disable=None) as bar:
        recording = record(
            performance,
            args.seed,
            list(rig.cameras.values()),
            sensor,
            progress=lambda share: bar.update(round(100 * share) - bar.n),
        )
    for path in _write(recording, performance, rig, args):
        print(path)
    for name, events in recording.cameras.items():
        rate = len(events) / recording.seconds / 1000
        print(f"  {name}: {len(events)} events, {rate:.1f} thousand a second")
    return 0


def _performance(args: argparse.Namespace) -> Performance:
    """What the person does."""
    from hybrid_pose_ros.simulator.performance import perform_mocap, perform_movement

    if args.motion is None:
        if args.skeleton is not None:
            raise ConfigError(f"--skeleton {args.skeleton} belongs to --motion; name that file too")
        seconds = _SECONDS if args.seconds is None else args.seconds
        return perform_movement(args.subject, args.movement or "22", args.seed, seconds)
    if args.movement is not None:
        raise ConfigError(f"give --motion {args.motion} or --movement {args.movement}, not both")
    return perform_mocap(args.subject, args.motion, args.skeleton, args.seconds)


def _write(
    recording: SimulatedRecording, performance: Performance, rig: Rig, args: argparse.Namespace
) -> list[Path]:
    """Paths of all files written."""
    if args.format == "bag":
        from hybrid_pose_ros.simulator.recording import write_bag

        write_bag(recording, args.out, world_frame=rig.world_frame, compress=True)
        paths = [args.out]
        film = args.out.with_name(f"{args.out.name}_preview.mp4")
    else:
        from hybrid_pose_ros.simulator.dhp19_file import write_dhp19_h5

        paths = list(write_dhp19_h5(recording, args.out))
        film = args.out / f"{recording.stem}_preview.mp4"
    if args.preview:
        from hybrid_pose_ros.view.simulation_film import film_simulation

        film_simulation(recording, performance, args.seed, film)
        paths.append(film)
    return paths
