"""Everything that can be known to be wrong with a run before anything is written."""

from __future__ import annotations

import sys
from pathlib import Path

from hybrid_pose_ros.data.dhp19_split import TEST_SUBJECTS
from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.train.batches import VALIDATION_BINS, least_seconds
from hybrid_pose_ros.train.config import TrainConfig
from hybrid_pose_ros.train.fresh import FreshViews
from hybrid_pose_ros.train.identity import finished, identity, unfinished
from hybrid_pose_ros.train.parts import (
    go_on_from,
    load_part,
    parts_of,
    put_in,
    stage_settings,
    stages_of,
)
from hybrid_pose_ros.train.trainer import make_trainer
from hybrid_pose_ros.unfinished import check_folder


def check(name: str, config: TrainConfig, stages: list[str]) -> None:
    """Try settings and weights of a network's stages; recordings are checked as they are opened.

    Raises:
        UserError: names what is wrong.
    """
    check_folder(Path(config.output), f"output {config.output}")
    make_trainer(config, stages[-1], 1)
    load_rig(share_path("config", "dhp19_rig.yaml"), config.data.cameras)
    if config.data.source == "fresh":
        FreshViews(config.data)
    judged = sorted(set(config.data.validation_subjects) & set(TEST_SUBJECTS))
    if config.data.source == "dhp19" and config.recipe == "ours" and judged:
        print(
            f"note: data.validation_subjects {judged} are those that `evaluate` judges, and what "
            "is fitted after training will have seen them; take others to judge it later",
            file=sys.stderr,
        )
    for kind in stages:
        _check_stage(name, kind, config, stages)


def _check_stage(name: str, kind: str, config: TrainConfig, stages: list[str]) -> None:
    family, known = name.split("/")[0], stages_of(name, config)
    model = build(f"{family}/{kind}", config.network)
    if kind in config.start:
        start = config.start[kind]
        if changed := go_on_from(model, Path(start)):
            print(f"note: {start} was trained with {', '.join(changed)}", file=sys.stderr)
    weights = {part: Path(config.output) / f"{part}.safetensors" for part in (*known, kind)}
    for part in (*parts_of(kind), kind):
        path = config.initial.get(part)
        earlier = part != kind and part in known and part not in stages
        if path is not None or earlier:
            path = path or str(weights[part])
            put_in(model, load_part(Path(path), f"{family}/{part}"), path)
    _check_rates(kind, model, config)
    _check_seconds(kind, config)
    tag = identity(model, stage_settings(config, kind), config)
    if not finished(weights[kind], tag):
        unfinished(Path(config.output) / kind / "last.ckpt", tag)


def _check_rates(kind: str, model: PoseNetwork, config: TrainConfig) -> None:
    """Relative learning rates are of weights that there are."""
    names = [name for name, _ in model.named_parameters()]
    for beginning in stage_settings(config, kind).rates:
        if not any(name.startswith(beginning) for name in names):
            raise ConfigError(
                f"rates: no weight of the {kind} has a name that begins with '{beginning}'; there "
                f"are {', '.join(sorted({name.rsplit('.', 2)[0] for name in names}))}"
            )


def _check_seconds(kind: str, config: TrainConfig) -> None:
    """Clips are long enough, before any is simulated."""
    if config.data.source == "dhp19" or config.recipe == "published":
        return  # recordings have the length that they have; published windows follow the events
    faster, seconds = config.augmentation.time_scale[1], config.data.seconds
    bins = stage_settings(config, kind).longest
    checked = 0 if kind == "cnn" else VALIDATION_BINS
    if seconds < (least := max(least_seconds(bins, faster), least_seconds(checked, 1.0))):
        raise ConfigError(
            f"data.seconds {seconds:g} is too short for the {kind}: {bins} bins at up to "
            f"{faster:g} times the speed, and {checked} of validation, need clips of {least:.2f} s"
        )
