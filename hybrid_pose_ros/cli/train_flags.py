"""Flags of `hybrid_pose train` that users of the published code know, and what they change."""

from __future__ import annotations

import argparse
import dataclasses
import re

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.train.config import TrainConfig

SWITCHES = {
    "save_runs": "write TensorBoard logs",
    "save_params": "keep checkpoints and weights",
    "init_with_pretrained": "also start the SNN or RNN from the weights that the settings name",
}


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare them, with underscores and with dashes."""
    group = parser.add_argument_group("flags of the published code")
    group.add_argument("--device", help="cpu, cuda or cuda:1; the settings decide otherwise")
    group.add_argument(
        "--output_path", "--output-path", help="folder of weights, checkpoints, logs"
    )
    group.add_argument("--tb_name", "--tb-name", help="name of the TensorBoard logs")
    for name, text in SWITCHES.items():
        dashes = name.replace("_", "-")
        group.add_argument(f"--{name}", f"--{dashes}", action="store_true", default=None, help=text)
        group.add_argument(
            f"--no-{name}", f"--no_{name}", f"--no-{dashes}",
            dest=name, action="store_false", default=None, help=f"do not {text}",
        )  # fmt: skip


def apply_flags(config: TrainConfig, args: argparse.Namespace) -> TrainConfig:
    """The settings with what was given on the command line.

    Raises:
        ConfigError: the device does not exist, or weights cannot be both kept and not.
    """
    changes = {name: getattr(args, name) for name in ("save_runs", "save_params", "tb_name")}
    trainer = {name: value for name, value in changes.items() if value is not None}
    if args.device is not None:
        trainer |= _device(args.device)
    if args.save_params is False:
        trainer["keep"] = "last"
    config = dataclasses.replace(config, trainer=dataclasses.replace(config.trainer, **trainer))
    if args.output_path is not None:
        config = dataclasses.replace(config, output=args.output_path)
    if args.init_with_pretrained is False:
        kept = {kind: path for kind, path in config.initial.items() if kind == "cnn"}
        config = dataclasses.replace(config, initial=kept)
    return config


def _device(text: str) -> dict[str, object]:
    """Lightning's accelerator and devices."""
    import torch

    match = re.fullmatch(r"(cpu|cuda)(?::(\d+))?", text)
    if match is None:
        raise ConfigError(f"--device must be cpu, cuda or cuda:<number>, got '{text}'")
    if match[1] == "cpu":
        return {"accelerator": "cpu", "devices": 1}
    number, count = int(match[2] or 0), torch.cuda.device_count()
    if number >= count:
        raise ConfigError(f"--device {text}: this machine has {count} CUDA devices; use cpu")
    return {"accelerator": "cuda", "devices": (number,)}
