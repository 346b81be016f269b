"""The lite spiking network: event counts of one bin in, a change of the heatmaps out.

    2 x 128 -> s0 (64) -> d1 (32) -> d2 (16) -> r1 -> r2 (+ d2)
                 |          |          |               |
                head <---- u2 (64) <- u1 (32) <--------+

Every block is convolution - batch norm - LIF (seed of the design: the published spiking U-Net). The
way up is a transposed convolution of 4 x 4 taps and stride 2, which an event-driven engine executes
spike by spike without an interpolation. Layer by layer over the whole sequence: time is the first
axis.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.config import LiteConfig
from hybrid_pose_ros.models.lif import Lif


class SpikingBlock(nn.Module):
    """Convolution (or transposed convolution) without bias - batch norm - LIF."""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d, tau: float) -> None:
        super().__init__()
        self.conv = conv
        self.norm = nn.BatchNorm2d(conv.out_channels)
        self.lif = Lif(tau)

    def forward(self, x: Tensor, steps: int, skip: Tensor | None = None) -> Tensor:
        """(T * B, C, H, W), time outermost, to spikes alike; `skip` joins the current."""
        current = self.norm(self.conv(x))
        if skip is not None:
            current = current + skip
        return self.lif(current.unflatten(0, (steps, -1))).flatten(0, 1)


def _down(inputs: int, outputs: int, kernel: int = 3, stride: int = 2) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


def _up(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)


class LiteSnn(nn.Module):
    """Spiking network. forward: (T, B, 2, S, S) counts -> logit increments (T, B, 13, S/2, S/2)."""

    BLOCKS = ("s0", "d1", "d2", "r1", "r2", "u1", "u2")

    def __init__(self, config: LiteConfig) -> None:
        super().__init__()
        w1, w2, w3 = config.snn_widths
        self.config = config
        self.s0 = SpikingBlock(_down(2, w1, kernel=5), config.tau)
        self.d1 = SpikingBlock(_down(w1, w2), config.tau)
        self.d2 = SpikingBlock(_down(w2, w3), config.tau)
        self.r1 = SpikingBlock(_down(w3, w3, stride=1), config.tau)
        self.r2 = SpikingBlock(_down(w3, w3, stride=1), config.tau)
        self.u1 = SpikingBlock(_up(2 * w3, w2), config.tau)
        self.u2 = SpikingBlock(_up(2 * w2, w1), config.tau)
        self.head = nn.Conv2d(2 * w1, config.joints, 1, bias=False)
        self.spikes: tuple[Tensor, ...] = ()

    def forward(self, x: Tensor) -> Tensor:
        steps = x.shape[0]
        # Four dimensions throughout: only they can be channels-last, which CPUs convolve fastest.
        x = x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        s0 = self.s0(x, steps)  # (T * B, w1, S/2, S/2)
        d1 = self.d1(s0, steps)
        d2 = self.d2(d1, steps)
        r1 = self.r1(d2, steps)
        r2 = self.r2(r1, steps, skip=d2)
        u1 = self.u1(torch.cat([r2, d2], 1), steps)
        u2 = self.u2(torch.cat([u1, d1], 1), steps)
        self.spikes = (s0, d1, d2, r1, r2, u1, u2)
        return self.head(torch.cat([u2, s0], 1)).unflatten(0, (steps, -1))

    def state_shapes(self) -> list[tuple[int, int, int]]:
        """(C, H, W) of each block's membranes, in the order of BLOCKS."""
        w1, w2, w3 = self.config.snn_widths
        half = self.config.heatmap_size
        shapes = [(w1, half), (w2, half // 2), (w3, half // 4), (w3, half // 4), (w3, half // 4)]
        shapes += [(w2, half // 2), (w1, half)]
        return [(channels, side, side) for channels, side in shapes]

    def set_states(self, states: list[Tensor]) -> None:
        """Membrane potentials (B, C, H, W) before the next bin, in the order of BLOCKS."""
        for name, state in zip(self.BLOCKS, states, strict=True):
            getattr(self, name).lif.v = state

    def reset(self) -> None:
        """All membranes to zero, whatever the next batch size."""
        for name in self.BLOCKS:
            getattr(self, name).lif.reset()
