"""Every setting of a training run: data, and one record per stage. Read strictly from YAML."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.lite.config import LiteConfig

T = TypeVar("T")


@dataclass(frozen=True)
class DataConfig:
    """Simulated recordings to train on.

    Attributes:
        folder: where they are kept; missing ones are simulated first.
        clips: number of recordings.
        seconds: length of each.
        seed: decides subjects, movements and seeds of all clips.
        cameras: names in the DHP19 rig.
        held_out_movements: DHP19 numbers that never appear.
        free_share: share of clips with free, random joint motion.
        validation_clips: further clips, of held-out subjects and movements.
    """

    folder: str = "out/train/clips"
    clips: int = 240
    seconds: float = 4.0
    seed: int = 1
    cameras: tuple[str, ...] = ("cam2", "cam3")
    held_out_movements: tuple[int, ...] = (7, 8, 22, 27, 28)
    free_share: float = 0.3
    validation_clips: int = 20


@dataclass(frozen=True)
class StageConfig:
    """One stage of training.

    Attributes:
        steps: optimiser steps.
        batch: sequences per step.
        bins: SNN steps per sequence, drawn between the two.
        learning_rate: peak of a one-cycle schedule.
    """

    steps: int
    batch: int
    learning_rate: float
    bins: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 1 or self.learning_rate <= 0:
            raise ValueError(f"steps, batch and learning_rate must be positive, got {self}")


@dataclass(frozen=True)
class TrainConfig:
    """A whole run; `config/train_lite.yaml` is the one that made the shipped weights."""

    output: str = "out/train/lite"
    weights: str = "weights/lite_hybrid.safetensors"
    seed: int = 7
    threads: int = 2
    data: DataConfig = field(default_factory=DataConfig)
    model: LiteConfig = field(default_factory=LiteConfig)
    cnn: StageConfig = StageConfig(1500, 12, 3e-3)
    snn: StageConfig = StageConfig(400, 6, 3e-3, (16, 16))
    hybrid: StageConfig = StageConfig(1000, 6, 2e-3, (10, 24))


def load_train_config(path: Path) -> TrainConfig:
    """Read a YAML file whose keys are those of TrainConfig.

    Raises:
        ConfigError: the file is missing or not YAML, or a key is unknown or a value wrong.
    """
    try:
        values = yaml.safe_load(Path(path).read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read training settings {path}: {error}") from error
    return _build(TrainConfig, values, str(path))


def _build(cls: type[T], values: Any, where: str) -> T:
    if not isinstance(values, dict):
        raise ConfigError(f"{where} must be a mapping of settings, got {values!r}")
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ConfigError(f"{where}: unknown settings {unknown}; known are {sorted(fields)}")
    nested = {
        "data": DataConfig, "model": LiteConfig,
        "cnn": StageConfig, "snn": StageConfig, "hybrid": StageConfig,
    }  # fmt: skip
    built: dict[str, Any] = {}
    for name, value in values.items():
        if cls is TrainConfig and name in nested:
            value = _build(nested[name], value, f"{where}: {name}")
        elif isinstance(value, list):
            value = tuple(value)
        built[name] = value
    try:
        return cls(**built)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from error
