"""The published CNN's blocks with fewer multiplications, for inference on a CPU.

A block's 3 x 3 convolutions become WinogradConv; the one after an interpolation InterpolatedConv.
Results differ from the plain blocks' by rounding: 1e-5 of their largest numbers per layer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hybrid_pose_ros.models.paper.blocks import SLOPE, Down, StateInit, Up, double
from hybrid_pose_ros.runtime.interpolated_conv import InterpolatedConv
from hybrid_pose_ros.runtime.winograd_conv import WinogradConv, suits_winograd

LEAST_SIDE = 16  # of a map to be doubled; below, the border is too large a part of it


def quicken(network: nn.Module) -> None:
    """Replace the blocks of the published CNN in a folded network; others stay as they are."""
    for name, module in list(network.named_children()):
        if isinstance(module, Up):
            setattr(network, name, _QuickUp(module))
        elif isinstance(module, Down):
            setattr(network, name, _QuickDown(module))
        elif isinstance(module, StateInit):
            setattr(network, name, _QuickInit(module))


class _Leaky(nn.Module):
    """leaky(conv(x)), without another copy."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu_(self.conv(x), SLOPE)


def _leaky(conv: nn.Conv2d) -> nn.Module:
    return WinogradConv(conv, SLOPE) if suits_winograd(conv) else _Leaky(conv)


class _QuickDown(nn.Module):
    def __init__(self, block: Down) -> None:
        super().__init__()
        self.conv1, self.conv2 = _leaky(block.conv1), _leaky(block.conv2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(F.avg_pool2d(x, 2)))


class _QuickUp(nn.Module):
    def __init__(self, block: Up) -> None:
        super().__init__()
        self.conv1, self.conv2 = block.conv1, _leaky(block.conv2)
        self.interpolated = InterpolatedConv(block.conv1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        large = min(x.shape[2:]) >= LEAST_SIDE
        y = self.interpolated(x) if large else self.conv1(double(x))
        return self.conv2(torch.cat([F.leaky_relu_(y, SLOPE), skip], 1))


class _QuickInit(nn.Module):
    """A 1 x 1 convolution and an interpolation may change places."""

    def __init__(self, block: StateInit) -> None:
        super().__init__()
        self.conv1, self.conv2, self.doubles = block.conv1, block.conv2, block.doubles

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        if self.doubles:
            x = double(x)
        return self.conv2(F.leaky_relu_(x, SLOPE))
