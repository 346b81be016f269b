"""Weights of a spiking layer in the order in which the native kernels read them (src/layer.hpp).

A transposed convolution that doubles the size makes 2 x 2 outputs per cell: each phase of output
pixels sees a small kernel of its own.

A layer that interpolates to twice its size and then convolves is the same as: put zeros between
the pixels, convolve, interpolate. Zeros are never added, so a spike has 5 x 5 targets where
otherwise it has 8 x 8, and the interpolation that comes last costs the same whatever fires. The two
differ at the border only, where interpolation repeats pixels and the convolution pads with zeros.
Along one axis, with W[0 ... 4] the kernel, the first outputs of a spike at pixel 0 lack

    output 0: (W[2] - W[1]) / 4      output 1: (W[1] - W[0]) / 4      output 2: W[0] / 4

The filter [1 3 3 1] / 4 reaches these from the positions -2, -1 and 0 of the sums, so that a spike
in the first row gets kernel weights that make up for it, those that solve the triangular system; in
the last row mirrored. Nothing is approximated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from hybrid_pose_ros.runtime.spiking_plan import PlannedLayer
from hybrid_pose_ros.runtime.spiking_tables import axis_of

_FILTER_SUM = 4  # of 1 3 3 1 / 4 per axis, the kernels apply 1 3 3 1
# Position of the sums, from 2 below to 2 above a pixel's own -> shares of W[0 ... 4].
_INNER = np.eye(5)[::-1]
_FIRST = _INNER + [[9, -4, 1, 0, 0], [-4, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0] * 5, [0] * 5]
_LAST = _FIRST[::-1, ::-1]


@dataclass(frozen=True)
class Cells:
    """How cells and taps lie along an axis, and each kernel weight's share in each tap.

    Attributes:
        taps, stride, origin, phases, shift: as in src/layer.hpp.
        variants: (taps, phases, kernel) for a spike inside and, where the layer interpolates, in
            the first and in the last row or column.
    """

    taps: int
    stride: int
    origin: int
    phases: int
    shift: int
    variants: tuple[np.ndarray, ...]

    @property
    def interpolated(self) -> bool:
        """Whether the sums of the cells are filtered."""
        return len(self.variants) > 1

    def number(self, in_size: int) -> int:
        """Of cells, for an input of `in_size` rows."""
        return in_size + self.shift if self.phases == 2 else (in_size - 1) // self.stride + 1


def cells_of(layer: PlannedLayer) -> Cells:
    """Cells, taps and shares of a layer (its kernel is square)."""
    if layer.doubled:
        assert layer.conv.kernel_size[0] == 5, "the border's weights are those of 5 taps"
        return Cells(3, 1, 1, 2, 0, tuple(_by_tap(each) for each in (_INNER, _FIRST, _LAST)))
    axis = axis_of(layer)
    return Cells(axis.taps, axis.stride, axis.origin, axis.phases, axis.shift, (axis.inner,))


def _by_tap(shares: np.ndarray) -> np.ndarray:
    """(position, kernel) -> (tap, phase, kernel); tap t of cell i reads pixel i - 1 + t."""
    result = np.zeros((3, 2, 5))
    for tap, phase in np.ndindex(3, 2):
        position = 4 - 2 * tap + phase
        if position < 5:
            result[tap, phase] = shares[position] / _FILTER_SUM
    return result


def layer_table(
    layer: PlannedLayer, cells: Cells, inputs: list[int], padded: list[int], slice_channels: int,
    out_channels: int, blocks: int,
) -> np.ndarray:  # fmt: skip
    """The weights as src/layer.hpp orders them, flat, float32.

    Args:
        inputs: channels of each source; `padded`: with those that the kernels' masks add.
        slice_channels: output channels per slice.
        out_channels: output channels, padded.
        blocks: groups of input channels.
    """
    weights = _padded_weights(layer.conv, inputs, padded, out_channels)
    shares = [torch.from_numpy(each) for each in cells.variants]
    slices, taps, phases = out_channels // slice_channels, cells.taps, cells.phases
    shape = (slices, blocks, len(shares) ** 2, taps, sum(padded) // blocks, taps)
    table = torch.empty((*shape, phases * phases, slice_channels))
    for row, vertical in enumerate(shares):
        for column, horizontal in enumerate(shares):
            part = torch.einsum("apk,oikl->apoil", vertical, weights)
            part = torch.einsum("bql,apoil->aibpqo", horizontal, part)
            part = part.unflatten(5, (slices, -1)).unflatten(1, (blocks, -1)).flatten(4, 5)
            table[:, :, len(shares) * row + column] = part.permute(5, 1, 0, 2, 3, 4, 6)
    return table.numpy().reshape(-1)


def _padded_weights(
    conv: nn.Conv2d | nn.ConvTranspose2d, inputs: list[int], padded: list[int], out_channels: int
) -> torch.Tensor:
    """(C_out, C_in, k, k) float64 with zeros for the channels that do not exist."""
    weights = conv.weight.detach().cpu().double()
    if isinstance(conv, nn.ConvTranspose2d):
        weights = weights.transpose(0, 1)
    k = weights.shape[2]
    result = weights.new_zeros(out_channels, sum(padded), k, k)
    start = 0
    for part, size in zip(weights.split(inputs, 1), padded, strict=True):
        result[: weights.shape[0], start : start + part.shape[1]] = part
        start += size
    return result
