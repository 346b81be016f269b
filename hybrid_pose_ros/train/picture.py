"""What a network sees and says during training, as one picture for TensorBoard."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from hybrid_pose_ros.train.objective import Answer
from hybrid_pose_ros.train.samples import Batch

SIDE = 256  # pixels per sequence
PERSONS = 4
MARK = 2  # pixels on each side of a joint
TRUE_COLOUR, FOUND_COLOUR = (0, 200, 0), (230, 30, 30)


def picture(batch: Batch, answer: Answer) -> np.ndarray:
    """(256, 256 * n, 3) uint8: events of the last bin, true joints green, the peaks found red.

    Where there are no bins, the events of the keyframe.
    """
    counts = batch.bins[-1] if len(batch.bins) else batch.keyframes[0]
    tiles = []
    for i in range(min(PERSONS, len(counts))):
        tile = _events(counts[i])
        cells, size = answer.cells[-1, i], answer.heatmaps.shape[-1]
        peak = answer.heatmaps[-1, i].flatten(1).argmax(1).cpu().numpy()
        found = np.stack([peak % size, peak // size], 1)
        for places, colour in ((cells.cpu().numpy(), TRUE_COLOUR), (found, FOUND_COLOUR)):
            for place in (places + 0.5) * (SIDE / size):
                if np.all((place >= 0) & (place < SIDE)):  # false for NaN
                    _mark(tile, place, colour)
        tiles.append(tile)
    return np.concatenate(tiles, 1)


def _events(counts: Tensor) -> np.ndarray:
    """(C, S, S) counts as a grey picture (256, 256, 3), white where nothing happened."""
    total = counts.sum(0).cpu().numpy()
    grey = 255 - np.minimum(total, 3.0) * 60
    rows = np.arange(SIDE) * len(grey) // SIDE
    return np.repeat(grey[rows][:, rows, None], 3, 2).astype(np.uint8)


def _mark(tile: np.ndarray, place: np.ndarray, colour: tuple[int, int, int]) -> None:
    column, row = place.astype(int)
    rows = slice(max(0, row - MARK), row + MARK + 1)
    tile[rows, max(0, column - MARK) : column + MARK + 1] = colour
