"""One training sequence of DHP19, and a batch of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Dhp19Sequence(NamedTuple):
    """One sequence of T bins; `collate` puts B of them together as written in brackets.

    Attributes:
        keyframe: (20, S, S) [(B, 20, S, S)] event counts before the keyframe.
        bins: (T, 2, S, S) [(T, B, 2, S, S)] event counts of the bins after it.
        cells: (T + 1, 13, 2) [(T + 1, B, 13, 2)] joints in heatmap cells (column, row) at the
            keyframe and in every bin; NaN where the marker was lost or is outside of the crop.
        xyz: (T + 1, 13, 3) [(T + 1, B, 13, 3)] the same joints in metres; NaN where lost.
        number: () [(B,)] int64 number of the sequence in the data set.
        before: (R, 2, S, S) [(R, B, 2, S, S)] counts of the bins before the keyframe, as many as
            `Windows.earlier`.
    """

    keyframe: Tensor
    bins: Tensor
    cells: Tensor
    xyz: Tensor
    number: Tensor
    before: Tensor


def collate(sequences: Sequence[Dhp19Sequence]) -> Dhp19Sequence:
    """B sequences of equal length as one batch, bins first where there are bins."""
    keyframe, bins, cells, xyz, number, before = zip(*sequences, strict=True)
    return Dhp19Sequence(
        torch.stack(keyframe),
        torch.stack(bins, 1),
        torch.stack(cells, 1),
        torch.stack(xyz, 1),
        torch.stack(number),
        torch.stack(before, 1),
    )
