"""`hybrid_pose events convert`: a recording in another format."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_pose_ros.cli.events_input import add_input, add_partial, progress_bar
from hybrid_pose_ros.cli.output_file import add_force

if TYPE_CHECKING:
    import argparse

EXAMPLE = """example:
  hybrid_pose events convert mov1.aedat walk.mcap --topic /cam2/events --topic /cam3/events
  hybrid_pose events convert drive.raw drive.h5
  hybrid_pose events convert drive.bag drive            (a rosbag2 folder)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose events convert`."""
    add_input(parser, EXAMPLE)
    parser.add_argument(
        "target",
        type=Path,
        help="what to write: .mcap, .db3, .h5, .npz, or without ending a rosbag2 folder",
    )
    parser.add_argument(
        "--encoding",
        default="mono",
        help="of the packets of a bag: mono (exact) or evt3 (smaller: microseconds, of which a "
        "receiver sees 24 bits) (default: %(default)s)",
    )
    add_force(parser)
    add_partial(parser)


def run(args: argparse.Namespace) -> int:
    """Convert, then print what was written."""
    from hybrid_pose_ros.data.convert import convert

    with progress_bar("converting") as progress:
        done = convert(
            args.file, args.target, args.topic, args.encoding, args.force, args.partial, progress
        )
    print(f"{args.target}: {done.events:,} events of {', '.join(done.streams)}")
    if done.moved:
        print(
            f"warning: the time of {done.moved:,} events ran backwards; it was set to the latest "
            "before them",
            file=sys.stderr,
        )
    if done.damage:
        print(f"warning: {done.damage}", file=sys.stderr)
    return 0
