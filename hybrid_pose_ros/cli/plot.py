"""`hybrid_pose plot`: pictures of what `hybrid_pose evaluate --out` found."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from hybrid_pose_ros.unfinished import check_folder

EXAMPLE = """example:
  hybrid_pose evaluate --out out/evaluation
  hybrid_pose plot out/evaluation/results.json --out out/evaluation/plots

Several results are drawn together; where two hold the same network and rate, the first one counts.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose plot`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "results",
        nargs="+",
        type=Path,
        metavar="RESULTS.json",
        help="files that evaluate --out wrote",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the pictures")


def run(args: argparse.Namespace) -> int:
    """Draw everything that the results hold; print the files."""
    from hybrid_pose_ros.eval.evaluation import read_json
    from hybrid_pose_ros.eval.examples import FILE, read_examples
    from hybrid_pose_ros.eval.pictures import picture_2d, picture_3d
    from hybrid_pose_ros.view.video import write_png

    check_folder(args.out, f"--out {args.out}")
    results = [read_json(path) for path in args.results]
    found = [path.with_name(FILE) for path in args.results if path.with_name(FILE).exists()]
    examples = [example for path in found for example in read_examples(path)]
    written = []
    for section in dict.fromkeys(name for result in results for name in result["sections"]):
        written += _curves(results, section, args.out)
    written += _keyframes(results, args.out)
    for example in {example.section: example for example in reversed(examples)}.values():
        for kind, draw in (("2d", picture_2d), ("3d", picture_3d)):
            written.append(args.out / f"{example.section}_example_{kind}.png")
            write_png(written[-1], draw(example))
    print("\n".join(str(path) for path in written))
    return 0


def _keyframes(results: list[dict[str, Any]], folder: Path) -> list[Path]:
    """Draws error against keyframes per second, where a result has it; the files."""
    from hybrid_pose_ros.eval.keyframe_curve_plot import keyframe_curve_plot

    curves = [item for result in reversed(results) for item in result.get("keyframes", {}).items()]
    written = []
    for section, curve in dict(curves).items():
        written.append(folder / f"{section}_keyframes.png")
        keyframe_curve_plot(curve, written[-1])
    return written


def _curves(results: list[dict[str, Any]], section: str, folder: Path) -> list[Path]:
    """Draws the curves of one section; the files."""
    from hybrid_pose_ros.eval.plots import (
        accuracy_over_power,
        error_over_time,
        firing_rates,
        rows_of,
    )
    from hybrid_pose_ros.eval.reliability_plot import reliability_plot

    every = rows_of(results, section, None)
    title = next(r["sections"][section]["about"] for r in results if section in r["sections"])
    written = []
    for rate in sorted({row["rate_hz"] for row in every}):
        written.append(folder / f"{section}_error_{rate}hz.png")
        error_over_time(rows_of(results, section, rate), f"{title}, {rate} Hz", written[-1])
    written.append(folder / f"{section}_power.png")
    accuracy_over_power(every, title, written[-1])
    for row in every:
        if "spike_rates" in row and not row["variant"]:
            name = re.sub(r"\W+", "_", row["name"])
            written.append(folder / f"{section}_firing_{name}_{row['rate_hz']}hz.png")
            firing_rates(row, title, written[-1])
        if "reliability" in row:
            name = re.sub(r"\W+", "_", row["name"])
            written.append(folder / f"{section}_reliability_{name}_{row['rate_hz']}hz.png")
            reliability_plot(row, title, written[-1])
    return written
