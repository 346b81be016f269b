"""A training run: its data, then one network after the other, each resumable."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml

from hybrid_pose_ros.models.checkpoint import load_checkpoint, save_checkpoint
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.train import calibration
from hybrid_pose_ros.train.batches import VALIDATION_BINS, Batches, ValidationBatches
from hybrid_pose_ros.train.clips import load_views, make_clips, plan_clips
from hybrid_pose_ros.train.config import TrainConfig, plain
from hybrid_pose_ros.train.data_config import AugmentationConfig, DataConfig
from hybrid_pose_ros.train.dhp19_views import dhp19_views
from hybrid_pose_ros.train.fresh import FreshViews
from hybrid_pose_ros.train.identity import NOTE, finished, identity, unfinished
from hybrid_pose_ros.train.memory import keep_freed_memory
from hybrid_pose_ros.train.module import Stage
from hybrid_pose_ros.train.parts import (
    go_on_from,
    load_part,
    parts_of,
    put_in,
    stage_settings,
    stages_of,
)
from hybrid_pose_ros.train.preflight import check
from hybrid_pose_ros.train.published_initialisation import initialise
from hybrid_pose_ros.train.samples import windows_for
from hybrid_pose_ros.train.trainer import BatchLoaders, is_first_process, make_trainer
from hybrid_pose_ros.train.views import View
from hybrid_pose_ros.unfinished import write_text

VALIDATION_KEYFRAMES = (10, 20)  # later ones, of networks that keep something of the first
CALIBRATION_BATCHES = 12  # of validation; the heatmaps of all are in memory


@dataclass(frozen=True)
class Run:
    """A network's training on some views. `models` gathers what was trained, by kind."""

    name: str
    config: TrainConfig
    training: list[View]
    validation: list[View]
    models: dict[str, PoseNetwork]

    @property
    def family(self) -> str:
        """Preset of all networks of the run."""
        return self.name.split("/")[0]

    def weights(self, kind: str) -> Path:
        """Where a stage leaves its weights."""
        return Path(self.config.output) / f"{kind}.safetensors"


def train(
    name: str, config: TrainConfig, stages: list[str] | None = None, simulate_only: bool = False
) -> Path | None:
    """Train a network, or go on with it; later stages start from the files of earlier ones.

    Args:
        name: of the network, such as "lite/rnn".
        stages: which of `stages_of`; None for all.
        simulate_only: make the clips, then stop.

    Returns:
        The weights of the last stage, None where they are not kept or another process of the same
        run tells of them; the folder of the clips if simulate_only.

    Raises:
        UserError: settings, data or weights are wrong; nothing has been written then.
    """
    torch.set_num_threads(config.threads)
    keep_freed_memory()
    stages = stages_of(name, config) if stages is None else stages
    check(name, config, stages)
    if simulate_only:
        make_clips(config.data, config.threads)
        return Path(config.data.folder)
    run = Run(name, config, *_views(config.data, config.threads), models={})
    for kind in stages:  # recordings may be too short
        _batches(run, kind, build(f"{run.family}/{kind}", config.network))
    settings = yaml.safe_dump(plain(config), sort_keys=False)
    write_text(Path(config.output) / f"{name.replace('/', '_')}.yaml", settings)
    for kind in stages:
        train_stage(run, kind)
    told = config.trainer.save_params and is_first_process()
    return run.weights(stages[-1]) if told else None


