"""`hybrid_pose events`: look into recordings of event cameras, convert them, make pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybrid_pose_ros.cli import events_convert, events_info, events_view

if TYPE_CHECKING:
    import argparse

EXAMPLE = "example: hybrid_pose events info recordings/walk --json"
# sub-verb -> (module, help, description)
_VERBS = {
    "info": (
        events_info,
        "cameras, counts, rates and faults of a recording",
        "Decode all events of a recording and tell what is in it.",
    ),
    "convert": (
        events_convert,
        "a recording in another format",
        "Write the events of a recording as a rosbag2, HDF5 or NumPy file.",
    ),
    "view": (
        events_view,
        "a video or a picture of a recording's events",
        "Render the events of a recording as a video or a picture.",
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-verbs `info`, `convert` and `view`."""
    parser.epilog = parser.epilog or EXAMPLE
    verbs = parser.add_subparsers(dest="events_verb", required=True, metavar="VERB")
    for name, (module, text, description) in _VERBS.items():
        verb = verbs.add_parser(name, help=text, description=description)
        module.add_arguments(verb)
        verb.set_defaults(events_run=module.run)


def run(args: argparse.Namespace) -> int:
    """Run the chosen sub-verb; returns the exit status."""
    return args.events_run(args)
