"""`hybrid_pose simulate`: a person in front of simulated event cameras, written to files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_pose_ros.errors import ConfigError, RecordingError
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path

if TYPE_CHECKING:
    from hybrid_pose_ros.pose.rig import Rig
    from hybrid_pose_ros.simulator.recording import SimulatedRecording

EXAMPLE = """example:
  hybrid_pose simulate --subject 13 --movement 22 --seconds 10 --out recordings/stars
  hybrid_pose simulate --subject 2 --movement 8,27,22 --seconds 9 --out recordings/three --preview
  hybrid_pose simulate --subject 2 --movement 9 --format h5 --out dhp19
"""
_PREVIEW_FPS = 25


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
        default="22",
        help="1..33 as in DHP19, a name, or several with commas, done in turn (%(default)s)",
    )
    add("--cameras", default="2,3", help="names in the rig; 2 is short for cam2 (%(default)s)")
    add("--rig", type=Path, help="rig file (default: the DHP19 rig)")
    add("--seconds", type=float, default=10.0, help="length (%(default)s)")
    add("--seed", type=int, default=0, help="varies rhythm, sway, noise (%(default)s)")
    add("--format", choices=["bag", "h5"], default="bag", help="rosbag2 or DHP19's (%(default)s)")
    add(
        "--out",
        type=Path,
        required=True,
        help="folder: of the new bag, which must not exist, or for the .h5 files",
    )
    add("--preview", action="store_true", help="also film the events with the true skeleton")


def run(args: argparse.Namespace) -> int:
    """Simulate, write, and print what was written."""
    from tqdm import tqdm

    from hybrid_pose_ros.simulator.simulate import simulate

    if args.seed < 0:
        raise ConfigError(f"seed must not be negative, got {args.seed}")
    if args.format == "bag" and args.out.exists():
        raise RecordingError(f"{args.out} exists already; remove it or choose another name")
    names = [f"cam{name}" if name.isdigit() else name for name in args.cameras.split(",")]
    rig = load_rig(args.rig or share_path("config", "dhp19_rig.yaml"), names)
    with tqdm(total=100, desc="simulation", unit="%", disable=None) as bar:
        recording = simulate(
            args.subject,
            args.movement,
            args.seed,
            args.seconds,
            list(rig.cameras.values()),
            progress=lambda share: bar.update(round(100 * share) - bar.n),
        )
    for path in _write(recording, rig, args):
        print(path)
    for name, events in recording.cameras.items():
        rate = len(events) / args.seconds / 1000
        print(f"  {name}: {len(events)} events, {rate:.1f} thousand a second")
    return 0


def _write(recording: SimulatedRecording, rig: Rig, args: argparse.Namespace) -> list[Path]:
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
        _film(recording, rig, film)
        paths.append(film)
    return paths


def _film(recording: SimulatedRecording, rig: Rig, path: Path) -> None:
    """All cameras side by side: the events of each picture and the true skeleton."""
    import numpy as np

    from hybrid_pose_ros.view.overlay import draw_overlay
    from hybrid_pose_ros.view.video import VideoWriter

    period = int(1e9 / _PREVIEW_FPS)
    height = 2 * max(size[1] for size in recording.sizes.values())
    width = 2 * sum(size[0] for size in recording.sizes.values())
    with VideoWriter(path, _PREVIEW_FPS, (width, height)) as video:
        for start in range(0, int(recording.seconds * 1e9) - period + 1, period):
            middle = np.searchsorted(recording.truth_t_ns, start + period // 2)
            image, left = np.zeros((height, width, 3), np.uint8), 0
            for name, events in recording.cameras.items():
                size = recording.sizes[name]
                cut = np.searchsorted(events["t"], [start, start + period])
                uv = rig.cameras[name].project(recording.truth_xyz[middle])
                part = draw_overlay(events[cut[0] : cut[1]], *size, scale=2, truth_uv=uv)
                image[: part.shape[0], left : left + part.shape[1]] = part
                left += part.shape[1]
            video.write(image)
