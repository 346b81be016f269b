"""The lite hybrid: a CNN keyframe starts the SNN's membranes and its output, the SNN carries on.

keyframe:  o_0, features = CNN(x);  v_l = initialiser_l(features)
step i:    o_i = decay * o_(i-1) + SNN(bin_i)

With `rest` the initialisers are single convolutions that say where the membranes of the blocks
after d2 rest until the next keyframe (spiking_unet.py), and where they start. The blocks before
begin at zero: they see nothing but events, and catch up within three bins.
"""

from __future__ import annotations

from torch import Tensor, nn

from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.initialiser import RestingPotential, StateInitialiser
from hybrid_pose_ros.models.lite.keyframed import KeyframedNetwork, channels_last
from hybrid_pose_ros.models.lite.spiking_unet import SpikingUnet
from hybrid_pose_ros.models.lite.unet import Features, KeyframeUnet


class LiteHybrid(KeyframedNetwork):
    """Hybrid CNN-SNN: `cnn`, `snn`, and one initialiser per block that a keyframe starts."""

    kind = "hybrid_cnn_snn"

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__(config)
        self.snn = SpikingUnet(self.config, self.config.rest)
        residuals = dict.fromkeys(self.snn.residuals, "u3")
        if self.config.rest:
            # The next coarser map on the way up: where things are matters, not their outlines.
            sources = {**residuals, "u1": "u3", "u2": "u2"}
        else:
            # The CNN's map of the same size, on the way down or on the way up.
            sources = {"s0": "c1", "d1": "c2", "d2": "c3", **residuals, "u1": "u2", "u2": "u1"}
        self.started = self.snn.RESTING or self.snn.BLOCKS
        self.sources = [sources[name] for name in self.started]
        self.initialisers = nn.ModuleList(map(self._initialiser, self.started, self.sources))
        channels_last(self)

    @property
    def part(self) -> SpikingUnet:
        return self.snn

    @property
    def delays(self) -> tuple[int, ...]:
        return self.config.delays

    @property
    def spikes(self) -> tuple[Tensor, ...]:
        return tuple(layer[-1] for layer in self.snn.spikes)

    def _initialiser(self, name: str, source: str) -> nn.Module:
        inputs = KeyframeUnet.feature_widths(self.config)[source]
        outputs = self.snn.state_shapes()[self.snn.BLOCKS.index(name)][0]
        if self.config.rest:
            return RestingPotential(inputs, outputs, repeats=2 if name in ("u1", "u2") else 1)
        return StateInitialiser(inputs, outputs)

    def initial_states(self, features: Features) -> list[Tensor]:
        """Potentials (B, C, H, W), as `SpikingUnet.states`."""
        pairs = zip(self.initialisers, self.sources, strict=True)
        said = [initialise(getattr(features, source)) for initialise, source in pairs]
        if not self.config.rest:
            return said
        batch = said[0].shape[0]
        shapes = self.snn.state_shapes()[: len(self.snn.BLOCKS) - len(said)]
        return [said[0].new_zeros(batch, *shape) for shape in shapes] + said + said

    def keyframe_parts(self) -> list[int | None]:
        if not self.config.rest:
            return super().keyframe_parts()
        said = range(len(self.started))
        unsaid = [None] * (len(self.snn.BLOCKS) - len(said))
        velocities = range(len(said), len(said) + self.config.motion)
        return [*unsaid, *said, *said, *velocities]
