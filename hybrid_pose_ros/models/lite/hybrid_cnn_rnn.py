"""The lite hybrid with ConvGRUs: a CNN keyframe starts the hidden states and the output.

keyframe:  o_0, features = CNN(x);  h_l = tanh(initialiser_l(features))
step i:    o_i = decay * o_(i-1) + RNN(bin_i)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.initialiser import StateInitialiser
from hybrid_pose_ros.models.lite.keyframed import KeyframedNetwork, channels_last
from hybrid_pose_ros.models.lite.recurrent_unet import RecurrentUnet
from hybrid_pose_ros.models.lite.unet import Features


class LiteHybridRnn(KeyframedNetwork):
    """Hybrid CNN-RNN: `cnn`, `rnn`, and one state initialiser per hidden state."""

    kind = "hybrid_cnn_rnn"

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__(config)
        self.rnn = RecurrentUnet(self.config)
        # The way up has seen the whole picture; each of its maps has the size of a hidden state.
        self.initialisers = nn.ModuleList(
            StateInitialiser(inputs, outputs)
            for inputs, outputs in zip(
                self.config.cnn_widths[:3], self.config.rnn_widths, strict=True
            )
        )
        channels_last(self)

    @property
    def part(self) -> RecurrentUnet:
        return self.rnn

    def initial_states(self, features: Features) -> list[Tensor]:
        """Hidden states (B, C, H, W) of the three levels, in (-1, 1)."""
        maps = (features.u1, features.u2, features.u3)
        pairs = zip(self.initialisers, maps, strict=True)
        return [torch.tanh(initialise(x)) for initialise, x in pairs]
