"""A 3 x 3 convolution of a map that is doubled by interpolation first, in a third of the time.

    conv(double(x)) = filter(convolution of x with zeros between its pixels)

Interpolation and convolution change places: the convolution then runs on a map three quarters of
which are zeros (a transposed convolution), and a filter [1 3 3 1] / 4 along both axes interpolates
its result. The outermost outputs, where the convolution pads with zeros what interpolation would
continue, are computed as they are defined, from thin strips.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_FILTER = (0.25, 0.75, 0.75, 0.25)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class InterpolatedConv(nn.Module):
    """For inference: (B, C, H, W) -> (B, C_out, 2 H, 2 W), H and W >= 2.

    Args:
        conv: 3 x 3, stride 1, padding 1, with a bias.
    """

    weight: Tensor
    bias: Tensor
    spread: Tensor
    filter: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        assert conv.kernel_size == (3, 3) and conv.bias is not None
        weight, outputs = conv.weight.detach(), conv.out_channels
        self.register_buffer("weight", weight.clone())
        self.register_buffer("bias", conv.bias.detach().clone())
        self.register_buffer("spread", weight.transpose(0, 1).flip(2, 3).contiguous())
        taps = torch.tensor(_FILTER, dtype=weight.dtype)
        self.register_buffer("filter", (taps[:, None] * taps).expand(outputs, 1, 4, 4).clone())

    def forward(self, x: Tensor) -> Tensor:
        height, width = 2 * x.shape[2], 2 * x.shape[3]
        sums = F.conv_transpose2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), self.spread, stride=2)
        # Rows -2 ... 2 H of the sums: the filter reaches two up and one down.
        sums = sums[:, :, 1 : height + 4, 1 : width + 4]
        y = F.conv2d(sums, self.filter, self.bias, groups=len(self.bias))
        rows, columns = self._border(x, 2), self._border(x, 3)
        y[:, :, 0], y[:, :, -1] = rows[:, :, 0], rows[:, :, -1]
        y[..., 0], y[..., -1] = columns[..., 0], columns[..., -1]
        return y

    def _border(self, x: Tensor, dim: int) -> Tensor:
        """Four rows (columns), of which the first and the last are those of the whole map."""
        size = x.shape[dim]
        first, last = _double(x.narrow(dim, 0, 2)), _double(x.narrow(dim, size - 2, 2))
        ends = torch.cat([first.narrow(dim, 0, 2), last.narrow(dim, 2, 2)], dim)
        return F.conv2d(ends, self.weight, self.bias, padding=1)
