"""The Lightning trainer of a stage: progress, TensorBoard, checkpoints, any number of devices.

One of Lightning's epochs lasts from one validation to the next, so that a checkpoint is always
taken between two and a run goes on from it exactly as it would have.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.train.batches import Batches, ValidationBatches
from hybrid_pose_ros.train.config import TrainConfig
from hybrid_pose_ros.train.torchvision_guard import make_importable

make_importable()

import lightning  # noqa: E402
from lightning.fabric.utilities.exceptions import MisconfigurationException  # noqa: E402
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint  # noqa: E402
from lightning.pytorch.loggers import TensorBoardLogger as TensorBoardLogger  # noqa: E402
from lightning.pytorch.utilities import rank_zero_only  # noqa: E402

LightningModule = lightning.LightningModule
logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # no advertisements
for said_of_every_run_that_goes_on in (
    "Checkpoint directory .* exists and is not empty",
    r"`ModelCheckpoint\(monitor=.*could not find the monitored key",
):
    warnings.filterwarnings("ignore", said_of_every_run_that_goes_on)
MONITOR = "val_px"


class BatchLoaders(lightning.LightningDataModule):
    """Hands Lightning the batches from the step it is at to the next validation."""

    def __init__(self, batches: Batches, checks: ValidationBatches, config: TrainConfig) -> None:
        super().__init__()
        self.batches, self.checks, self.config = batches, checks, config.trainer

    def train_dataloader(self) -> DataLoader:
        trainer: Any = self.trainer
        self.batches.rank, self.batches.world = trainer.global_rank, trainer.world_size
        first = trainer.global_step
        numbers = range(first, min(first + self.config.check_every, self.batches.steps))
        return self._loader(self.batches, numbers)

    def val_dataloader(self) -> DataLoader:
        trainer: Any = self.trainer
        return self._loader(
            self.checks, range(trainer.global_rank, len(self.checks), trainer.world_size)
        )

    def _loader(self, dataset: Any, numbers: range) -> DataLoader:
        return DataLoader(
            dataset, batch_size=None, sampler=numbers, num_workers=self.config.workers
        )


class TrueSteps(Callback):
    """Logs have the step they are of: after a restart, Lightning's own count is one too high."""

    def on_train_batch_start(self, trainer: Any, *_: Any) -> None:
        trainer.fit_loop.epoch_loop._batches_that_stepped = trainer.global_step


def is_first_process() -> bool:
    """Whether this is the first, or the only, process of a run on several devices."""
    return getattr(rank_zero_only, "rank", 0) == 0


def make_trainer(config: TrainConfig, name: str, steps: int) -> lightning.Trainer:
    """A trainer that writes into <output>/<name> and logs into <output>/<tb_name>/<name>.

    Raises:
        ConfigError: Lightning has no such accelerator, strategy or precision, or not here.
    """
    try:
        return _make_trainer(config, name, steps)
    except (MisconfigurationException, ValueError, TypeError) as error:
        raise ConfigError(f"trainer: {error}") from error


def _make_trainer(config: TrainConfig, name: str, steps: int) -> lightning.Trainer:
    settings, callbacks = config.trainer, list[Callback]([TrueSteps()])
    if settings.save_params:
        # The last one remembers the best one, so it comes second.
        callbacks += [_checkpoint(config, name, "best", MONITOR), _checkpoint(config, name, "last")]
    if settings.patience:
        callbacks.append(
            EarlyStopping(MONITOR, patience=settings.patience, check_on_train_epoch_end=True)
        )
    devices = settings.devices
    logger = TensorBoardLogger(config.output, name=settings.tb_name, version=name)
    return lightning.Trainer(
        accelerator=settings.accelerator,
        devices=list(devices) if isinstance(devices, tuple) else devices,
        num_nodes=settings.num_nodes,
        strategy=settings.strategy,
        precision=settings.precision,  # type: ignore[arg-type]
        max_steps=steps,
        max_epochs=-1,
        gradient_clip_val=1.0 if config.recipe == "ours" else None,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        logger=logger if settings.save_runs else False,
        callbacks=callbacks,
        enable_checkpointing=settings.save_params,
        enable_model_summary=False,
        log_every_n_steps=min(20, settings.check_every),
        default_root_dir=config.output,
    )


def _checkpoint(
    config: TrainConfig, name: str, filename: str, monitor: str | None = None
) -> ModelCheckpoint:
    """Writes <output>/<name>/<filename>.ckpt after a validation, if it is the best `monitor`."""
    return ModelCheckpoint(
        Path(config.output) / name,
        filename=filename,
        monitor=monitor,
        enable_version_counter=False,
        save_on_train_epoch_end=True,
    )
