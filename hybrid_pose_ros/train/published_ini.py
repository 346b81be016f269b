"""The published code's .ini files as our settings, with a note on everything that is different.

Published keys and their meaning: github.com/uzh-rpg/hybrid_ann_snn, configs/.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.train.published_ini_file import BIN_MS, read_ini
from hybrid_pose_ros.train.published_losses import STATE_SHARE

CHECK_EVERY = 1000  # steps, as published
IGNORED = {
    "activation_type": "the network decides",
    "activation": "the published network's output has none in effect",
    "init_mp_dicts": "membranes are initialised in every hybrid",
    "cnn_input": "the network decides",
    "p_mat_path": "the cameras are those of config/dhp19_rig.yaml, the same numbers",
}


def translate_ini(
    path: Path, kind: str, pretrained: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Settings for `build_config` from a published .ini file, and notes on what is different.

    Args:
        kind: of the network, such as "hybrid_cnn_snn"; its file says nothing of it.
        pretrained: also start from the weights of the SNN or RNN (of the CNN: always).

    Raises:
        ConfigError: the file is missing or no .ini file; an unknown section or key; a value that
            has no meaning, or asks for what does not exist here.
    """
    values = read_ini(Path(path))
    data, training = values["dataloader_parameters"], values["training_parameters"]
    settings: dict[str, Any] = {
        "recipe": "published",
        "data": _data(data, path),
        "loss": {"states": STATE_SHARE if kind == "hybrid_cnn_snn" else 0.0},
        "trainer": {"keep": "best", "check_every": CHECK_EVERY},
        "initial": _initial(values["model_initialization"], kind, pretrained),
    }
    if "num_workers" in training:
        settings["trainer"]["workers"] = training["num_workers"]
    network = {"tau": "tau", "output_decay": "decay"}
    model = values["model_parameters"]
    settings["network"] = {ours: model[key] for key, ours in network.items() if key in model}
    settings["network"]["keyframe_bins"] = _keyframe_bins(values, kind, path)
    hybrid = kind.startswith("hybrid")
    settings["hybrid" if hybrid else kind] = _stage(training, data, kind)
    if hybrid and "cnn" not in settings["initial"]:
        settings["cnn"] = {"batch": 8, "learning_rate": 1e-4, "epochs": 6}
    return settings, _notes(values, settings, kind, pretrained)


def _data(data: dict[str, Any], path: Path) -> dict[str, Any]:
    count, duration = data.get("constant_count", True), data.get("constant_duration", False)
    if count == duration:
        raise ConfigError(
            f"{path}: exactly one of constant_count and constant_duration must be True, got "
            f"{count} and {duration}"
        )
    return {
        "source": "dhp19",
        "folder": data["dataset_path"],
        "cameras": [f"cam{view}" for view in data.get("camera_views", (3,))],
        "held_out_movements": [],
        "keyframe": "count" if count else "duration",
        "step_ms": data.get("step_size", 100),
    }


def _initial(found: dict[str, Any], kind: str, pretrained: bool) -> dict[str, str]:
    """The CNN of a hybrid always starts from its weights, all else if it is asked for."""
    wanted = ["cnn"] if kind.startswith("hybrid") else []
    if pretrained:
        wanted += [part for part in ("cnn", "snn", "rnn") if part in kind.split("_")]
    paths = {part: found.get(f"{part}_pretrained_dict_path", "") for part in wanted}
    return {part: path for part, path in paths.items() if path}


def _keyframe_bins(values: dict[str, dict[str, Any]], kind: str, path: Path) -> int:
    """From the CNN's channels; in the RNN's files in_channels are those of a bin."""
    model = values["model_parameters"]
    key = "in_channels" if kind == "cnn" else "cnn_in_channels"
    channels = model.get(key, 20)
    if channels % 2 or channels < 2:
        raise ConfigError(f"{path}: [model_parameters] {key} must be even, got {channels}")
    return channels // 2


def _stage(training: dict[str, Any], data: dict[str, Any], kind: str) -> dict[str, Any]:
    bins = training.get("num_bins", data.get("sequence_length", 100) // BIN_MS)
    published = {"cnn": (8, 1e-4), "snn": (2, 5e-5), "hybrid_cnn_snn": (2, 5e-5)}
    batch, rate = published.get(kind, (2, 1e-4))
    stage = {
        "batch": training.get("batch_size", batch),
        "learning_rate": training.get("lr", rate),
        "epochs": training.get("num_epochs", 10),
    }
    return stage if kind == "cnn" else stage | {"bins": [bins, bins]}


def _notes(
    values: dict[str, dict[str, Any]], settings: dict[str, Any], kind: str, pretrained: bool
) -> list[str]:
    given = {key for section in values.values() for key in section}
    notes = [f"{key} is ignored: {why}" for key, why in IGNORED.items() if key in given]
    if values["inference_parameters"]:
        notes.append("[inference_parameters] is ignored here: 'hybrid_pose evaluate' has its own")
    for part in ("cnn", "snn", "rnn"):
        path = values["model_initialization"].get(f"{part}_pretrained_dict_path")
        if path and part not in settings["initial"]:
            why = f"a {kind} has no {part}" if pretrained else "needs --init_with_pretrained"
            notes.append(f"{part}_pretrained_dict_path is ignored: {why}")
    if "cnn" in settings and kind.startswith("hybrid"):
        notes.append("no weights of a CNN are given: it is trained first, for 6 epochs")
    cameras = ", ".join(settings["data"]["cameras"])
    notes.append(f"camera_views are the recorded channels {cameras} of the HDF5 files")
    notes.append(f"the best of the validations every {CHECK_EVERY} steps is kept, not all epochs")
    return notes
