"""The Lightning trainer of a stage: progress, TensorBoard, checkpoints, any number of devices."""

from __future__ import annotations

from pathlib import Path

from hybrid_pose_ros.train.config import TrainConfig
from hybrid_pose_ros.train.torchvision_guard import make_importable

make_importable()

import lightning  # noqa: E402
from lightning.pytorch.callbacks import ModelCheckpoint  # noqa: E402
from lightning.pytorch.loggers import TensorBoardLogger  # noqa: E402

LightningModule = lightning.LightningModule
CHECK_EVERY = 250  # optimiser steps between validations and checkpoints


def make_trainer(config: TrainConfig, name: str, steps: int) -> lightning.Trainer:
    """A trainer that writes into <output>/<name> and logs into <output>/logs/<name>."""
    interval = min(CHECK_EVERY, steps)
    return lightning.Trainer(
        max_steps=steps,
        accelerator="auto",
        devices="auto",
        gradient_clip_val=1.0,
        val_check_interval=interval,
        num_sanity_val_steps=0,
        logger=TensorBoardLogger(config.output, name="logs", version=name),
        callbacks=[
            ModelCheckpoint(
                Path(config.output) / name, save_last=True, every_n_train_steps=interval
            )
        ],
        enable_model_summary=False,
        log_every_n_steps=20,
    )
