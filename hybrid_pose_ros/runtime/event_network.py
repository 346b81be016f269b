"""A spiking network as the native kernels take it: layers, weights, and how the work is cut up."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.native.library import Head, Layer
from hybrid_pose_ros.runtime.event_tables import Cells, cells_of, layer_table
from hybrid_pose_ros.runtime.spiking_plan import (
    PlannedHead,
    PlannedLayer,
    SpikingPlan,
    batch_norm,
)

GROUP = 16  # channels per word of a spike mask
BLOCK_BYTES = 512 * 1024  # weights that stay in a second-level cache while they are used
CHUNK_BYTES = 128 * 1024  # sums that wait there for the next block of weights
PIECES = 8  # of a layer's work at least, so that threads can share it


class EventNetwork:
    """Layers and head of a plan, and the arrays that they point to.

    Args:
        input_size: side of the event counts.

    Attributes:
        biases: of each layer's batch norm, padded; the kernels read them in every step.
        potentials: numbers that a stream takes: all membranes, then the resting potentials.
    """

    def __init__(self, plan: SpikingPlan, input_size: int) -> None:
        self._arrays: list[np.ndarray] = []
        self._input_size = input_size
        self.biases: list[np.ndarray] = []
        self.potentials = 0
        self.layers = [self._layer(plan, planned) for planned in plan.layers]
        for layer in self.layers:
            layer.membranes_at = self._room(layer)
        for layer, planned in zip(self.layers, plan.layers, strict=True):
            layer.rests_at = self._room(layer) if planned.rests else -1
        self.head = self._head(plan)

    def _layer(self, plan: SpikingPlan, planned: PlannedLayer) -> Layer:
        cells = cells_of(planned)
        inputs = [plan.layers[i].shape[0] for i in planned.inputs] or [2 * len(plan.delays)]
        padded = [_padded(c) for c in inputs] if planned.inputs else inputs
        in_side = plan.layers[planned.inputs[0]].shape[1] if planned.inputs else None
        in_side = in_side or self._input_size
        channels, height, width = planned.shape
        out_channels = _padded(channels)
        whole = next(size for size in (64, 32, 16) if out_channels % size == 0)
        slice_channels = whole if cells.phases == 1 else GROUP
        outputs = slice_channels * cells.phases**2
        blocks = _blocks(sum(padded), 4 * cells.taps**2 * outputs)
        side = cells.number(in_side)
        band, chunk = _rows(cells, side, outputs, blocks, out_channels // slice_channels)
        gain, bias = (_pad(values, out_channels) for values in batch_norm(planned.norm))
        self.biases.append(bias)
        table = layer_table(planned, cells, inputs, padded, slice_channels, out_channels, blocks)
        return Layer(
            in_side, in_side,
            planned.inputs[0] if planned.inputs else -1, padded[0],
            planned.inputs[1] if len(inputs) > 1 else -1, padded[1] if len(inputs) > 1 else 0,
            cells.taps, cells.stride, cells.origin, cells.phases, cells.shift, side, side,
            cells.interpolated, height, width, out_channels, slice_channels, blocks,
            -1 if planned.skip is None else planned.skip, channels, band, chunk,
            self._keep(table), self._keep(gain), self._keep(bias), 0, -1,
        )  # fmt: skip

    def _room(self, layer: Layer) -> int:
        """Where the next potentials of a layer's size begin."""
        self.potentials += size_of(layer)
        return self.potentials - size_of(layer)

    def _head(self, plan: SpikingPlan) -> Head:
        head = plan.head
        (first, *size), (second, *_) = (plan.layers[i].shape for i in head.inputs)
        weights, bias = _head_weights(head)
        motion, persistence, noise, sharpness = 0, 0, 0, 0.0
        if head.motion is not None and moves(head):
            weights, along = np.split(weights, [len(head.motion.keep)])
            bias = bias[: len(weights)]  # heads of these networks have none
            motion = self._keep(
                np.stack([_by_channel(along[axis::2], first, second) for axis in (0, 1)], 1)
            )
            persistence = self._keep(head.motion.keep.cpu().numpy())
            noise = self._keep(head.motion.noise.cpu().numpy())
            sharpness = head.motion.sharpness
        return Head(
            head.inputs[0], _padded(first), head.inputs[1], _padded(second),
            size[0] * size[1], size[1], len(weights), head.fan_out,
            head.keep if adds(head) else 0.0, sharpness,
            self._keep(_by_channel(weights, first, second)),
            self._keep(_pad(bias, _padded(len(bias)))), motion, persistence, noise,
        )  # fmt: skip

    def _keep(self, array: np.ndarray) -> int:
        """The address of an array that lives as long as this does."""
        self._arrays.append(np.ascontiguousarray(array, np.float32))
        return self._arrays[-1].ctypes.data


def moves(head: PlannedHead) -> bool:
    """Whether the kernels themselves move the heatmaps, whose joints fit one group there."""
    return head.motion is not None and not head.doubled and len(head.motion.keep) <= GROUP


def adds(head: PlannedHead) -> bool:
    """Whether the kernels themselves add the head's maps to the heatmaps."""
    return not head.doubled and (head.motion is None or moves(head))


def _head_weights(head: PlannedHead) -> tuple[np.ndarray, np.ndarray]:
    """(maps, C) and (maps,) float64, with batch norm and gain."""
    weights = head.conv.weight.detach().cpu().double().numpy()[:, :, 0, 0]
    bias = np.zeros(len(weights))
    if head.norm is not None:
        gain, shift = batch_norm(head.norm)
        weights, bias = weights * gain[:, None], shift.astype(np.float64)
    return head.gain * weights, head.gain * bias


def _by_channel(weights: np.ndarray, first: int, second: int) -> np.ndarray:
    """(maps, first + second) to (channels of both sources, maps), all padded."""
    table = np.zeros((_padded(first) + _padded(second), _padded(len(weights))), np.float32)
    table[:first, : len(weights)] = weights[:, :first].T
    table[_padded(first) :][:second, : len(weights)] = weights[:, first:].T
    return table


def size_of(layer: Layer) -> int:
    """Neurons of a layer, those of padded channels included."""
    return int(layer.out_height * layer.out_width * layer.out_channels)


def _padded(channels: int) -> int:
    return -(-channels // GROUP) * GROUP


def _pad(values: np.ndarray, size: int) -> np.ndarray:
    return np.pad(values, (0, size - len(values)))


def _rows(cells: Cells, side: int, outputs: int, blocks: int, slices: int) -> tuple[int, int]:
    """Rows of cells per piece of work, and per chunk whose sums wait for the next block."""
    pieces = -(-PIECES // slices)
    fits = max(1, CHUNK_BYTES // (4 * side * outputs))
    band = -(-side // pieces)
    if cells.interpolated:  # two rows more than a chunk has
        return band, min(band, max(1, fits - 2))
    return (min(band, fits),) * 2 if blocks > 1 else (band, band)


def _blocks(channels: int, bytes_per_channel: int) -> int:
    """Into how many groups the input channels are divided: the fewest that fit the cache."""
    groups = max(1, channels // GROUP)
    choices = (n for n in range(1, groups + 1) if groups % n == 0)
    wanted = channels * bytes_per_channel / BLOCK_BYTES
    return next((n for n in choices if n >= wanted), groups)
