"""The spiking part of the lite networks: event counts of one bin in, a change of the heatmaps out.

    2 x 128 -> s0 (64) -> d1 (32) -> d2 (16) -> r1 -> r2 (+ d2)
                 |          |          |               |
                head <---- u2 (64) <- u1 (32) <--------+

Every block is convolution - batch norm - LIF (the published spiking U-Net, three levels). The way
up is a transposed convolution of 4 x 4 taps and stride 2, which an event-driven engine executes
spike by spike without an interpolation. Layer by layer over the whole sequence: time is the first
axis. `residual_blocks` pairs r1 r2, r3 r4, ... follow each other; with the head "coarse" there is
no u2: the head reads u1 and d1, and its maps are doubled.

Neurons that share a time constant see events of one time, or of no particular time, but not the
order of two. So s0 may see some bins again, later, through weights of their own (`delays`, as axons
of different lengths do): edges that move one way fit a kernel in space and time. It costs an
addition per event, delay and neuron that sees it, a few in a hundred of all.

With tau of 3 bins a membrane has forgotten a keyframe's start within a tenth of a second. Where
blocks have a resting potential r (hybrids with `rest`), membranes leak towards r instead of 0:

    h = v + (x + r - v) / tau       the same as a threshold of 1 - r: it costs no operation more
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hybrid_pose_ros.models.lif import Lif
from hybrid_pose_ros.models.lite.config import LiteConfig


class SpikingBlock(nn.Module):
    """Convolution (or transposed convolution) without bias - batch norm - LIF."""

    def __init__(self, conv: nn.Conv2d | nn.ConvTranspose2d, tau: float) -> None:
        super().__init__()
        self.conv = conv
        self.norm = nn.BatchNorm2d(conv.out_channels)
        self.lif = Lif(tau)
        self.rest: Tensor | None = None  # (B, C, H, W)

    def forward(self, x: Tensor, steps: int, skip: Tensor | None = None) -> Tensor:
        """(T * B, C, H, W), time outermost, to spikes alike; `skip` joins the current."""
        current = self._driven(x).unflatten(0, (steps, -1))
        joined = None if skip is None else skip.unflatten(0, (steps, -1))
        if self.rest is not None:
            joined = self.rest if joined is None else joined + self.rest
        if joined is not None:
            current = current + joined
        return self.lif(current).flatten(0, 1)

    def _driven(self, x: Tensor) -> Tensor:
        """What convolution and batch norm say."""
        conv, norm = self.conv, self.norm
        if norm.training or not torch.is_grad_enabled():
            return norm(conv(x))
        # Trained while the norm's statistics stay: as one convolution, which saves two passes over
        # the memory forwards and three backwards.
        mean, variance, padding = norm.running_mean, norm.running_var, conv.padding
        assert mean is not None and variance is not None, "batch norms keep running statistics"
        assert not isinstance(padding, str)
        gain = norm.weight * torch.rsqrt(variance + norm.eps)
        bias = norm.bias - mean * gain
        if isinstance(conv, nn.ConvTranspose2d):
            kernel = conv.weight * gain[:, None, None]
            return F.conv_transpose2d(x, kernel, bias, conv.stride, padding)
        kernel = conv.weight * gain[:, None, None, None]
        return F.conv2d(x, kernel, bias, conv.stride, padding)


def _down(inputs: int, outputs: int, kernel: int = 3, stride: int = 2) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


def _up(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)


class SpikingUnet(nn.Module):
    """Spiking network. forward: (T, B, 2 D, S, S) counts -> (T, B, maps, S/2, S/2).

    D are the delays: the present bin, then those of some bins ago.

    Args:
        rest: the blocks after d2 have resting potentials.

    Attributes:
        BLOCKS: names of the spiking blocks, in the order in which they run.
        RESTING: those with a resting potential, which is a state of its own.
        spikes: per block (T, B, C, H, W) of the last call.
    """

    def __init__(self, config: LiteConfig, rest: bool = False) -> None:
        super().__init__()
        w1, w2, w3 = config.snn_widths
        self.config = config
        self.residuals = [f"r{i + 1}" for i in range(2 * config.residual_blocks)]
        self.fine = config.head == "fine"
        self.s0 = SpikingBlock(_down(2 * len(config.delays), w1, kernel=5), config.tau)
        self.d1 = SpikingBlock(_down(w1, w2), config.tau)
        self.d2 = SpikingBlock(_down(w2, w3), config.tau)
        for name in self.residuals:
            self.add_module(name, SpikingBlock(_down(w3, w3, stride=1), config.tau))
        self.u1 = SpikingBlock(_up(2 * w3, w2), config.tau)
        if self.fine:
            self.u2 = SpikingBlock(_up(2 * w2, w1), config.tau)
        self.BLOCKS = ("s0", "d1", "d2", *self.residuals, "u1", *(["u2"] if self.fine else []))
        self.RESTING = self.BLOCKS[3:] if rest else ()
        self.head = nn.Conv2d(2 * (w1 if self.fine else w2), config.maps, 1, bias=False)
        self.spikes: tuple[Tensor, ...] = ()

    def forward(self, x: Tensor) -> Tensor:
        steps = x.shape[0]
        # Four dimensions throughout: only they can be channels-last, which CPUs convolve fastest.
        x = x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        s0 = self.s0(x, steps)  # (T * B, w1, S/2, S/2)
        d1 = self.d1(s0, steps)
        d2 = self.d2(d1, steps)
        spikes, bottom = [s0, d1, d2], d2
        for first, second in zip(self.residuals[::2], self.residuals[1::2], strict=True):
            spikes.append(getattr(self, first)(bottom, steps))
            bottom = getattr(self, second)(spikes[-1], steps, skip=bottom)
            spikes.append(bottom)
        top = self.u1(torch.cat([bottom, d2], 1), steps)
        spikes.append(top)
        if self.fine:
            top = self.u2(torch.cat([top, d1], 1), steps)
            spikes.append(top)
        self.spikes = tuple(layer.unflatten(0, (steps, -1)) for layer in spikes)
        maps = self.head(torch.cat([top, s0 if self.fine else d1], 1))
        if not self.fine:
            maps = F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
        return maps.unflatten(0, (steps, -1))

    def state_shapes(self) -> list[tuple[int, int, int]]:
        """(C, H, W) of each block's membranes, in the order of BLOCKS, then of RESTING."""
        w1, w2, w3 = self.config.snn_widths
        half = self.config.input_size // 2
        levels = {"s0": (w1, half), "d1": (w2, half // 2), "u1": (w2, half // 2), "u2": (w1, half)}
        shapes = [levels.get(name, (w3, half // 4)) for name in (*self.BLOCKS, *self.RESTING)]
        return [(channels, side, side) for channels, side in shapes]

    @property
    def states(self) -> list[Tensor]:
        """Membrane and resting potentials (B, C, H, W), as in `state_shapes`."""
        potentials: list[Any] = [block.lif.v for block in self._blocks(self.BLOCKS)]
        return potentials + [block.rest for block in self._blocks(self.RESTING)]

    def set_states(self, states: list[Tensor]) -> None:
        """Potentials (B, C, H, W) before the next bin, as in `state_shapes`."""
        for block, state in zip(self._blocks(self.BLOCKS), states, strict=False):
            block.lif.v = state
        for block, rest in zip(self._blocks(self.RESTING), states[len(self.BLOCKS) :], strict=True):
            block.rest = rest

    def _blocks(self, names: tuple[str, ...]) -> list[SpikingBlock]:
        return [getattr(self, name) for name in names]
