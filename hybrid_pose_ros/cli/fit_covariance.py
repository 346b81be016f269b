"""`hybrid_pose fit-covariance`: how wide a network's ellipses must be, written into its weights."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from hybrid_pose_ros.cli.evaluate_data import add_data_arguments, at_least_1, open_scenes
from hybrid_pose_ros.errors import ConfigError

EXAMPLE = """examples:
  hybrid_pose fit-covariance mine.safetensors
  hybrid_pose fit-covariance mine.safetensors --data DHP19/ --subjects 11,12

Training does this by itself, on its validation data; this is for weights that have no scale yet, or
for data of your own. Fitted on simulated people who are neither in training nor in evaluations, or
on those of --data whom --subjects names: neither the ones that the weights were trained on nor
subjects 13 to 17. The weights stay as they are, only their header changes.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose fit-covariance`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("weights", type=Path, help="file that is changed")
    add_data_arguments(parser, fitting=True)
    parser.set_defaults(cameras="cam2,cam3", recordings=12)
    parser.add_argument("--json", action="store_true", help="print the scale as JSON")


def run(args: argparse.Namespace) -> int:
    """Fit, write, print."""
    import torch

    from hybrid_pose_ros.eval.fit_covariance import fit_covariance
    from hybrid_pose_ros.models.checkpoint import free_notes, load_checkpoint, save_checkpoint
    from hybrid_pose_ros.runtime.device import resolve_device
    from hybrid_pose_ros.train.calibration import NOTE

    torch.set_num_threads(at_least_1("--threads", args.threads))
    network = load_checkpoint(args.weights, resolve_device(args.device))
    scenes = open_scenes(args)[0]
    _refuse_trained(args.weights, {r.subject for r, _ in getattr(scenes, "recordings", ())})
    scale, joints = fit_covariance(network, scenes)
    network.covariance_scale = scale
    notes = free_notes(args.weights)
    notes.pop(NOTE, None)  # what training had fitted holds no longer
    save_checkpoint(network, args.weights, notes)
    count = sum(map(len, joints.distance))
    if args.json:
        print(json.dumps(asdict(scale) | {"joints": count}))
        return 0
    print(f"{args.weights}: covariance scale fitted on {count} joints")
    for confidence, factor in zip(scale.confidence, scale.factor, strict=True):
        print(f"  confidence {confidence:.3f}: {factor:.3f}")
    return 0


def _refuse_trained(weights: Path, people: set[int]) -> None:
    """Nobody whom the network has seen: it is surer of them than of others.

    Raises:
        ConfigError: somebody of DHP19 was in its training, as the header of the weights tells.
    """
    from hybrid_pose_ros.models.checkpoint import read_notes
    from hybrid_pose_ros.simulator.subjects import FIRST_RANDOM_SUBJECT
    from hybrid_pose_ros.train.identity import NOTE

    data = json.loads(read_notes(weights).get(NOTE, "{}")).get("data", {})
    if data.get("source") != "dhp19":
        return  # trained on simulated people
    known = set(data["validation_subjects"])
    if trained := sorted(p for p in people - known if p < FIRST_RANDOM_SUBJECT):
        raise ConfigError(
            f"{weights} were trained on subjects {trained}; take others with --subjects, or train "
            "with some of them among data.validation_subjects"
        )
