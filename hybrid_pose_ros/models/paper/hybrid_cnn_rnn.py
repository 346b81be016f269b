"""The published hybrid CNN-RNN: the CNN's features start the hidden states (30.7 M parameters).

    keyframe:  o_0, features = CNN(x);  hidden_l = states_l(down_l), cell_l = 0     l = 1, 2, 3
    step i:    o_i = 0.8 * o_(i-1) + RNN(bin_i)

Comparison network of the paper: the hybrid with the RNN in the SNN's place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.paper.blocks import StateInit
from hybrid_pose_ros.models.paper.cnn import Features, cnn_layers, run_cnn
from hybrid_pose_ros.models.paper.config import PaperConfig
from hybrid_pose_ros.models.paper.rnn import WIDTHS, RecurrentPart, RecurrentUnet


class PaperHybridRnn(RecurrentPart, PoseNetwork):
    """Hybrid CNN-RNN."""

    kind = "hybrid_cnn_rnn"
    has_keyframe = True
    has_step = True
    config: PaperConfig

    def __init__(self, config: PaperConfig | None = None) -> None:
        super().__init__(config or PaperConfig())
        self.unetrecurrent = RecurrentUnet(self.config.joints)
        for name, layer in cnn_layers(self.config).items():
            self.add_module(f"{name}_cnn", layer)
            if name in ("down1", "down2", "down3"):
                width = WIDTHS[int(name[-1]) - 1]
                self.add_module(f"states_{name[-1]}", StateInit(width, width))

    def features(self, x: Tensor) -> tuple[Tensor, Features]:
        """(B, 20, S, S) counts -> the CNN's heatmaps (B, 13, S, S) and features."""
        return run_cnn(lambda name: getattr(self, f"{name}_cnn"), x)

    def initial_states(self, features: Features) -> list[Tensor]:
        """First hidden states and zero cells (B, C, H, W) of the three encoders."""
        hidden = [getattr(self, f"states_{i + 1}")(features.downs[i]) for i in range(3)]
        return [state for h in hidden for state in (h, torch.zeros_like(h))]

    def keyframe_modules(self) -> list[nn.Module]:
        return [m for name, m in self.named_children() if name != "unetrecurrent"]

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
            change, pairs = self.unetrecurrent(counts, self._pairs())
            self._memory = tuple(tensor for pair in pairs for tensor in pair)
            output = self.config.decay * output + change
            outputs.append(output)
        return torch.stack(outputs)
