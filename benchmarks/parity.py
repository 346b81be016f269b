"""Holds networks and functions to reference numbers, whatever files a folder has.

    python benchmarks/parity.py test/data/fixture
    python benchmarks/parity.py DIR --only snn --steps 3

DIR holds .npz files in the format of test/data/fixture (its README.md tells the keys). A file is
driven by its keys; a file of a network says which by its name ("snn.npz", "snn_seed5.npz",
"train_hybrid_cnn_snn.npz"). Weights and inputs come from DIR/gen.py, or from the fixture's. Prints
the largest difference of every key and its tolerance; keys that nothing here understands are "not
driven". Exit status 1 if a difference is out of tolerance, 2 if nothing was driven at all.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import parity_functions
import parity_networks
import parity_training
import torch
from parity_checks import Check, Generator


def main(argv: list[str] | None = None) -> int:
    """Drive every file; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--only", default="", help="only files whose name contains this")
    parser.add_argument("--steps", type=int, help="only so many steps of each network")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    files = [path for path in sorted(args.folder.glob("*.npz")) if args.only in path.stem]
    if not files:
        parser.error(f"no .npz file in {args.folder}" + f" with {args.only!r}" * bool(args.only))
    generator = Generator(args.folder)
    failed = driven = 0
    for path in files:
        with np.load(path, allow_pickle=False) as archive:
            data = {key: archive[key] for key in archive.files}
        checks = drive(path.stem, data, generator, args.steps)
        failed += sum(not check.passed for check in checks)
        driven += sum(check.driven for check in checks)
        _print(path, data, checks)
    print(f"{driven} keys driven, {failed} out of tolerance")
    return 1 if failed else 0 if driven else 2


def drive(
    stem: str, data: dict[str, np.ndarray], generator: Generator, steps: int | None
) -> list[Check]:
    """All comparisons of one file, by whoever understands its keys."""
    if parity_training.understands(stem, data):
        return _again(lambda: list(parity_training.drive(stem, data, generator)))
    if parity_networks.understands(stem, data):
        return _again(lambda: list(parity_networks.drive(stem, data, generator, steps)))
    return list(parity_functions.drive(data, generator))


def _again(run: Callable[[], list[Check]]) -> list[Check]:
    """A network once more without oneDNN, whose sums round more on some CPUs, if it is out."""
    checks = run()
    if all(check.passed for check in checks):
        return checks
    with torch.backends.mkldnn.flags(enabled=False):
        note = "plain convolutions, without oneDNN"
        return [dataclasses.replace(check, note=check.note or note) for check in run()]


def _print(path: Path, data: dict[str, np.ndarray], checks: list[Check]) -> None:
    print(path.name)
    for check in checks:
        print(f"  {check.line()}", flush=True)
    used = {name for check in checks for name in (check.key, *check.uses)}
    if rest := [key for key in data if key not in used]:
        print(f"  not driven: {', '.join(rest)}")


if __name__ == "__main__":
    sys.exit(main())
