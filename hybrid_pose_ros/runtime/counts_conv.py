"""The first convolution of a keyframe: of event counts, of which few are not zero."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hybrid_pose_ros.native.library import CountConvolution
from hybrid_pose_ros.runtime.convolver import Convolver

MOST_COUNTS = 0.2  # share of numbers that are not zero, beyond which a dense convolution is faster
LANES = 16  # output channels come in multiples of these
MOST_TAPS = 17


def suits_counts(conv: nn.Conv2d) -> bool:
    """Whether a layer can be a CountsConv, if its input are counts."""
    size = conv.kernel_size[0]
    same = (conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups)
    return (
        conv.out_channels % LANES == 0
        and size <= MOST_TAPS
        and size % 2 == 1
        and same == ((size, size), (1, 1), (size // 2, size // 2), (1, 1), 1)
    )


class CountsConv(nn.Module):
    """For inference on a CPU: (1, C, H, W) -> leaky(conv(x)), channels-last.

    Args:
        conv: a layer that suits, with a bias.
        slope: of the LeakyReLU that follows; 1 for none.
    """

    def __init__(self, conv: nn.Conv2d, slope: float, convolver: Convolver) -> None:
        super().__init__()
        assert suits_counts(conv) and conv.bias is not None
        self.conv, self.slope, self.convolver = conv, slope, convolver
        # (tap row, channel, tap column, output): the last column first, as a count's outputs lie.
        kernel = conv.weight.detach().permute(2, 1, 3, 0).flip(2)
        self._kernel, self._bias = kernel.contiguous().numpy(), conv.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        if int(x.count_nonzero()) > MOST_COUNTS * x.numel():
            return F.leaky_relu_(self.conv(x), self.slope)
        assert len(x) == 1
        conv, (height, width) = self.conv, x.shape[2:]
        layer = CountConvolution(
            height, width, conv.in_channels, conv.out_channels, conv.kernel_size[0] // 2,
            self.slope, self._kernel.ctypes.data, self._bias.data_ptr(),
        )  # fmt: skip
        y = torch.empty((1, conv.out_channels, height, width), memory_format=torch.channels_last)
        self.convolver.counts(layer, x.contiguous(), y)
        return y
