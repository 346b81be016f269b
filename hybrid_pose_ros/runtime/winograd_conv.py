"""A 3 x 3 convolution with a quarter of the multiplications: Winograd's F(4 x 4, 3 x 3).

The map is cut into tiles of 4 x 4 outputs; what 36 numbers of the input make of them is, after a
change of basis, one product per number: 36 products of matrices (tiles x channels). The changes of
basis are C++ (src/winograd.hpp), the products PyTorch's.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hybrid_pose_ros.native.library import library

TILE, POINTS = 4, 36
LEAST_SIDE = 16  # smaller maps have too few tiles for the products to be fast
LANES = 16  # channels come in multiples of these
CHUNK_BYTES = 4 * 2**20  # of tiles and products at a time: what a cache can hold
_PAD = 80  # floats between the matrices, which would otherwise share sets of the cache
# What a kernel becomes in the other basis, along one axis (Lavin & Gray, arXiv 1509.09308).
_KERNEL = (
    (1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1),
)  # fmt: skip


def suits_winograd(conv: nn.Conv2d) -> bool:
    """Whether a layer can be a WinogradConv here."""
    return (
        library() is not None
        and (conv.kernel_size, conv.stride, conv.padding) == ((3, 3), (1, 1), (1, 1))
        and conv.in_channels % LANES == conv.out_channels % LANES == 0
    )


class WinogradConv(nn.Module):
    """For inference on a CPU: (1, C, H, W) -> leaky(conv(x)), channels-last.

    Small maps, and those not divisible by four, go the usual way.

    Args:
        conv: a layer that suits, with a bias.
        slope: of the LeakyReLU that follows; 1 for none.
    """

    kernel: Tensor

    def __init__(self, conv: nn.Conv2d, slope: float) -> None:
        super().__init__()
        assert suits_winograd(conv) and conv.bias is not None
        self.conv, self.slope = conv, slope
        basis = torch.tensor(_KERNEL, dtype=torch.float64)
        kernel = torch.einsum("pk,oikl,ql->pqio", basis, conv.weight.detach().double(), basis)
        self.register_buffer("kernel", kernel.flatten(0, 1).float().contiguous())

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        if min(height, width) < LEAST_SIDE or height % TILE or width % TILE:
            return F.leaky_relu_(self.conv(x), self.slope)
        kernels, bias = library(), self.conv.bias
        assert kernels is not None and bias is not None and len(x) == 1
        x = x.contiguous(memory_format=torch.channels_last)
        y = torch.empty(
            (1, self.conv.out_channels, height, width), memory_format=torch.channels_last
        )
        inputs, outputs = self.conv.in_channels, self.conv.out_channels
        rows, columns = height // TILE, width // TILE
        chunk = min(rows, max(1, CHUNK_BYTES // (4 * POINTS * columns * (inputs + outputs))))
        tiles, products = _matrices(chunk * columns, inputs), _matrices(chunk * columns, outputs)
        for first in range(0, rows, chunk):
            first = min(first, rows - chunk)  # the last chunk overlaps the one before
            kernels.spiking_engine_winograd_input(
                x.data_ptr(), height, width, inputs, first, first + chunk, tiles.stride(0),
                tiles.data_ptr(),
            )  # fmt: skip
            torch.bmm(tiles, self.kernel, out=products)
            kernels.spiking_engine_winograd_output(
                products.data_ptr(), width, outputs, first, first + chunk, products.stride(0),
                bias.data_ptr(), self.slope, y.data_ptr(),
            )  # fmt: skip
        return y


def _matrices(rows: int, columns: int) -> Tensor:
    pitch = rows * columns + _PAD
    return torch.empty(POINTS * pitch).as_strided((POINTS, rows, columns), (pitch, columns, 1))
