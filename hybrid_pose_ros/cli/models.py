"""`hybrid_pose models`: the networks with their parameters, operations and memory."""

from __future__ import annotations

import argparse
import json

EXAMPLE = """example:
  hybrid_pose models
  hybrid_pose models --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose models`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    from hybrid_pose_ros.models.presets import PRESETS, figures

    rows = [figures(name) for name in PRESETS]
    if args.json:
        print(json.dumps(rows, indent=2))
        return 0
    print("network                parameters   GMAC/keyframe   GMAC/step   states MB (fp16)")
    for row in rows:
        giga = [float(row[key]) / 1e9 for key in ("macs_per_keyframe", "macs_per_step")]
        megabytes = float(row["states_bytes_fp16"]) / 1e6
        print(
            f"{row['preset']:<21}{row['parameters']:>12,}{giga[0]:>16.3f}{giga[1]:>12.3f}"
            f"{megabytes:>19.2f}"
        )
    return 0
