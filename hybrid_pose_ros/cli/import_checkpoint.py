"""`hybrid_pose import-checkpoint`: published .pt checkpoints to our safetensors."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from hybrid_pose_ros.cli.output_file import add_force, check_output

EXAMPLE = """examples:
  hybrid_pose import-checkpoint published.pt hybrid.safetensors --model hybrid_cnn_snn
  hybrid_pose import-checkpoint cnn.pt snn.pt start.safetensors --model hybrid_cnn_snn

The second one makes a hybrid to train further: weights of its CNN and of its SNN, the state
initialisers fresh. Nothing in a .pt file is executed.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose import-checkpoint`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.pt", help="published weights")
    parser.add_argument("out", type=Path, metavar="OUT.safetensors", help="file to write")
    kinds = ("cnn", "snn", "rnn", "hybrid_cnn_snn", "hybrid_cnn_rnn")
    parser.add_argument("--model", required=True, choices=kinds, help="network to make")
    parser.add_argument("--tau", type=float, help="time constant of the LIF neurons, bins")
    parser.add_argument("--decay", type=float, help="factor of the hybrids' output per bin")
    parser.add_argument("--seed", type=int, default=0, help="of weights that no file gives")
    add_force(parser)
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(args: argparse.Namespace) -> int:
    """Load, check, write; nothing is written if anything does not fit."""
    check_output(args.out, args.force)  # before the imports, which take seconds
    import torch

    from hybrid_pose_ros.models.checkpoint import save_checkpoint
    from hybrid_pose_ros.models.presets import build
    from hybrid_pose_ros.models.published import load_published, read_state_dict
    from hybrid_pose_ros.train.published_initialisation import initialise

    given = {"tau": args.tau, "decay": args.decay}
    settings = {name: value for name, value in given.items() if value is not None}
    torch.manual_seed(args.seed)
    model = build(f"paper/{args.model}", settings)
    initialise(model)
    files = {str(path): load_published(model, read_state_dict(path)) for path in args.files}
    loaded = {key for imported in files.values() for key in imported.loaded}
    fresh = sorted(set(model.state_dict()) - loaded)
    notes = {"imported": ", ".join(f"{path} ({found.source})" for path, found in files.items())}
    save_checkpoint(model.eval(), args.out, notes)
    if args.json:
        found = [{"file": path} | dataclasses.asdict(entry) for path, entry in files.items()]
        network = f"paper/{args.model}"
        answer = {"network": network, "out": str(args.out), "files": found, "fresh": fresh}
        print(json.dumps(answer, indent=2))
        return 0
    for path, imported in files.items():
        print(f"{path}: {imported.source}, {len(imported.loaded)} tensors")
        if imported.left_out:
            print(f"  without a place in a {args.model}: {', '.join(imported.left_out)}")
    if fresh:
        print(f"{len(fresh)} tensors fresh, seed {args.seed}: train this network before use")
    print(f"wrote {args.out}")
    return 0
