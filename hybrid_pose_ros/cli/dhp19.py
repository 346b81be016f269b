"""`hybrid_pose dhp19`: the recordings of the DHP19 data set."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from hybrid_pose_ros.errors import ConfigError, RecordingError

EXAMPLE = """examples:
  hybrid_pose dhp19 prepare ~/DHP19 ~/dhp19_h5
  hybrid_pose dhp19 prepare ~/DHP19 ~/dhp19_h5 --subjects 1,2,13
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose dhp19`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    text = "turn the raw download (AEDAT 2 and Vicon) into filtered HDF5 files"
    sub = actions.add_parser("prepare", help=text, description=text[0].upper() + text[1:] + ".")
    sub.epilog, sub.formatter_class = EXAMPLE, argparse.RawDescriptionHelpFormatter
    sub.add_argument("raw", type=Path, help="folder that holds DVS_movies and Vicon_data")
    sub.add_argument("out", type=Path, help="folder of the .h5 files; finished ones are kept")
    sub.add_argument("--subjects", default="", help="numbers with commas (default: all)")
    sub.add_argument("--json", action="store_true", help="print the outcome as JSON")


def run(args: argparse.Namespace) -> int:
    """Convert, go on after a damaged file, and name all of those at the end."""
    from tqdm import tqdm

    from hybrid_pose_ros.data.dhp19_prepare import find_raw, prepare_all

    pairs = find_raw(args.raw, args.out, _numbers(args.subjects))
    kept = sum(pair.done for pair in pairs)
    failed = {}
    with tqdm(total=len(pairs), desc="preparing", unit="file", disable=None) as bar:
        for pair, error in prepare_all(pairs):
            bar.update()
            if error is not None:
                failed[pair.stem] = str(error)
                tqdm.write(f"{pair.stem}: {error}", file=sys.stderr)
    made = len(pairs) - kept - len(failed)
    if args.json:
        print(json.dumps({"made": made, "kept": kept, "failed": failed}))
    else:
        print(f"{args.out}: {made} recordings made, {kept} were there, {len(failed)} failed")
    if failed:
        raise RecordingError(
            f"{len(failed)} of {len(pairs)} recordings could not be prepared: {', '.join(failed)}; "
            "repair or remove their files and run this again"
        )
    return 0


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in text.split(",") if number.strip())
    except ValueError:
        raise ConfigError(f"--subjects must be numbers with commas, got '{text}'") from None