def train_stage(run: Run, kind: str) -> PoseNetwork:
    """Run one stage, or what is left of it after an interruption; writes <output>/<kind>."""
    config, settings = run.config, stage_settings(run.config, kind)
    model = prepare(run, kind)
    tag, weights = identity(model, settings, config), run.weights(kind)
    if finished(weights, tag):
        print(f"{kind} has been trained already: {weights}", file=sys.stderr)
        run.models[kind] = load_checkpoint(weights)
        return run.models[kind]
    batches, checks = _batches(run, kind, model)
    trainer = make_trainer(config, kind, batches.steps)
    last = unfinished(Path(config.output) / kind / "last.ckpt", tag)
    if last is not None:
        print(f"{kind} goes on from {last}", file=sys.stderr)
    stage = Stage(model, settings, config.loss, config.recipe, batches.steps, tag)
    trainer.fit(
        stage,
        datamodule=BatchLoaders(batches, checks, config),
        ckpt_path=None if last is None else str(last),
        weights_only=False,
    )
    best = Path(config.output) / kind / "best.ckpt"
    if config.trainer.keep == "best":
        content = torch.load(best, map_location="cpu", weights_only=False)
        stage.load_state_dict(content["state_dict"])
    model.requires_grad_(True).to("cpu")
    run.models[kind] = model
    figures = {key: round(float(value), 4) for key, value in trainer.callback_metrics.items()}
    if trainer.is_global_zero:
        _finish(run, kind, checks, {NOTE: tag, "figures": str(figures)})
    trainer.strategy.barrier()
    return model.eval()


def _batches(run: Run, kind: str, model: PoseNetwork) -> tuple[Batches, ValidationBatches]:
    """What a stage is trained and validated on.

    Raises:
        RecordingError: no recording is long enough.
    """
    config, settings = run.config, stage_settings(run.config, kind)
    windows = windows_for(config.recipe, config.data, model.config)
    batches = Batches(
        run.training, windows, settings, config.seed * 1000 + _number(kind), _augmentation(config),
        following=config.loss.states > 0 and kind == "hybrid_cnn_snn",
        fresh=FreshViews(config.data) if config.data.source == "fresh" else None,
    )  # fmt: skip
    checks = ValidationBatches(
        run.validation, windows, _validation_bins(config, kind), config.trainer.checks,
        at=(0, *(VALIDATION_KEYFRAMES if model.carries else ())),
    )  # fmt: skip
    return batches, checks


def prepare(run: Run, kind: str) -> PoseNetwork:
    """The network of a stage with its first weights: fresh, of its parts, or given."""
    config = run.config
    torch.manual_seed(config.seed * 1000 + _number(kind))
    model = build(f"{run.family}/{kind}", config.network)
    if config.recipe == "published":
        initialise(model)
    if kind in config.start:
        go_on_from(model, Path(config.start[kind]))
    for part in parts_of(kind):
        path = config.initial.get(part)
        if part in run.models and path is None:
            put_in(model, run.models[part], part)
        elif path is not None or part in stages_of(f"{run.family}/{kind}", config):
            path = path or str(run.weights(part))
            put_in(model, load_part(Path(path), f"{run.family}/{part}"), path)
    if kind in config.initial:
        path = config.initial[kind]
        put_in(model, load_part(Path(path), f"{run.family}/{kind}"), path)
    return model.train()


def _finish(run: Run, kind: str, checks: ValidationBatches, notes: dict[str, str]) -> None:
    """Calibrate a trained network and write its weights."""
    model = run.models[kind]
    batches = dataclasses.replace(checks, count=min(len(checks), CALIBRATION_BATCHES))
    fitted = calibration.calibrate(model, batches, run.family)
    if not run.config.trainer.save_params:
        return
    table = calibration.as_markdown(fitted)
    write_text(Path(run.config.output) / f"{kind}_reliability.md", table)
    # Last: who finds weights takes the stage for finished.
    save_checkpoint(model, run.weights(kind), notes | calibration.to_note(fitted))


def _views(data: DataConfig, workers: int) -> tuple[list[View], list[View]]:
    if data.source == "dhp19":
        return dhp19_views(data)
    make_clips(data, workers)
    training, validation = plan_clips(data)
    kept = [] if data.source == "fresh" else load_views(training, data)
    return kept, load_views(validation, data)


def _augmentation(config: TrainConfig) -> AugmentationConfig | None:
    return config.augmentation if config.recipe == "ours" else None


def _validation_bins(config: TrainConfig, kind: str) -> int:
    if kind == "cnn":
        return 0
    settings = stage_settings(config, kind)
    return settings.bins[1] if config.recipe == "published" else VALIDATION_BINS


def _number(kind: str) -> int:
    return ("cnn", "snn", "hybrid_cnn_snn", "rnn", "hybrid_cnn_rnn").index(kind)
