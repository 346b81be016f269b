"""The published hybrid CNN-SNN: the CNN's features start the SNN's membranes (24.8 M parameters).

    keyframe:  o_0, features = CNN(x);  v_l = states_l(features)     nine LIF layers
    step i:    o_i = 0.8 * o_(i-1) + SNN(bin_i)

    states_in <- conv2 | states_1..3 <- down1..3 | states_4 <- up1 (doubled) | states_5..8 <- up2..5

Method section of the paper (arXiv 2303.14176). The SNN's head has neither batch norm nor integrator
here; tau = 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.lif import Lif
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.paper.blocks import StateInit
from hybrid_pose_ros.models.paper.cnn import Features, cnn_layers, run_cnn
from hybrid_pose_ros.models.paper.config import PaperConfig
from hybrid_pose_ros.models.paper.snn import LAYERS, SpikingPart, run_snn, snn_layers

# Initialiser -> the CNN layer that it follows in the published order, and whose map it reads.
SOURCES = {
    "states_in": "conv2", "states_1": "down1", "states_2": "down2", "states_3": "down3",
    "states_4": "up1", "states_5": "up2", "states_6": "up3", "states_7": "up4", "states_8": "up5",
}  # fmt: skip
UP1_CHANNELS = 512


class PaperHybridSnn(SpikingPart, PoseNetwork):
    """Hybrid CNN-SNN."""

    kind = "hybrid_cnn_snn"
    has_keyframe = True
    has_step = True
    config: PaperConfig

    def __init__(self, config: PaperConfig | None = None) -> None:
        super().__init__(config or PaperConfig())
        for name, layer in snn_layers(self.config, alone=False).items():
            self.add_module(f"{name}_snn", layer)
        after = {source: initialiser for initialiser, source in SOURCES.items()}
        channels = dict(zip(SOURCES, (c for _, c, _ in LAYERS), strict=True))
        for name, layer in cnn_layers(self.config).items():
            self.add_module(f"{name}_cnn", layer)
            if name in after:
                outputs = channels[after[name]]
                inputs = UP1_CHANNELS if name == "up1" else outputs
                self.add_module(after[name], StateInit(inputs, outputs))

    @property
    def _lifs(self) -> list[Lif]:  # type: ignore[override]
        return [module for module in self.modules() if isinstance(module, Lif)]

    def features(self, x: Tensor) -> tuple[Tensor, Features]:
        """(B, 20, S, S) counts -> the CNN's heatmaps (B, 13, S, S) and features."""
        return run_cnn(lambda name: getattr(self, f"{name}_cnn"), x)

    def initial_states(self, features: Features) -> list[Tensor]:
        """First membranes (B, C, H, W) of the nine LIF layers."""
        maps = [features.conv2, *features.downs[:3], *features.ups]
        return [getattr(self, name)(x) for name, x in zip(SOURCES, maps, strict=True)]

    def keyframe_modules(self) -> list[nn.Module]:
        return [m for name, m in self.named_children() if not name.endswith("_snn")]

    def keyframe(self, x: Tensor) -> Tensor:
        heatmaps = super().keyframe(x)
        # As published: what the bins lose does not reach the CNN through the output.
        self.output = heatmaps.detach()
        return heatmaps

    def _keyframe(self, x: Tensor) -> Tensor:
        heatmaps, features = self.features(x)
        self.set_states(self.initial_states(features))
        return heatmaps

    def _rollout(self, x: Tensor, output: Tensor) -> Tensor:
        outputs = []
        for counts in x:
            head, self._spikes = run_snn(lambda name: getattr(self, f"{name}_snn"), counts)
            output = self.config.decay * output + head
            outputs.append(output)
        return torch.stack(outputs)
