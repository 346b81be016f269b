"""The three stages of training a lite hybrid as Lightning modules: CNN, SNN alone, hybrid."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
from hybrid_pose_ros.train.config import StageConfig
from hybrid_pose_ros.train.losses import heatmap_loss, pixel_error
from hybrid_pose_ros.train.samples import Batch
from hybrid_pose_ros.train.trainer import LightningModule


class Stage(LightningModule):
    """What the stages share: the model, its optimiser and what is logged."""

    def __init__(self, model: LiteHybrid, config: StageConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config

    def trained(self) -> list[torch.nn.Parameter]:
        """The parameters that this stage changes."""
        raise NotImplementedError

    def outputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Logits (T, B, 13, S, S) and the true cells (T, B, 13, 2) that they are held against."""
        raise NotImplementedError

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        logits, cells = self.outputs(batch)
        loss = heatmap_loss(logits, cells, batch.present)
        self.log("loss", loss, prog_bar=True)
        if self.global_step % 20 == 0:
            error = pixel_error(logits, cells)[:, batch.present]
            self.log("px", error.nanmean(), prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, _index: int) -> None:
        logits, cells = self.outputs(batch)
        error = pixel_error(logits, cells)  # (T, B, 13)
        self.log("val_px", error.nanmean(), prog_bar=True)
        self.log("val_px_last", error[-1].nanmean())

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(
            self.trained(), self.config.learning_rate, weight_decay=1e-4, betas=(0.9, 0.99)
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.config.learning_rate, self.config.steps, pct_start=0.1
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


class CnnStage(Stage):
    """Keyframes only."""

    def trained(self) -> list[torch.nn.Parameter]:
        return list(self.model.cnn.parameters())

    def outputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return self.model.cnn(batch.keyframe)[None], batch.cells[:1]


class SnnStage(Stage):
    """The spiking network from nothing: what it learns makes it stable when a keyframe is late."""

    SETTLING = 4  # the first bins cannot be right yet

    def trained(self) -> list[torch.nn.Parameter]:
        return [*self.model.snn.parameters(), self.model.decay_logit]

    def outputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        self.model.reset(batch.bins.shape[1])
        logits = self.model.rollout(batch.bins)
        return logits[self.SETTLING :], batch.cells[1 + self.SETTLING :]


class HybridStage(Stage):
    """State initialisers and SNN after a keyframe of the frozen CNN."""

    def trained(self) -> list[torch.nn.Parameter]:
        model = self.model
        return [*model.snn.parameters(), *model.initialisers.parameters(), model.decay_logit]

    def outputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        model = self.model
        model.cnn.eval()  # frozen: its batch norms must not move either
        with torch.no_grad():
            model.output, features = model.cnn.features(batch.keyframe)
        model.snn.set_states(model.initial_states(features))
        return model.rollout(batch.bins), batch.cells[1:]
