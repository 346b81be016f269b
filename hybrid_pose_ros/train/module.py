"""A stage of training as a Lightning module: optimiser, schedule, what is logged."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.train.config import LossConfig, StageConfig
from hybrid_pose_ros.train.identity import KEY
from hybrid_pose_ros.train.objective import errors, objective, run_network
from hybrid_pose_ros.train.picture import picture
from hybrid_pose_ros.train.samples import Batch
from hybrid_pose_ros.train.trainer import LightningModule, TensorBoardLogger

LEAST_STEPS = 20  # that the schedule needs for its rise


def cnn_parts(model: PoseNetwork) -> list[nn.Module]:
    """The modules of the CNN inside a hybrid; none of another network."""
    if not (model.has_keyframe and model.has_step):
        return []
    return [m for name, m in model.named_children() if name == "cnn" or name.endswith("_cnn")]


class Stage(LightningModule):
    """Trains one network.

    Args:
        model: what is trained; the CNN inside a hybrid only where the stage has a cnn_rate.
        stage, loss: settings.
        recipe: "ours" (AdamW, one cycle) or "published" (Adam, constant rate).
        steps: optimiser steps of the whole stage.
        identity: settings that make a checkpoint another run's; kept in it.
    """

    def __init__(
        self, model: PoseNetwork, stage: StageConfig, loss: LossConfig, recipe: str, steps: int,
        identity: str = "",
    ) -> None:  # fmt: skip
        super().__init__()
        self.model, self.stage, self.loss, self.recipe = model, stage, loss, recipe
        self.steps, self.identity = steps, identity
        self.model.check_counts = False  # they are ours
        if not stage.cnn_rate:
            for part in cnn_parts(model):
                part.requires_grad_(False)

    def on_train_epoch_start(self) -> None:
        self.model.train()
        # Batch norms do not move, of a CNN that is trained along neither: sequences are few at a
        # time, and what is in them hangs together.
        for part in cnn_parts(self.model):
            part.eval()
        if self.stage.still_norms:
            for module in self.model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        losses = objective(self.model, batch, self.recipe, self.loss)
        for name, value in losses.items():
            self.log(name, value, prog_bar=name == "loss")
        if self.trainer.world_size > 1:
            # Several devices wait for the gradient of every parameter; those of `carry` have none
            # in a sequence of one keyframe.
            return losses["loss"] + 0 * sum(p.sum() for p in self.parameters() if p.requires_grad)
        return losses["loss"]

    def validation_step(self, batch: Batch, index: int) -> None:
        answer = run_network(self.model, batch)
        pixels = errors(self.model, answer)
        self.log("val_px", pixels.nanmean(), prog_bar=True, sync_dist=True)
        self.log("val_px_last", pixels[-1].nanmean(), sync_dist=True)
        if index == 0 and isinstance(self.logger, TensorBoardLogger):
            tile = picture(batch, answer)
            self.logger.experiment.add_image("val", tile, self.global_step, dataformats="HWC")

    def configure_optimizers(self) -> Any:
        rate = self.stage.learning_rate
        shares: dict[float, list[nn.Parameter]] = {1.0: []}
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                shares.setdefault(self._relative_rate(name, parameter), []).append(parameter)
        groups: list[dict[str, Any]] = [
            {"params": group, "lr": rate * share} for share, group in shares.items()
        ]
        if self.recipe == "published":
            return torch.optim.Adam(groups)
        optimizer = torch.optim.AdamW(groups, weight_decay=1e-4, betas=(0.9, 0.99))
        peaks = [group["lr"] for group in groups]
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, peaks, total_steps=max(self.steps + 1, LEAST_STEPS), pct_start=0.1
        )
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    def _relative_rate(self, name: str, parameter: nn.Parameter) -> float:
        """By which its learning rate differs from the stage's."""
        inside = any(parameter is p for part in cnn_parts(self.model) for p in part.parameters())
        rate = self.stage.cnn_rate if inside else 1.0
        for beginning, factor in self.stage.rates.items():
            rate *= factor if name.startswith(beginning) else 1.0
        return rate

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[KEY] = self.identity
