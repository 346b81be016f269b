"""Batch norm, LIF neuron, spikes and their number in one Triton kernel: `fire` of spiking_batch.py.

One program handles a block of neurons of one camera. Tensors are channels-last, so that neighbours
in memory are channels of a pixel. Where a layer doubles the size, the kernel picks each output's
sum out of its cell: no shuffled copy is made.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 1024


@triton.jit
def _fire(  # type: ignore[no-untyped-def]
    sums, gain, bias, joined, membranes, active, spikes, fired,
    channels, width, neurons, cell_rows, cell_columns, shift, tau,
    JOINED: tl.constexpr, DOUBLED: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    camera = tl.program_id(1)
    index = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    inside = index < neurons
    channel = index % channels
    at = camera.to(tl.int64) * neurons + index
    if DOUBLED:
        x = index // channels % width + shift
        y = index // (channels * width) + shift
        cell = (camera.to(tl.int64) * cell_rows + y // 2) * cell_columns + x // 2
        source = (cell * 4 + y % 2 * 2 + x % 2) * channels + channel
    else:
        source = at
    current = tl.load(sums + source, mask=inside, other=0.0).to(tl.float32)
    current = current * tl.load(gain + channel) + tl.load(bias + channel)
    if JOINED:
        current += tl.load(joined + at, mask=inside, other=0.0).to(tl.float32)
    v = tl.load(membranes + at, mask=inside, other=0.0)
    charged = v + (current - v) / tau
    fires = ((charged >= 1.0) & inside).to(tl.float32)
    tl.store(spikes + at, fires.to(spikes.dtype.element_ty), mask=inside)
    advance = tl.load(active + camera) != 0
    tl.store(membranes + at, tl.where(advance, charged - fires, v), mask=inside)
    tl.atomic_add(fired + camera, tl.sum(fires, 0).to(tl.int32))


def fire(
    sums: Tensor, gain: Tensor, bias: Tensor, joined: Tensor | None, membranes: Tensor,
    active: Tensor, shift: int, tau: float, spikes: Tensor, fired: Tensor,
) -> None:  # fmt: skip
    """As `spiking_batch.fire`; `sums`, `joined`, `membranes` and `spikes` channels-last."""
    batch, channels, height, width = spikes.shape
    neurons = channels * height * width
    sums = sums.contiguous(memory_format=torch.channels_last)
    fired.zero_()
    grid = (triton.cdiv(neurons, BLOCK), batch)
    _fire[grid](
        sums, gain, bias, sums if joined is None else joined, membranes, active.view(torch.uint8),
        spikes, fired, channels, width, neurons, *sums.shape[2:], max(shift, 0), tau,
        JOINED=joined is not None, DOUBLED=shift >= 0, SIZE=BLOCK,
    )  # fmt: skip
