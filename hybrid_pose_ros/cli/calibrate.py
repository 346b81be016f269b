"""`hybrid_pose calibrate`: do the cameras fit each other, and where have they gone if not?"""

from __future__ import annotations

import argparse

from hybrid_pose_ros.cli import calibrate_check, calibrate_refine

EXAMPLE = "example: hybrid_pose calibrate check recordings/demo --cameras cam2,cam3"
# sub-verb -> (module, help)
_VERBS = {
    "check": (calibrate_check, "reprojection residuals per camera, and which one does not fit"),
    "refine": (calibrate_refine, "find again where cameras are that were bumped"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-verbs `check` and `refine`."""
    parser.epilog = EXAMPLE
    verbs = parser.add_subparsers(dest="calibrate_verb", required=True, metavar="VERB")
    for name, (module, text) in _VERBS.items():
        verb = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        module.add_arguments(verb)
        verb.set_defaults(calibrate_run=module.run)


def run(args: argparse.Namespace) -> int:
    """Run the chosen sub-verb; returns the exit status."""
    return args.calibrate_run(args)
