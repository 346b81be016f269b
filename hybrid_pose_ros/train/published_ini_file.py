"""The keys of the published code's .ini files, and reading them strictly."""

from __future__ import annotations

import configparser
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.settings import unknown_keys

BIN_MS = 10
TRUE, FALSE = ("1", "yes", "true", "on"), ("0", "no", "false", "off")


def _flag(text: str) -> bool:
    """The text "False" is false."""
    if text.lower() not in TRUE + FALSE:
        raise ValueError(f"must be True or False, got '{text}'")
    return text.lower() in TRUE


def _views(text: str) -> tuple[int, ...]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, int):
        found = [found]
    if not isinstance(found, list) or not found or not set(map(str, found)) <= set("0123"):
        raise ValueError(f"must be a list of views 0..3 such as [3], got '{text}'")
    return tuple(map(int, found))


# Section -> key -> what reads its text. "Fixed" keys describe what our networks always are.
PATH, WHOLE, NUMBER = str, int, float
READERS: dict[str, dict[str, Callable[[str], Any]]] = {
    "model_initialization": {
        f"{part}_pretrained_dict_path": PATH for part in ("cnn", "snn", "rnn")
    },
    "model_parameters": {
        "cnn_in_channels": WHOLE, "in_channels": WHOLE, "out_channels": WHOLE,
        "activation_type": str, "v_threshold": NUMBER, "tau": NUMBER, "detach_reset": _flag,
        "init_mp_dicts": _flag, "output_decay": NUMBER, "skip_type": str, "activation": str,
        "recurrent_block_type": str, "num_encoders": WHOLE, "base_num_channels": WHOLE,
        "num_residual_blocks": WHOLE, "use_upsample_conv": _flag, "norm": str,
        "running_stats": _flag,
    },
    "dataloader_parameters": {
        "camera_views": _views, "sequence_length": WHOLE, "step_size": WHOLE,
        "bin_length_per_stack": WHOLE, "num_bins": WHOLE, "cnn_input": _flag,
        "constant_count": _flag, "constant_duration": _flag, "dataset_path": PATH,
        "p_mat_path": PATH, "downsample": _flag, "ev_representation": str,
    },
    "training_parameters": {
        "num_epochs": WHOLE, "lr": NUMBER, "batch_size": WHOLE, "num_workers": WHOLE,
        "num_bins": WHOLE,
    },
    "inference_parameters": {"batch_size": WHOLE, "num_workers": WHOLE, "num_bins": WHOLE},
}  # fmt: skip
FIXED: dict[str, Any] = {
    "out_channels": 13, "v_threshold": 1.0, "detach_reset": False, "skip_type": "sum",
    "recurrent_block_type": "convlstm", "num_encoders": 3, "base_num_channels": 32,
    "num_residual_blocks": 2, "use_upsample_conv": False, "norm": "BN", "running_stats": True,
    "bin_length_per_stack": BIN_MS, "downsample": False, "ev_representation": "stacked_hist",
}  # fmt: skip


def read_ini(path: Path) -> dict[str, dict[str, Any]]:
    """Section -> key -> value, of the keys that are there.

    Raises:
        ConfigError: the file is missing or no .ini file; an unknown section or key; a value that
            has no meaning, or asks for a network or input that does not exist here.
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with path.open() as file:
            parser.read_file(file)
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    unknown_keys(dict(parser), [*READERS, "DEFAULT"], f"{path}: sections")
    out: dict[str, dict[str, Any]] = {}
    for section, readers in READERS.items():
        found = dict(parser[section]) if section in parser else {}
        unknown_keys(found, list(readers), f"{path}: [{section}]")
        out[section] = {}
        for key, text in found.items():
            try:
                out[section][key] = readers[key](text.strip())
            except ValueError as error:
                raise ConfigError(f"{path}: [{section}] {key}: {error}") from error
    _refuse(out, path)
    return out


def _refuse(values: dict[str, dict[str, Any]], path: Path) -> None:
    """Settings of networks or inputs that do not exist here."""
    for section in ("model_parameters", "dataloader_parameters"):
        for key, value in values[section].items():
            if key in FIXED and value != FIXED[key]:
                raise ConfigError(
                    f"{path}: [{section}] {key} = {value} is not supported, only {FIXED[key]}"
                )
    data = values["dataloader_parameters"]
    if "dataset_path" not in data:
        raise ConfigError(f"{path}: [dataloader_parameters] lacks dataset_path")
