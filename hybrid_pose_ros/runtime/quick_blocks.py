"""The published CNN's blocks with fewer multiplications, for inference on a CPU.

The first convolution takes the counts one by one (CountsConv); those that suit become WinogradConv,
which interpolates and concatenates on its way. Results differ from the plain blocks' by rounding:
2e-5 of their largest numbers per layer.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.paper.blocks import SLOPE, Down, StateInit, Up, double
from hybrid_pose_ros.runtime.convolver import Convolver
from hybrid_pose_ros.runtime.counts_conv import CountsConv, suits_counts
from hybrid_pose_ros.runtime.winograd_conv import WinogradConv, suits_winograd


def quicken(network: PoseNetwork, threads: int = 1) -> None:
    """Replace the layers of the published CNN in a folded network; others stay as they are."""
    convolver = Convolver(threads)
    for name, module in list(network.named_children()):
        quick: nn.Module | None = None
        if isinstance(module, Up):
            quick = _QuickUp(module, convolver)
        elif isinstance(module, Down):
            quick = _QuickDown(module, convolver)
        elif isinstance(module, StateInit):
            quick = _QuickInit(module)
        elif isinstance(module, nn.Conv2d):
            counts = module.in_channels == network.config.keyframe_channels
            quick = _quick(module, 1.0, convolver, counts)
        if quick is not None:
            setattr(network, name, quick)


def _quick(conv: nn.Conv2d, slope: float, convolver: Convolver, counts: bool = False) -> nn.Module:
    """The fastest for a convolution and the LeakyReLU after it, if any (slope 1)."""
    if counts and suits_counts(conv):
        return CountsConv(conv, slope, convolver)
    if suits_winograd(conv):
        return WinogradConv(conv, slope, convolver)
    return conv if slope == 1 else nn.Sequential(conv, nn.LeakyReLU(slope, inplace=True))


class _QuickDown(nn.Module):
    def __init__(self, block: Down, convolver: Convolver) -> None:
        super().__init__()
        self.conv1 = _quick(block.conv1, SLOPE, convolver)
        self.conv2 = _quick(block.conv2, SLOPE, convolver)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv2(self.conv1(F.avg_pool2d(x, 2)))
        return y


class _QuickUp(nn.Module):
    def __init__(self, block: Up, convolver: Convolver) -> None:
        super().__init__()
        self.conv1 = WinogradConv(block.conv1, SLOPE, convolver, doubled=True)
        self.conv2 = WinogradConv(block.conv2, SLOPE, convolver)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        y: Tensor = self.conv2(self.conv1(x), skip)
        return y


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
