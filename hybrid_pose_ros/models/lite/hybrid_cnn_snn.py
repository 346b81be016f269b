"""The lite hybrid: a CNN keyframe starts the SNN's membranes and its output, the SNN carries on.

keyframe:  o_0, features = CNN(x);  v_l = initialiser_l(features)
step i:    o_i = decay * o_(i-1) + SNN(bin_i)
"""

from __future__ import annotations

from torch import Tensor, nn

from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.initialiser import StateInitialiser
from hybrid_pose_ros.models.lite.keyframed import KeyframedNetwork, channels_last
from hybrid_pose_ros.models.lite.spiking_unet import SpikingUnet
from hybrid_pose_ros.models.lite.unet import Features, KeyframeUnet


class LiteHybrid(KeyframedNetwork):
    """Hybrid CNN-SNN: `cnn`, `snn`, and one state initialiser per spiking block."""

    kind = "hybrid_cnn_snn"

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__(config)
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
        channels_last(self)

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
