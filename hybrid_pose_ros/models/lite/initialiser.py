"""CNN features to the first states of a recurrent layer, or to where membranes rest."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class StateInitialiser(nn.Module):
    """1x1 conv - BN - LeakyReLU - 1x1 conv - BN, (B, inputs, H, W) -> (B, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.1),
            nn.Conv2d(outputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class RestingPotential(nn.Module):
    """1x1 conv, then each cell repeated n x n: (B, inputs, H, W) -> (B, outputs, n H, n W).

    Begins at zero, where it changes nothing.
    """

    def __init__(self, inputs: int, outputs: int, repeats: int = 1) -> None:
        super().__init__()
        self.repeats = repeats
        self.conv = nn.Conv2d(inputs, outputs, 1)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.conv(x), scale_factor=self.repeats, mode="nearest")
