"""The lite CNN alone: one picture of the last events at a time.

keyframe:  o = KeyframeUnet(x)
step:      the same heatmaps again, or the U-Net on the last ten bins (`cnn_step`)
"""

from __future__ import annotations

import torch
from torch import Tensor

from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.unet import KeyframeUnet
from hybrid_pose_ros.models.window import WindowNetwork


class LiteCnn(WindowNetwork):
    """The CNN of the lite hybrids by itself; its weights are theirs (`cnn.*`)."""

    config: LiteConfig

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__(config or LiteConfig())
        self.cnn = KeyframeUnet(self.config)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def reruns(self) -> bool:
        return self.config.cnn_step == "rerun"

    def heatmaps(self, x: Tensor) -> Tensor:
        return self.cnn(x)
