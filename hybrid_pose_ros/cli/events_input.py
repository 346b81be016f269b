"""The arguments that the sub-verbs of `hybrid_pose events` share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FILE_HELP = "rosbag2 folder, .mcap, .db3, .bag, .aedat4, .aedat, .raw, .dat, .h5 or .npz file"


def add_input(parser: argparse.ArgumentParser, example: str) -> None:
    """Declare the file, the choice of streams, and the example of the help."""
    parser.epilog = example
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", type=Path, help=FILE_HELP)
    parser.add_argument(
        "--topic", action="append", help="stream to take; may be repeated (default: all)"
    )


def add_partial(parser: argparse.ArgumentParser) -> None:
    """Declare what to do about a damaged file."""
    parser.add_argument(
        "--partial", action="store_true", help="take what can be read of a damaged file"
    )


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[float], None]]:
    """A bar on stderr, moved by calls with the share done (0 to 1)."""
    from tqdm import tqdm

    with tqdm(total=100, desc=what, unit="%", disable=None, leave=False) as bar:
        yield lambda share: bar.update(round(100 * share) - bar.n) and None
