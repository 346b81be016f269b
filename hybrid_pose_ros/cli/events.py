"""`hybrid_pose events`: look into recordings of event cameras."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hybrid_pose_ros.cli import events_view
from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.data.statistics import summarise

if TYPE_CHECKING:
    import argparse

INFO_EXAMPLE = "example: hybrid_pose events info recordings/walk --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-verbs `info` and `view`."""
    parser.epilog = parser.epilog or INFO_EXAMPLE
    verbs = parser.add_subparsers(dest="events_verb", required=True, metavar="VERB")
    info = verbs.add_parser(
        "info",
        help="cameras, counts and faults of a recording",
        description="Decode all events of a recording and tell what is in it.",
        epilog=INFO_EXAMPLE,
    )
    info.add_argument("file", help="rosbag2 folder, or an .mcap or .db3 file")
    info.add_argument("--json", action="store_true", help="print the numbers as JSON")
    info.set_defaults(events_run=_info)
    view = verbs.add_parser(
        "view",
        help="a video or a picture of a recording's events",
        description="Render the events of a recording as a video or a picture.",
    )
    events_view.add_arguments(view)
    view.set_defaults(events_run=events_view.run)


def run(args: argparse.Namespace) -> int:
    """Run the chosen sub-verb; returns the exit status."""
    return args.events_run(args)


def _info(args: argparse.Namespace) -> int:
    with open_recording(args.file) as recording:
        cameras = summarise(recording)
    if args.json:
        print(json.dumps({"recording": args.file, "cameras": cameras}, indent=2))
        return 0
    for topic, numbers in cameras.items():
        print(_text(topic, numbers))
    return 0


def _text(topic: str, n: dict[str, Any]) -> str:
    lines = [
        topic,
        f"  sensor    {n['width']} x {n['height']}, {n['encoding']}, {n['packets']} packets, "
        f"{n['bytes'] / 1e6:.2f} MB",
        f"  events    {n['events']:,} ({n['on']:,} ON, {n['off']:,} OFF), "
        f"{n['triggers']} triggers, {n['rate'] / 1e6:.3f} Mev/s",
    ]
    if n["events"]:
        seconds = (n["last_t_ns"] - n["first_t_ns"]) / 1e9
        lines.append(
            f"  time      {n['first_t_ns'] / 1e9:.6f} to {n['last_t_ns'] / 1e9:.6f} s of the "
            f"sensor's clock ({seconds:.3f} s)"
        )
    lines.append(f"  sums      t {n['sum_t_ns']} ns, x {n['sum_x']}, y {n['sum_y']} (modulo 2^64)")
    faults = dict(n["faults"])
    if n["gaps"]:
        faults["gaps"] = n["gaps"]
        faults["lost packets"] = n["lost_packets"]
    if n["restarts"]:
        faults["restarts"] = n["restarts"]
    told = ", ".join(f"{kind} {count}" for kind, count in faults.items()) or "none"
    return "\n".join([*lines, f"  faults    {told}"])
