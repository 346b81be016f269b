"""The published SNN: event counts of one bin to heatmaps, a U-Net of LIF neurons (4.4 M weights).

    2 -> static_conv (32 @ S) -> down1 (64 @ S/2) -> down2 (128) -> down3 (256 @ S/8)
      -> residualBlock (256) -> up1 (128, + down3) -> up2 (64, + down2) -> up3 (32 @ S, + down1)
      -> temporalflat: 1x1 conv of (up3, static_conv) -> 13 @ S

Alone, it ends in batch norm and a leaky integrator that never fires, whose membrane is the output:
    o_i = o_(i-1) + (temporalflat_i - o_(i-1)) / tau
Method section of the paper (arXiv 2303.14176). Every LIF starts at zero; tau = 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.lif import Lif
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.paper.blocks import (
    ConvNorm,
    SpikingConv,
    SpikingDown,
    SpikingResidual,
    SpikingUp,
)
from hybrid_pose_ros.models.paper.config import PaperConfig

# The nine LIF layers in the order in which they run: (name, channels, input side / side).
LAYERS = (
    ("static", 32, 1), ("down1", 64, 2), ("down2", 128, 4), ("down3", 256, 8),
    ("res1", 256, 8), ("res2", 256, 8), ("up1", 128, 4), ("up2", 64, 2), ("up3", 32, 1),
)  # fmt: skip


def snn_layers(config: PaperConfig, alone: bool) -> dict[str, nn.Module]:
    """The layers by their published names, in the published order."""
    tau = config.tau
    conv = nn.Conv2d(2, 32, 5, padding=2, bias=False)
    residual = SpikingResidual(256, tau)
    return {
        "static_conv": nn.Sequential(conv, nn.BatchNorm2d(32), Lif(tau, step_mode="s"))
        if alone
        else SpikingConv(2, 32, tau),
        "down1": SpikingDown(32, 64, tau),
        "down2": SpikingDown(64, 128, tau),
        "down3": SpikingDown(128, 256, tau),
        "residualBlock": nn.Sequential(residual) if alone else residual,
        "up1": SpikingUp(512, 128, tau),
        "up2": SpikingUp(256, 64, tau),
        "up3": SpikingUp(128, 32, tau),
        "temporalflat": ConvNorm(64, config.joints, 1, norm=alone),
    }


def run_snn(layer: Callable[[str], Any], x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """(B, 2, S, S) counts of one bin -> head (B, 13, S, S) and the spikes of the nine layers."""
    s0 = layer("static_conv")(x)
    s1 = layer("down1")(s0)
    s2 = layer("down2")(s1)
    s3 = layer("down3")(s2)
    s4, s5 = layer("residualBlock")(s3)
    s6 = layer("up1")(s5, s3)
    s7 = layer("up2")(s6, s2)
    s8 = layer("up3")(s7, s1)
    head = layer("temporalflat")(torch.cat([s8, s0], 1))
    return head, (s0, s1, s2, s3, s4, s5, s6, s7, s8)


class SpikingPart:
    """The nine LIF layers of a network as its states; mixed into the SNN and the hybrid."""

    config: PaperConfig
    _lifs: list[Lif]
    _spikes: tuple[Tensor, ...] = ()

    def state_shapes(self) -> list[tuple[int, int, int]]:
        """(C, H, W) of the membranes, in the order of LAYERS."""
        side = self.config.input_size
        return [(channels, side // by, side // by) for _, channels, by in LAYERS]

    @property
    def states(self) -> list[Tensor]:
        """Membrane potentials (B, C, H, W), in the order of LAYERS."""
        return [lif.v for lif in self._lifs if isinstance(lif.v, Tensor)]

    @property
    def spikes(self) -> tuple[Tensor, ...]:
        """Spikes (B, C, H, W) of the last step, in the order of LAYERS."""
        return self._spikes

    def _set_states(self, states: list[Tensor]) -> None:
        for lif, state in zip(self._lifs, states, strict=True):
            lif.v = state


class PaperSnn(SpikingPart, PoseNetwork):
    """The SNN alone; `keyframe` answers nothing new."""

    kind = "snn"
    has_step = True
    config: PaperConfig

    def __init__(self, config: PaperConfig | None = None) -> None:
        super().__init__(config or PaperConfig(tau=2.0))
        for name, layer in snn_layers(self.config, alone=True).items():
            self.add_module(name, layer)

    @property
    def _lifs(self) -> list[Lif]:  # type: ignore[override]
        return [module for module in self.modules() if isinstance(module, Lif)]

    def _rollout(self, x: Tensor, output: Tensor) -> Tensor:
        outputs = []
        for counts in x:
            head, self._spikes = run_snn(lambda name: getattr(self, name), counts)
            output = output + (head - output) / self.config.tau
            outputs.append(output)
        return torch.stack(outputs)
