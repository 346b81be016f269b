"""What tells one training run from another: results of other settings are not continued."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from hybrid_pose_ros.errors import ConfigError, WeightsError
from hybrid_pose_ros.models.checkpoint import read_notes
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.presets import name_of
from hybrid_pose_ros.train.config import StageConfig, TrainConfig, plain
from hybrid_pose_ros.train.parts import parts_of

NOTE = "settings"  # of a weights file
KEY = "hybrid_pose_settings"  # of Lightning's checkpoints
_ELSEWHERE = ("folder",)  # data may move
_OF_THE_TRAINER = ("check_every", "precision", "keep", "patience")


def identity(model: PoseNetwork, stage: StageConfig, config: TrainConfig) -> str:
    """JSON of all that decides the curve and the result of a stage.

    Not among it: threads, workers and paths, which change nothing; `checks`, which changes what
    validation is judged on; and devices, so that a run may move. Another *number* of devices goes
    on with other batches.
    """
    kind = model.kind
    data = {k: v for k, v in plain(config.data).items() if k not in _ELSEWHERE}
    settings = {
        "network": name_of(model),
        "network_settings": model.config.asdict(),
        "recipe": config.recipe,
        "seed": config.seed,
        "data": data,
        "augmentation": plain(config.augmentation),
        "loss": plain(config.loss),
        "initial": {k: v for k, v in config.initial.items() if k in (*parts_of(kind), kind)},
        "start": config.start.get(kind, ""),
        "stage": plain(stage),
        **{name: getattr(config.trainer, name) for name in _OF_THE_TRAINER},
    }
    return json.dumps(settings)


def unfinished(path: Path, expected: str) -> Path | None:
    """Lightning's checkpoint to go on from, or None where there is none.

    Raises:
        ConfigError: it is damaged or of a run with other settings, which are named.
    """
    if not path.is_file():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=False)
        found = content.get(KEY, "")
    except Exception as error:  # whatever a damaged stream leads the reader to
        raise ConfigError(
            f"checkpoint {path} is damaged ({type(error).__name__}: {error}); "
            "remove it to start anew"
        ) from error
    _same(found, expected, path)
    return path


def finished(path: Path, expected: str) -> bool:
    """Whether these weights are what the run would make.

    Raises:
        ConfigError: there are weights of a run with other settings, which are named.
    """
    if not path.is_file():
        return False
    try:
        found = read_notes(path).get(NOTE, "")
    except WeightsError as error:
        raise ConfigError(f"{error}; remove {path} or choose another output") from error
    _same(found, expected, path)
    return True


def _same(found: str, expected: str, path: Path) -> None:
    if found == expected:
        return
    advice = "choose another output, or remove it to start anew"
    if not found:
        raise ConfigError(f"{path} is of another program or version; {advice}")
    old, new = _flat(json.loads(found)), _flat(json.loads(expected))
    if old == new:
        return
    keys = sorted(k for k in old.keys() | new.keys() if old.get(k) != new.get(k))
    lines = [f"{key}: {old.get(key)} there, {new.get(key)} here" for key in keys]
    raise ConfigError(f"{path} is of a run with other settings ({'; '.join(lines)}); {advice}")


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        out |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return out
