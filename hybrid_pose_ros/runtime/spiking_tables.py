"""How the cells and taps of a spiking layer lie, and what each kernel weight does for each tap.

A layer that doubles the size makes 2 x 2 outputs per cell straight from the low resolution: each
phase of output pixels sees a small kernel of its own. For bilinear x2 followed by a 5 x 5
convolution these have at most 4 x 4 taps. Along one axis, with u(m) the share of input pixel i in
pixel 2 i + m of the doubled map,

    kernel_phase[tap] = sum_t u(position(output, t) - 2 i) W[t]       i: the input pixel of the tap

Interpolation repeats the pixels of the border and the convolution pads with zeros: a spike in the
first or last row or column spreads otherwise. The difference is a second, short kernel for the few
cells at the border, so that nothing is approximated. GPUs run this; for CPUs, event_tables.py
leaves out more of the work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from hybrid_pose_ros.runtime.spiking_plan import PlannedLayer

_BILINEAR = {-1: 0.25, 0: 0.75, 1: 0.75, 2: 0.25}
_AT_START = {-1: -0.25, 0: 0.25}  # what u has more for i = 0 ...
_AT_END = {1: 0.25, 2: -0.25}  # ... and for the last i
_SOME_SIZE = 16  # enough for the borders not to meet

Position = Callable[[int, int], int]  # (output pixel, kernel index) -> pixel of the doubled map


@dataclass(frozen=True)
class Axis:
    """How cells and taps lie along an axis, and each kernel weight's share in each tap.

    Attributes:
        taps, stride, origin, phases, shift, edge: as in src/layer.hpp.
        inner: (taps, phases, kernel).
        border: likewise for the border cells, zero from 2 * edge on; None without a border.
    """

    taps: int
    stride: int
    origin: int
    phases: int
    shift: int
    edge: int
    inner: np.ndarray
    border: np.ndarray | None

    def cells(self, in_size: int) -> int:
        """Number of cells of an input of `in_size` rows."""
        return in_size + self.shift if self.phases == 2 else (in_size - 1) // self.stride + 1


def axis_of(layer: PlannedLayer) -> Axis:
    """Cells, taps and shares of a layer (its kernel is square)."""
    conv, k = layer.conv, layer.conv.kernel_size[0]
    if isinstance(conv, nn.ConvTranspose2d):
        padding = int(conv.padding[0])
        return _doubling(k, {0: 1.0}, lambda out, t: out + padding - t, border=False)
    if layer.doubled:
        return _doubling(k, _BILINEAR, lambda out, t: out + t - k // 2, border=True)
    return Axis(k, conv.stride[0], k // 2, 1, 0, 0, np.eye(k)[:, None], None)


def _doubling(k: int, u: dict[int, float], position: Position, border: bool) -> Axis:
    """Cells of two outputs, shifted by one pixel if that leaves fewer taps."""
    best: tuple[list[int], np.ndarray, int] | None = None
    for shift in (0, 1):
        deltas = range(-k, k + 1)  # input pixel of a tap - cell
        shares = np.array(
            [[[u.get(position(p - shift, t) - 2 * d, 0.0) for t in range(k)] for p in (0, 1)]
             for d in deltas]
        )  # fmt: skip
        used = [d for d, share in zip(deltas, shares, strict=True) if share.any()]
        if best is None or len(used) < len(best[0]):
            best = used, shares[used[0] + k : used[-1] + k + 1], shift
    assert best is not None, "both shifts were tried"
    used, inner, shift = best
    edge, at_border = _border(len(used), shift, k, position) if border else (0, None)
    return Axis(len(used), 1, -used[0], 2, shift, edge, inner, at_border)


def _border(taps: int, shift: int, k: int, position: Position) -> tuple[int, np.ndarray]:
    """Number of border cells on each side, and their shares (taps, 2, k)."""
    cells = _SOME_SIZE + shift
    shares = np.zeros((2, cells, 2, k))
    for cell, p, t in np.ndindex(cells, 2, k):
        out = 2 * cell - shift + p
        if 0 <= out < 2 * _SOME_SIZE:
            at = position(out, t)
            shares[0, cell, p, t] = _AT_START.get(at, 0.0)
            shares[1, cell, p, t] = _AT_END.get(at - 2 * (_SOME_SIZE - 1), 0.0)
    start = [cell for cell in range(cells) if shares[0, cell].any()]
    end = [cell for cell in range(cells) if shares[1, cell].any()]
    edge = max(start[-1] + 1, cells - end[0])
    assert 2 * edge <= taps, "the border cells' weights fit where the taps' do"
    border = np.zeros((taps, 2, k))
    border[:edge] = shares[0, :edge]
    border[edge : 2 * edge] = shares[1, cells - edge :]
    return edge, border
