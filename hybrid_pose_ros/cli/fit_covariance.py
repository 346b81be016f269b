"""`hybrid_pose fit-covariance`: how wide a network's ellipses must be, written into its weights."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from hybrid_pose_ros.cli.evaluate import add_data_arguments, at_least_1, open_scenes

EXAMPLE = """example:
  hybrid_pose fit-covariance mine.safetensors

Training does this by itself, on its validation data; this is for weights that have no scale yet, or
for data of your own. Fitted on simulated people who are neither in training nor in evaluations, or
on --data. The weights stay as they are, only their header changes.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose fit-covariance`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("weights", type=Path, help="file that is changed")
    add_data_arguments(parser)
    parser.set_defaults(sections="fitting", cameras="cam2,cam3", recordings=12)
    parser.add_argument("--json", action="store_true", help="print the scale as JSON")


def run(args: argparse.Namespace) -> int:
    """Fit, write, print."""
    import torch

    from hybrid_pose_ros.eval.fit_covariance import fit_covariance
    from hybrid_pose_ros.models.checkpoint import free_notes, load_checkpoint, save_checkpoint
    from hybrid_pose_ros.runtime.device import resolve_device

    torch.set_num_threads(at_least_1("--threads", args.threads))
    network = load_checkpoint(args.weights, resolve_device(args.device))
    scale, joints = fit_covariance(network, open_scenes(args)[0])
    network.covariance_scale = scale
    save_checkpoint(network, args.weights, free_notes(args.weights))
    count = sum(map(len, joints.distance))
    if args.json:
        print(json.dumps(asdict(scale) | {"joints": count}))
        return 0
    print(f"{args.weights}: covariance scale fitted on {count} joints")
    for confidence, factor in zip(scale.confidence, scale.factor, strict=True):
        print(f"  confidence {confidence:.3f}: {factor:.3f}")
    return 0
