"""`hybrid_pose train`: any of the networks, on simulated clips or on DHP19 files."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from hybrid_pose_ros.cli.train_flags import add_flags, apply_flags
from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.presets import PRESETS
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.train.config import TrainConfig

EXAMPLE = """examples:
  hybrid_pose train lite                              the shipped hybrid, from the one before
  hybrid_pose train lite/rnn --config mine.yaml
  hybrid_pose train paper/cnn --config config/train_published.yaml --output_path out/cnn
  hybrid_pose train paper/hybrid_cnn_snn --config_path hybrid_cnn_snn_config.ini --device cuda:0
  hybrid_pose train lite/snn --config config/train_smoke.yaml    in less than a minute

A run that was killed goes on from its last checkpoint when the same command is given again.
"""
SHIPPED = "lite"  # the hybrid whose weights are shipped, with its own settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose train`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "model", choices=[SHIPPED, *PRESETS], metavar="MODEL",
        help=f"one of {', '.join([SHIPPED, *PRESETS])}",
    )  # fmt: skip
    parser.add_argument(
        "--config", "--config_path", "--config-path", type=Path, dest="config",
        help="settings, YAML or a published .ini (default: config/train_lite.yaml for lite, "
        "train_ours.yaml for lite/..., train_published.yaml for paper/...)",
    )  # fmt: skip
    parser.add_argument(
        "--stages", help="which stages to run, such as cnn,snn,hybrid (default: all that it needs)"
    )
    parser.add_argument(
        "--simulate-only", action="store_true", help="make the training clips, then stop"
    )
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Train and print where the weights are."""
    from hybrid_pose_ros.train.run import train

    name = "lite/hybrid_cnn_snn" if args.model == SHIPPED else args.model
    config = apply_flags(_settings(args, name), args)
    stages = _stages(args.stages, name, config)
    if args.simulate_only and config.data.source != "simulated":
        raise ConfigError(f"--simulate-only needs data.source simulated, not {config.data.source}")
    with contextlib.redirect_stdout(sys.stderr):  # Lightning's progress
        path = train(name, config, stages, args.simulate_only)
    if path is not None:
        print(path)
    return 0


def _settings(args: argparse.Namespace, name: str) -> TrainConfig:
    from hybrid_pose_ros.train.config_file import build_config, load_train_config
    from hybrid_pose_ros.train.published_ini import translate_ini

    path = args.config
    if path is None:
        own = "train_published.yaml" if name.startswith("paper/") else "train_ours.yaml"
        path = share_path("config", "train_lite.yaml" if args.model == SHIPPED else own)
    if path.suffix != ".ini":
        return load_train_config(path)
    kind = name.split("/")[1]
    values, notes = translate_ini(path, kind, bool(args.init_with_pretrained))
    values["output"] = f"out/train/{name.replace('/', '_')}"
    for note in notes:
        print(f"{path}: {note}", file=sys.stderr)
    return build_config(values, str(path))


def _stages(given: str | None, name: str, config: TrainConfig) -> list[str]:
    """The stages asked for, in the order of the run."""
    from hybrid_pose_ros.train.parts import stages_of

    known = stages_of(name, config)
    if given is None:
        return known
    # "hybrid" is the last stage of a hybrid, whichever it is.
    wanted = [known[-1] if stage == "hybrid" else stage for stage in given.split(",")]
    unknown = [stage for stage in wanted if stage not in known]
    if unknown:
        raise ConfigError(f"unknown stages {unknown}; {name} has {', '.join(known)}")
    return [stage for stage in known if stage in wanted]
