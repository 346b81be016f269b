"""`hybrid_pose train`: simulate the clips and train the lite hybrid on them."""

from __future__ import annotations

import argparse
from pathlib import Path

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.resources import share_path

EXAMPLE = """example:
  hybrid_pose train lite                              the shipped weights, from nothing
  hybrid_pose train lite --config mine.yaml --stages cnn,snn,hybrid
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose train`."""
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("model", choices=["lite"], help="network family to train")
    parser.add_argument("--config", type=Path, help="settings (default: config/train_lite.yaml)")
    parser.add_argument(
        "--stages", default="cnn,snn,hybrid", help="which stages to run, in this order"
    )
    parser.add_argument(
        "--simulate-only", action="store_true", help="make the training clips, then stop"
    )


def run(args: argparse.Namespace) -> int:
    """Train and print where the weights are."""
    from hybrid_pose_ros.train.config import load_train_config
    from hybrid_pose_ros.train.run import STAGES, train

    stages = args.stages.split(",")
    unknown = [name for name in stages if name not in STAGES]
    if unknown:
        raise ConfigError(f"unknown stages {unknown}; known are {', '.join(STAGES)}")
    config = load_train_config(args.config or share_path("config", "train_lite.yaml"))
    print(train(config, stages, args.simulate_only))
    return 0
