"""The lite hybrid: a CNN keyframe starts the SNN's membranes and its output, the SNN carries on.

keyframe:  o_0, features = CNN(x);  v_l = initialiser_l(features)
step i:    o_i = decay * o_(i-1) + SNN(bin_i)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.decaying import DecayingNetwork
from hybrid_pose_ros.models.lite.initialiser import StateInitialiser
from hybrid_pose_ros.models.lite.spiking_unet import SpikingUnet
from hybrid_pose_ros.models.lite.unet import Features, KeyframeUnet


class LiteHybrid(DecayingNetwork):
    """Hybrid CNN-SNN: `cnn`, `snn`, and one state initialiser per spiking block."""

    kind = "hybrid_cnn_snn"
    has_keyframe = True

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__(config)
        self.cnn = KeyframeUnet(self.config)
        self.snn = SpikingUnet(self.config)
        # Block -> the CNN's map of the same size, on the way down or on the way up.
        residuals = dict.fromkeys(self.snn.residuals, "u3")
        sources = {"s0": "c1", "d1": "c2", "d2": "c3", **residuals, "u1": "u2", "u2": "u1"}
        self.sources = [sources[name] for name in self.snn.BLOCKS]
        widths = KeyframeUnet.feature_widths(self.config)
        self.initialisers = nn.ModuleList(
            StateInitialiser(widths[source], shape[0])
            for source, shape in zip(self.sources, self.snn.state_shapes(), strict=True)
        )
        # Twice as fast on CPUs, same numbers.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def part(self) -> SpikingUnet:
        return self.snn

    @property
    def spikes(self) -> tuple[Tensor, ...]:
        return tuple(layer[-1] for layer in self.snn.spikes)

    def initial_states(self, features: Features) -> list[Tensor]:
        """Membranes (B, C, H, W) of the SNN's blocks, in the order of `SpikingUnet.BLOCKS`."""
        pairs = zip(self.initialisers, self.sources, strict=True)
        return [initialise(getattr(features, source)) for initialise, source in pairs]

    def keyframe_modules(self) -> list[nn.Module]:
        return [self.cnn, self.initialisers]

    def _keyframe(self, x: Tensor) -> Tensor:
        heatmaps, features = self.cnn.features(x)
        self.set_states(self.initial_states(features))
        return heatmaps
