"""The published RNN: a recurrent U-Net with ConvLSTMs, in the style of E2VID (10.7 M parameters).

    2 -> head (32 @ S) -> encoders 0..2: strided conv, ConvLSTM (64 @ S/2, 128, 256 @ S/8)
      -> two residual blocks (256) -> decoders 0..2 (128, 64, 32 @ S), each after adding the
      encoder's map -> pred: 1x1 conv + BN of (decoder + head) -> 13 @ S

    ConvLSTM: i, r, o, g = conv3x3(x, h);  c = sigmoid(r) c + sigmoid(i) tanh(g)
              h = sigmoid(o) tanh(c)

The output is the prediction of the bin itself: nothing decays. Comparison network of the paper.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.paper.blocks import ConvNorm
from hybrid_pose_ros.models.paper.config import PaperConfig

WIDTHS = (64, 128, 256)  # of the encoders, at 1/2, 1/4 and 1/8 of the input

State = tuple[Tensor, Tensor]  # hidden, cell: (B, C, H, W) each


class ConvLstm(nn.Module):
    """Gates in one convolution, in the order in, remember, out, cell."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.Gates = nn.Conv2d(2 * channels, 4 * channels, 3, padding=1)

    def forward(self, x: Tensor, state: State) -> State:
        hidden, cell = state
        enter, remember, out, new = self.Gates(torch.cat([x, hidden], 1)).chunk(4, 1)
        cell = torch.sigmoid(remember) * cell + torch.sigmoid(enter) * torch.tanh(new)
        return torch.sigmoid(out) * torch.tanh(cell), cell


class Encoder(nn.Module):
    """Strided convolution, batch norm, ReLU, ConvLSTM."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = ConvNorm(inputs, outputs, 5, stride=2)
        self.recurrent_block = ConvLstm(outputs)

    def forward(self, x: Tensor, state: State) -> State:
        return self.recurrent_block(torch.relu(self.conv(x)), state)


class Residual(nn.Module):
    """ReLU(BN(conv(ReLU(BN(conv(x))))) + x)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(inner)) + x)


class Decoder(nn.Module):
    """Transposed convolution 5x5 of stride 2, batch norm, ReLU: twice the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.transposed_conv2d = nn.ConvTranspose2d(
            inputs, outputs, 5, 2, padding=2, output_padding=1, bias=False
        )
        self.norm_layer = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm_layer(self.transposed_conv2d(x)))


class Head(nn.Module):
    """5x5 convolution with bias, ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(2, 32, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv2d(x))


class RecurrentUnet(nn.Module):
    """One bin (B, 2, S, S) and three states -> prediction (B, 13, S, S) and the new states."""

    def __init__(self, joints: int) -> None:
        super().__init__()
        w1, w2, w3 = WIDTHS
        self.head = Head()
        self.encoders = nn.ModuleList([Encoder(32, w1), Encoder(w1, w2), Encoder(w2, w3)])
        self.resblocks = nn.ModuleList([Residual(w3), Residual(w3)])
        self.decoders = nn.ModuleList([Decoder(w3, w2), Decoder(w2, w1), Decoder(w1, 32)])
        self.pred = ConvNorm(32, joints, 1)

    def forward(self, x: Tensor, states: list[State]) -> tuple[Tensor, list[State]]:
        head = x = self.head(x)
        after: list[State] = []
        for encoder, state in zip(self.encoders, states, strict=True):
            after.append(encoder(x, state))
            x = after[-1][0]
        for block in self.resblocks:
            x = block(x)
        for decoder, (hidden, _) in zip(self.decoders, reversed(after), strict=True):
            x = decoder(x + hidden)
        return self.pred(x + head), after


class RecurrentPart:
    """Hidden and cell of the three ConvLSTMs as states; mixed into the RNN and the hybrid."""

    config: PaperConfig
    _memory: tuple[Tensor, ...] = ()

    def state_shapes(self) -> list[tuple[int, int, int]]:
        """(C, H, W) of hidden, cell of each encoder, coarser ones later."""
        side = self.config.input_size
        shapes = [(c, side // by, side // by) for c, by in zip(WIDTHS, (2, 4, 8), strict=True)]
        return [shape for shape in shapes for _ in range(2)]

    @property
    def states(self) -> list[Tensor]:
        """Hidden, cell (B, C, H, W) of each encoder."""
        return list(self._memory)

    def _set_states(self, states: list[Tensor]) -> None:
        self._memory = tuple(states)

    def _pairs(self) -> list[State]:
        return list(zip(self._memory[::2], self._memory[1::2], strict=True))


class PaperRnn(RecurrentPart, PoseNetwork):
    """The RNN alone; `keyframe` answers nothing new."""

    kind = "rnn"
    has_step = True
    config: PaperConfig

    def __init__(self, config: PaperConfig | None = None) -> None:
        super().__init__(config or PaperConfig())
        self.unetrecurrent = RecurrentUnet(self.config.joints)

    def _rollout(self, x: Tensor, output: Tensor) -> Tensor:
        outputs = []
        for counts in x:
            output, pairs = self.unetrecurrent(counts, self._pairs())
            self._memory = tuple(tensor for pair in pairs for tensor in pair)
            outputs.append(output)
        return torch.stack(outputs)
