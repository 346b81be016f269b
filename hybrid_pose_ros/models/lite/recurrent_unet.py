"""The recurrent part of the lite RNNs: ConvGRUs instead of spiking neurons.

    2 x 128 -> e1 + GRU (64) -> e2 + GRU (32) -> e3 + GRU (16)
                 |                |                |
                head <- u1 (64) <-+--- u2 (32) <---+        u = transposed conv, then + encoder

    GRU: z, r = sigmoid(W x + U h);  n = tanh(W_n x + U_n (r h));  h = (1 - z) h + z n

Every e and u is convolution - batch norm - ReLU. Layer by layer over the whole sequence: what does
not depend on h is convolved for all bins at once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.lite.config import LiteConfig


class ConvGru(nn.Module):
    """(T, B, C, H, W) -> hidden states alike; goes on from `h` (B, C, H, W)."""

    h: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Conv2d(channels, 3 * channels, 3, padding=1)
        self.gates = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)
        self.new = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        outputs = []
        width = x.shape[2]
        for driven in self.input(x.flatten(0, 1)).unflatten(0, x.shape[:2]):
            gates = torch.sigmoid(driven[:, : 2 * width] + self.gates(self.h))
            update, keep = gates.chunk(2, 1)
            new = torch.tanh(driven[:, 2 * width :] + self.new(keep * self.h))
            self.h = torch.lerp(self.h, new, update)
            outputs.append(self.h)
        return torch.stack(outputs)


def _block(conv: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), nn.ReLU(inplace=True))


def _down(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return _block(nn.Conv2d(inputs, outputs, kernel, 2, kernel // 2, bias=False))


def _up(inputs: int, outputs: int) -> nn.Sequential:
    return _block(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False))


class RecurrentUnet(nn.Module):
    """forward: (T, B, 2, S, S) counts -> (T, B, maps, S/2, S/2)."""

    def __init__(self, config: LiteConfig) -> None:
        super().__init__()
        w1, w2, w3 = config.rnn_widths
        self.config = config
        self.encoders = nn.ModuleList([_down(2, w1, 5), _down(w1, w2, 3), _down(w2, w3, 3)])
        self.grus = nn.ModuleList(ConvGru(width) for width in config.rnn_widths)
        self.u2 = _up(w3, w2)
        self.u1 = _up(w2, w1)
        self.head = nn.Conv2d(w1, config.maps, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        steps = x.shape[:2]
        x = torch.sqrt(x.flatten(0, 1)).contiguous(memory_format=torch.channels_last)
        maps = []
        for encoder, gru in zip(self.encoders, self.grus, strict=True):
            x = gru(encoder(x).unflatten(0, steps)).flatten(0, 1)
            maps.append(x)
        e1, e2, e3 = maps
        x = self.u1(self.u2(e3) + e2) + e1
        return self.head(x).unflatten(0, steps)

    def state_shapes(self) -> list[tuple[int, int, int]]:
        """(C, H, W) of each hidden state, coarser ones later."""
        half = self.config.input_size // 2
        return [(w, half >> i, half >> i) for i, w in enumerate(self.config.rnn_widths)]

    @property
    def states(self) -> list[Tensor]:
        """Hidden states (B, C, H, W), in (-1, 1)."""
        return [gru.h for gru in self.grus if isinstance(gru, ConvGru) and hasattr(gru, "h")]

    def set_states(self, states: list[Tensor]) -> None:
        """Hidden states (B, C, H, W) before the next bin."""
        for gru, state in zip(self.grus, states, strict=True):
            gru.h = state
