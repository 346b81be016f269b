"""Blocks of the published networks. Attribute names are the keys of the published checkpoints.

SpikingConv     LIF(BN(conv(x)))
SpikingResidual LIF(BN(conv(LIF(BN(conv(x))))) + x)
StateInit       BN(conv1x1(LeakyReLU(BN(conv1x1(x)))))
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hybrid_pose_ros.models.lif import Lif

SLOPE = 0.1  # of every LeakyReLU


def double(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2H, 2W), bilinear."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def leaky(x: Tensor) -> Tensor:
    """LeakyReLU with the published slope."""
    return F.leaky_relu(x, SLOPE)


class Down(nn.Module):
    """Average pool 2, two convolutions: (B, inputs, H, W) -> (B, outputs, H/2, W/2)."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return leaky(self.conv2(leaky(self.conv1(F.avg_pool2d(x, 2)))))


class Up(nn.Module):
    """Upsample x2, convolve, concatenate `skip`, convolve: -> (B, outputs, 2H, 2W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(2 * outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = leaky(self.conv1(double(x)))
        return leaky(self.conv2(torch.cat([x, skip], 1)))


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm (or none)."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, norm: bool = True
    ) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm_layer = nn.BatchNorm2d(outputs) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.norm_layer(self.conv2d(x))


class SpikingConv(ConvNorm):
    """(B, inputs, H, W) spikes or counts of one bin -> spikes (B, outputs, H / stride, ...)."""

    def __init__(self, inputs: int, outputs: int, tau: float, stride: int = 1) -> None:
        super().__init__(inputs, outputs, 5, stride)
        self.lif = Lif(tau, step_mode="s")

    def forward(self, x: Tensor) -> Tensor:
        return self.lif(super().forward(x))


class SpikingDown(nn.Module):
    """A strided spiking convolution; one level deeper, as in the published keys."""

    def __init__(self, inputs: int, outputs: int, tau: float) -> None:
        super().__init__()
        self.conv = SpikingConv(inputs, outputs, tau, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class SpikingUp(SpikingConv):
    """Concatenate the encoder's spikes, upsample x2, spiking convolution."""

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(double(torch.cat([x, skip], 1)))


class SpikingResidual(nn.Module):
    """Two spiking convolutions; the input joins the second one's current."""

    def __init__(self, channels: int, tau: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.lif1 = Lif(tau, step_mode="s")
        self.lif2 = Lif(tau, step_mode="s")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes of both layers."""
        first = self.lif1(self.bn1(self.conv1(x)))
        return first, self.lif2(self.bn2(self.conv2(first)) + x)


class StateInit(nn.Module):
    """CNN features to a layer's first states; upsampled x2 first where the channels shrink."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 1)
        self.conv2 = nn.Conv2d(outputs, outputs, 1)
        self.norm_layer: nn.Module = nn.BatchNorm2d(outputs)
        self.norm_layer2: nn.Module = nn.BatchNorm2d(outputs)
        self.doubles = outputs < inputs

    def forward(self, x: Tensor) -> Tensor:
        if self.doubles:
            x = double(x)
        return self.norm_layer2(self.conv2(leaky(self.norm_layer(self.conv1(x)))))
