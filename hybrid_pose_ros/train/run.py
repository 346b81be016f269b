"""A training run: simulate what is missing, then CNN, SNN alone and hybrid, each resumable."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch.utils.data import DataLoader, IterableDataset

from hybrid_pose_ros.models.checkpoint import load_checkpoint, save_checkpoint
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.train.clips import View, load_views, make_clips, plan_clips
from hybrid_pose_ros.train.config import StageConfig, TrainConfig
from hybrid_pose_ros.train.module import CnnStage, HybridStage, SnnStage, Stage
from hybrid_pose_ros.train.samples import Batch, SequenceSampler
from hybrid_pose_ros.train.trainer import make_trainer

STAGES: dict[str, type[Stage]] = {"cnn": CnnStage, "snn": SnnStage, "hybrid": HybridStage}
VALIDATION_BINS = 20


class _Batches(IterableDataset):
    """A fixed number of random batches; the sampler's seed makes them reproducible."""

    def __init__(
        self, views: list[View], model: LiteHybrid, stage: StageConfig, count: int, seed: int,
        validation: bool = False,
    ) -> None:  # fmt: skip
        self.views, self.network, self.stage = views, model.config, stage
        self.count, self.seed, self.validation = count, seed, validation

    def __iter__(self) -> Iterator[Batch]:
        sampler = SequenceSampler(self.views, self.network, EstimatorConfig(), self.seed)
        low, high = self.stage.bins
        for _ in range(self.count):
            if self.validation:
                yield sampler.batch(8, VALIDATION_BINS if high else 0, augment=False)
                continue
            bins = int(sampler.rng.integers(low, high + 1))
            # About the same work each step: fewer sequences where they are longer.
            size = max(2, round(self.stage.batch * high / bins)) if bins else self.stage.batch
            yield sampler.batch(size, bins)


def train_stage(
    name: str, model: LiteHybrid, config: TrainConfig, views: list[View], checks: list[View]
) -> LiteHybrid:
    """Run one stage, or what is left of it after an interruption; writes <output>/<stage>."""
    stage_config: StageConfig = getattr(config, name)
    folder = Path(config.output) / name
    last = folder / "last.ckpt"
    torch.manual_seed(config.seed)
    trainer = make_trainer(config, name, stage_config.steps)
    seed = config.seed * 1000 + list(STAGES).index(name)
    batches = _Batches(views, model, stage_config, stage_config.steps, seed)
    validation = _Batches(checks, model, stage_config, min(6, stage_config.steps), 5, True)
    trainer.fit(
        STAGES[name](model, stage_config),
        DataLoader(batches, batch_size=None),
        DataLoader(validation, batch_size=None),
        ckpt_path=str(last) if last.exists() else None,
        weights_only=False,
    )
    figures = {key: f"{float(value):.3f}" for key, value in trainer.callback_metrics.items()}
    save_checkpoint(model, Path(config.output) / f"{name}.safetensors", {"figures": str(figures)})
    return model


def train(config: TrainConfig, stages: list[str], simulate_only: bool = False) -> Path:
    """Run the stages asked for; later ones start from the files of earlier ones.

    Returns:
        The weights file of the last stage.
    """
    torch.set_num_threads(config.threads)
    make_clips(config.data, config.threads)
    training, validation = plan_clips(config.data)
    if simulate_only:
        return Path(config.data.folder)
    views = load_views(training, config.data)
    checks = load_views(validation, config.data)
    model = LiteHybrid(config.model)
    for name in stages:
        if name == "hybrid":
            model = assemble(config)
        train_stage(name, model, config, views, checks)
    path = Path(config.output) / f"{stages[-1]}.safetensors"
    if stages[-1] == "hybrid":
        save_checkpoint(model, Path(config.weights), {"training": str(config)})
        path = Path(config.weights)
    return path


def assemble(config: TrainConfig) -> LiteHybrid:
    """A hybrid from the CNN and the SNN that were trained before it."""
    folder = Path(config.output)
    model = load_checkpoint(folder / "cnn.safetensors")
    spiking = load_checkpoint(folder / "snn.safetensors")
    model.snn.load_state_dict(spiking.snn.state_dict())
    model.decay_logit.data.copy_(spiking.decay_logit.data)
    return model.train()
