"""`hybrid_pose events view`: a video or a picture of a recording's events."""

from __future__ import annotations

import argparse
from pathlib import Path

from hybrid_pose_ros.cli.events_input import add_input, add_partial, progress_bar
from hybrid_pose_ros.cli.output_file import add_force, check_output

EXAMPLE = """example:
  hybrid_pose events view recordings/demo --out demo.mp4
  hybrid_pose events view mov1.aedat --topic /cam2/events --seconds 5 --out busiest.png
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose events view`."""
    add_input(parser, EXAMPLE)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("view.mp4"),
        help=".mp4 for a video, .png for a picture of the busiest moment (default: %(default)s)",
    )
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="length from the start (default: %(default)s)"
    )
    add_force(parser)
    add_partial(parser)


def run(args: argparse.Namespace) -> int:
    """Render, then print what was written."""
    check_output(args.out, args.force)
    from hybrid_pose_ros.view.event_film import render_events

    with progress_bar("rendering") as progress:
        count = render_events(
            args.file, args.out, args.topic, args.seconds, partial=args.partial, progress=progress
        )
    what = f"{count} pictures" if args.out.suffix == ".mp4" else f"the busiest of {count} moments"
    print(f"{args.out}: {what}")
    return 0
