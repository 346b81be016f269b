"""The lite SNN alone: its membranes start at zero and find the person from the bins.

step i:    o_i = decay * o_(i-1) + SNN(bin_i),  o_0 = 0
"""

from __future__ import annotations

import torch
from torch import Tensor

from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.decaying import DecayingNetwork
from hybrid_pose_ros.models.lite.spiking_unet import SpikingUnet


class LiteSnn(DecayingNetwork):
    """The SNN of the lite hybrid by itself; its weights are its (`snn.*`, `decay_logit`)."""

    kind = "snn"

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__(config)
        self.snn = SpikingUnet(self.config)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def part(self) -> SpikingUnet:
        return self.snn

    @property
    def delays(self) -> tuple[int, ...]:
        return self.config.delays

    @property
    def spikes(self) -> tuple[Tensor, ...]:
        return tuple(layer[-1] for layer in self.snn.spikes)
