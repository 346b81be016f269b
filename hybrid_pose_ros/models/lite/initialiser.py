"""CNN features to the first states of a recurrent layer."""

from __future__ import annotations

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
