"""Convolutions of 3 x 3, 5 x 5 and 7 x 7 with fewer multiplications: Winograd's algorithm.

The map is cut into tiles of 4 x 4 outputs (2 x 2 for 7 x 7). What 36 (64) numbers of the input make
of them is, after a change of basis, one product per number, 36 (64) products of matrices. That is
a quarter of the multiplications for 3 x 3, a sixth for 5 x 5, a third for 7 x 7 (src/winograd.hpp).
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hybrid_pose_ros.models.paper.blocks import double
from hybrid_pose_ros.native.library import Convolution
from hybrid_pose_ros.runtime.convolver import Convolver

LEAST_SIDE = 16  # smaller maps have too few tiles for the products to be fast
GROUP = 16  # channels come in multiples of these
_POINTS = {3: 6, 5: 8, 7: 8}  # of the changed basis along an axis, by the kernel's size
# The finite points, and what a kernel's polynomial there is multiplied by.
_BASIS = {
    6: ((0, 1, -1, 2, -2), (1 / 4, -1 / 6, -1 / 6, 1 / 24, 1 / 24)),
    8: (
        (0, 1, -1, 2, -2, 1 / 2, -1 / 2),
        (1, -2 / 9, -2 / 9, 1 / 90, 1 / 90, 32 / 45, 32 / 45),
    ),
}


def suits_winograd(conv: nn.Conv2d) -> bool:
    """Whether a layer can be a WinogradConv."""
    size = conv.kernel_size[0]
    same = (conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups)
    return (
        size in _POINTS
        and same == ((size, size), (1, 1), (size // 2, size // 2), (1, 1), 1)
        and conv.in_channels % GROUP == 0
    )


class WinogradConv(nn.Module):
    """For inference on a CPU: (1, C, H, W) -> leaky(conv(x)), channels-last.

    Small maps, and those not divisible by the tiles, go the usual way.

    Args:
        conv: a layer that suits, with a bias.
        slope: of the LeakyReLU that follows; 1 for none.
        doubled: the input is interpolated to twice its size first; 3 x 3 only.
    """

    def __init__(
        self, conv: nn.Conv2d, slope: float, convolver: Convolver, doubled: bool = False
    ) -> None:
        super().__init__()
        assert suits_winograd(conv) and conv.bias is not None
        size = conv.kernel_size[0]
        assert size == 3 or not doubled
        self.conv, self.slope, self.convolver, self.doubled = conv, slope, convolver, doubled
        self.points, self.tile = _POINTS[size], _POINTS[size] + 1 - size
        self._missing = -conv.out_channels % GROUP
        self._bias = F.pad(conv.bias.detach(), (0, self._missing)).contiguous()

    @cached_property
    def _kernel(self) -> np.ndarray:
        """Only when a map needs it: it takes four times the memory of the weights."""
        weight = self.conv.weight.detach().double()
        return _spread(F.pad(weight, (0, 0, 0, 0, 0, 0, 0, self._missing)), self.points)

    def forward(self, x: Tensor, second: Tensor | None = None) -> Tensor:
        """`second`: maps that are concatenated after x; their channels come in multiples too."""
        height, width = (side << self.doubled for side in x.shape[2:])
        if min(height, width) < LEAST_SIDE or height % self.tile or width % self.tile:
            x = x if second is None else torch.cat([x, second], 1)
            return F.leaky_relu_(self.conv(double(x) if self.doubled else x), self.slope)
        assert len(x) == 1
        x = x.contiguous(memory_format=torch.channels_last)
        others = 0
        if second is not None:
            second, others = second.contiguous(memory_format=torch.channels_last), second.shape[1]
        layer = Convolution(
            height, width, x.shape[1], others, len(self._bias), self.points, self.tile,
            self.conv.kernel_size[0] // 2, self.doubled, self.slope,
            self._kernel.ctypes.data, self._bias.data_ptr(),
        )  # fmt: skip
        y = torch.empty((1, len(self._bias), height, width), memory_format=torch.channels_last)
        self.convolver.winograd(layer, x, second, y)
        return y[:, : self.conv.out_channels]


def _spread(weight: Tensor, points: int) -> np.ndarray:
    """(C_out, C_in, k, k) float64 to the kernels' order, see src/convolution.hpp; float32."""
    size = weight.shape[2]
    at, factors = (torch.tensor(row, dtype=torch.float64) for row in _BASIS[points])
    basis = torch.zeros(points, size, dtype=torch.float64)
    basis[:-1] = factors[:, None] * at[:, None] ** torch.arange(size)
    basis[-1, -1] = 1  # the point at infinity
    spread = torch.einsum("pk,oikl,ql->pqoi", basis, weight, basis).float()
    return spread.unflatten(2, (-1, GROUP)).transpose(3, 4).contiguous().numpy()
