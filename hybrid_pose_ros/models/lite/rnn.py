"""The lite RNN alone: its hidden states start at zero.

step i:    o_i = decay * o_(i-1) + RNN(bin_i),  o_0 = 0
"""

from __future__ import annotations

import torch

from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.decaying import DecayingNetwork
from hybrid_pose_ros.models.lite.recurrent_unet import RecurrentUnet


class LiteRnn(DecayingNetwork):
    """The ConvGRU network by itself."""

    kind = "rnn"

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__(config)
        self.rnn = RecurrentUnet(self.config)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def part(self) -> RecurrentUnet:
        return self.rnn
