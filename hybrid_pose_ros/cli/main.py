"""The command `hybrid_pose`: one verb for everything a person types."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from hybrid_pose_ros.errors import UserError
from hybrid_pose_ros.runtime.held_signals import repeated_interrupts

# verb -> (module, help). A verb's module is imported only when it is used; it has
# add_arguments(parser) and run(args) -> exit status.
VERBS = {
    "demo": ("demo", "play the bundled recording through the live graph, report and film it"),
    "up": ("up", "start the nodes for live cameras or a recording, and watch over them"),
    "infer": ("infer", "2D poses of a recording, offline"),
    "simulate": ("simulate", "make a recording of a simulated person"),
    "events": ("events", "look into recordings of event cameras"),
    "models": ("models", "list the networks with their operations and memory"),
    "import-checkpoint": ("import_checkpoint", "turn published weights (.pt) into ours"),
    "calibrate": ("calibrate", "check how cameras fit each other, find moved ones again"),
    "dhp19": ("dhp19", "prepare the recordings of the DHP19 data set"),
    "train": ("train", "train the networks, on simulated people or DHP19 files"),
    "evaluate": ("evaluate", "compare networks with the truth and with each other"),
    "plot": ("plot", "draw the results of evaluations"),
    "fit-covariance": ("fit_covariance", "fit the ellipses of a network, into its weights"),
    "energy": ("energy", "what the networks cost, layer by layer"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    # Look-ups of installed files go through the ament index; a virtual environment is its own.
    os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)
    argv = sys.argv[1:] if argv is None else argv
    try:
        with repeated_interrupts():
            args = build_parser(argv[0] if argv else "").parse_args(argv)
            return args.run(args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # such as `hybrid_pose ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.filename is None:
            raise
        # About a file of the user's: there is nothing to see in a traceback.
        print(f"error: {error.filename}: {error.strerror}; choose another path", file=sys.stderr)
        return 2


def build_parser(chosen: str = "") -> argparse.ArgumentParser:
    """The parser with all verbs, and with the arguments of the chosen one."""
    parser = argparse.ArgumentParser(
        prog="hybrid_pose",
        description="Human pose from event cameras with a hybrid CNN-SNN network.",
        epilog="'hybrid_pose VERB --help' explains a verb and shows an example.",
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb, (name, text) in VERBS.items():
        sub = verbs.add_parser(verb, help=text, description=text[0].upper() + text[1:] + ".")
        if verb == chosen:
            module = importlib.import_module(f"hybrid_pose_ros.cli.{name}")
            module.add_arguments(sub)
            sub.set_defaults(run=module.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
