"""The lite keyframe network: a small U-Net from 20 event channels to 13 heatmaps.

    20 x 128 -> c1 (64) -> c2 (32) -> c3 (16) -> c4 (8)
                  |          |          |         |
                 u1 (64) <- u2 (32) <- u3 (16) <--+        u1 -> 13 heatmaps (64 x 64 logits)

Each level is convolution - batch norm - ReLU twice; the way up is nearest x2, concatenate,
convolve.
Heatmaps are logits: their softmax over the cells is the probability of the joint's place.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hybrid_pose_ros.models.lite.config import LiteConfig


class Features(NamedTuple):
    """What the state initialisers read; the number is the size at a 128 x 128 input."""

    c1: Tensor  # (B, w1, 64, 64)
    c2: Tensor  # (B, w2, 32, 32)
    c3: Tensor  # (B, w3, 16, 16)
    u3: Tensor  # (B, w3, 16, 16)
    u2: Tensor  # (B, w2, 32, 32)
    u1: Tensor  # (B, w1, 64, 64)


def conv_block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution without bias, batch norm, ReLU; 'same' padding."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class KeyframeUnet(nn.Module):
    """The CNN. forward: (B, 2 * bins, S, S) counts -> heatmap logits (B, 13, S/2, S/2)."""

    def __init__(self, config: LiteConfig) -> None:
        super().__init__()
        w1, w2, w3, w4 = config.cnn_widths
        self.config = config
        self.c1 = nn.Sequential(
            conv_block(2 * config.keyframe_bins, w1, kernel=5, stride=2), conv_block(w1, w1)
        )
        self.c2 = nn.Sequential(conv_block(w1, w2, stride=2), conv_block(w2, w2))
        self.c3 = nn.Sequential(conv_block(w2, w3, stride=2), conv_block(w3, w3))
        self.c4 = nn.Sequential(
            conv_block(w3, w4, stride=2), conv_block(w4, w4), conv_block(w4, w4)
        )
        self.u3 = conv_block(w4 + w3, w3)
        self.u2 = conv_block(w3 + w2, w2)
        self.u1 = nn.Sequential(conv_block(w2 + w1, w1), conv_block(w1, w1))
        self.head = nn.Conv2d(w1, config.joints, 1)

    @staticmethod
    def feature_widths(config: LiteConfig) -> dict[str, int]:
        """Channels of each map in `Features`."""
        w1, w2, w3, _ = config.cnn_widths
        return {"c1": w1, "c2": w2, "c3": w3, "u3": w3, "u2": w2, "u1": w1}

    def features(self, x: Tensor) -> tuple[Tensor, Features]:
        """Heatmap logits and the maps that the state initialisers read."""
        c1 = self.c1(torch.sqrt(x))  # counts span two decades; the square root evens their noise
        c2 = self.c2(c1)
        c3 = self.c3(c2)
        c4 = self.c4(c3)
        u3 = self.u3(torch.cat([_double(c4), c3], 1))
        u2 = self.u2(torch.cat([_double(u3), c2], 1))
        u1 = self.u1(torch.cat([_double(u2), c1], 1))
        return self.head(u1), Features(c1, c2, c3, u3, u2, u1)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x)[0]


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
