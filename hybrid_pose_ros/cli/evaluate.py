"""`hybrid_pose evaluate`: all networks against each other and against the truth, in one table."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid_pose_ros.cli.evaluate_data import (
    add_data_arguments,
    at_least_1,
    numbers,
    open_scenes,
)
from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.unfinished import check_folder

if TYPE_CHECKING:
    from hybrid_pose_ros.eval.keyframe_curve import CurveProtocol

EXAMPLE = """examples:
  hybrid_pose evaluate --out out/evaluation
  hybrid_pose evaluate --mocap clips/ --sections subjects,movements,mocap --json
  hybrid_pose evaluate --data DHP19/ --models lite/hybrid_cnn_snn=mine.safetensors
  hybrid_pose evaluate --data recordings/demo --cameras cam2,cam3 --rates 100
  hybrid_pose evaluate --parts windows,keyframes --recordings 3 --out out/both

Simulated people are kept in --clips and read again the next time. --out gets results.json,
results.md, results.csv, results.tex, published/*.txt and examples.npz (for `hybrid_pose plot`).
"""
PARTS = ("windows", "keyframes")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose evaluate`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_data_arguments(parser)
    parser.add_argument("--rates", default="100,200", help="steps per second, comma-separated")
    parser.add_argument(
        "--horizon-ms", type=int, default=400, help="how long some windows have no new keyframe"
    )
    parser.add_argument(
        "--parts", default="windows",
        help="windows: all networks against each other; keyframes: the hybrids' error by keyframes "
        "a second, which takes longer; windows,keyframes: both",
    )  # fmt: skip
    parser.add_argument(
        "--drifts", default="0.5,0.75,1,1.5,2,3",
        help="thresholds of keyframes on demand, px, comma-separated",
    )  # fmt: skip
    parser.add_argument(
        "--delay-bins", type=int, default=0, help="of the part keyframes: how late they come"
    )
    parser.add_argument("--batch", type=int, default=16, help="windows at a time")
    parser.add_argument("--out", type=Path, help="folder of the tables and of what plots need")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the table, write the files."""
    import torch

    from hybrid_pose_ros.eval.contenders import load_networks
    from hybrid_pose_ros.eval.evaluation import Protocol, nothing, write_json
    from hybrid_pose_ros.eval.evaluation import evaluate as compare
    from hybrid_pose_ros.eval.examples import FILE, write_examples
    from hybrid_pose_ros.eval.keyframe_curve import hybrids_of, keyframe_curve
    from hybrid_pose_ros.eval.markdown import whole_markdown
    from hybrid_pose_ros.eval.published_text import write_published
    from hybrid_pose_ros.eval.tables import write_tables
    from hybrid_pose_ros.runtime.device import resolve_device

    if args.out is not None:
        check_folder(args.out, f"--out {args.out}")
    protocol = Protocol(
        _rates(args.rates), _horizon(args.horizon_ms), batch=at_least_1("--batch", args.batch)
    )
    parts, curve = _parts(args.parts), _curve(args)
    device = resolve_device(args.device)
    torch.set_num_threads(at_least_1("--threads", args.threads))
    given = [item for item in args.models.split(",") if item]
    networks = load_networks(given, share_path("weights"), device)
    windows = "windows" in parts
    hybrids = hybrids_of(networks) if "keyframes" in parts else {}
    scenes, count, notes = open_scenes(args)
    result, examples = (
        compare(networks, scenes, count, protocol) if windows else (nothing(networks), [])
    )
    if "keyframes" in parts:
        result["keyframes"] = keyframe_curve(hybrids, scenes, count, curve)
    result["left_out"] += notes
    result["data"] = {
        "source": args.data, "cameras": args.cameras, "seed": args.seed, "seconds": args.seconds,
        "recordings": args.recordings, "movements_left_out": args.left_out, "models": args.models,
        "mocap": None if args.mocap is None else args.mocap.name,
    }  # fmt: skip
    print(json.dumps(result, indent=1) if args.json else whole_markdown(result))
    if args.out is not None:
        write_json(result, args.out / "results.json")
        write_tables(result, args.out, whole_markdown(result))
        if windows:
            write_published(result, args.out / "published")
            write_examples(examples, args.out / FILE)
    return 0


def _parts(text: str) -> list[str]:
    parts = text.split(",")
    if unknown := sorted(set(parts) - set(PARTS)):
        raise ConfigError(f"unknown parts {unknown}; known are {', '.join(PARTS)}")
    return parts


def _curve(args: argparse.Namespace) -> CurveProtocol:
    from hybrid_pose_ros.eval.keyframe_curve import CurveProtocol

    try:
        drifts = tuple(float(item) for item in args.drifts.split(",") if item)
        protocol = CurveProtocol(drifts_px=drifts, delay_bins=args.delay_bins)
        protocol.settings()
    except ValueError as error:
        raise ConfigError(f"--drifts and --delay-bins must fit: {error}") from error
    return protocol


def _rates(text: str) -> tuple[int, ...]:
    rates = numbers("--rates", text)
    if not rates or any(
        rate < 10 or 1000 % rate or (1000 // rate) * rate != 1000 for rate in rates
    ):
        raise ConfigError(f"--rates must divide 1000 and be at least 10, got {text!r}")
    if any(100 % (1000 // rate) for rate in rates):
        raise ConfigError(f"--rates must give whole steps between keyframes, got {text!r}")
    return rates


def _horizon(ms: int) -> int:
    if ms < 100 or ms % 100:
        raise ConfigError(f"--horizon-ms must be a multiple of 100, got {ms}")
    return ms
