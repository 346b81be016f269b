"""The event-driven engine: a spiking network on a CPU, one addition per spike and synapse.

    current_l = BN(sum of the weight rows of the spikes under the taps)
    v_l = v_l + (current_l - v_l) / tau;  spike where v_l >= 1;  v_l -= spike

Sums run in another order than PyTorch's and batch norm and neurons are computed exactly as there:
where the sums are exact so are the spikes; elsewhere a neuron within rounding of its threshold may
fire one bin earlier or later. The kernels are C++ (src/); threads sleep when there is no work.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Sequence

import numpy as np
import torch

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.native.library import Head, Layer, library
from hybrid_pose_ros.runtime.engine import StepResult, Stream, check_bin, check_start, step_each
from hybrid_pose_ros.runtime.spiking_plan import (
    PlannedHead,
    PlannedLayer,
    SpikingPlan,
    batch_norm,
    plan_of,
)
from hybrid_pose_ros.runtime.spiking_tables import axis_of, layer_table

GROUP = 16  # channels per word of a spike mask
BLOCK_BYTES = 512 * 1024  # weights that stay in a second-level cache while they are used
BAND_BYTES = 128 * 1024  # sums that wait there for the next block of weights
BANDS = 4  # pieces of a layer's rows, so that threads can share them
INSTRUCTION_SETS = ("baseline", "avx2", "avx512")


def _padded(channels: int) -> int:
    return -(-channels // GROUP) * GROUP


class EventDrivenEngine:
    """The weights of one network in the kernels' order, shared by its streams.

    Args:
        network: a spiking network of either preset.
        threads: among which a step is divided; the results do not depend on it.
        instruction_set: the widest that may be used.

    Attributes:
        biases: of each layer's batch norm, padded; a change takes effect with the next step.

    Raises:
        ConfigError: the network does not spike, or an argument is out of range.
    """

    def __init__(
        self, network: PoseNetwork, threads: int = 1, instruction_set: str = INSTRUCTION_SETS[-1]
    ) -> None:
        plan, kernels = plan_of(network), library()
        if plan is None:
            raise ConfigError(
                f"engine 'event_driven' runs spiking networks, got {network.config.preset}/"
                f"{network.kind}; use engine 'torch'"
            )
        if threads < 1:
            raise ConfigError(f"threads must be >= 1, got {threads}")
        if instruction_set not in INSTRUCTION_SETS:
            known = ", ".join(INSTRUCTION_SETS)
            raise ConfigError(f"instruction_set must be one of {known}, got {instruction_set!r}")
        assert kernels is not None, "make_engine checks that the kernels are there"
        self.kernels = kernels
        self.plan = plan
        self.config = network.config
        self.shapes = network.state_shapes()
        self.neurons = sum(int(np.prod(shape)) for shape in self.shapes)
        self.lock = threading.Lock()  # the scratch memory is shared by the streams
        self._arrays: list[np.ndarray] = []  # what the kernels point to
        self.biases: list[np.ndarray] = []
        self.layers = self._native_layers(plan)
        self.membranes = sum(_size(layer) for layer in self.layers)
        self.handle = kernels.spiking_engine_new(
            (Layer * len(self.layers))(*self.layers), len(self.layers),
            self._native_head(plan.head), plan.tau, threads,
            INSTRUCTION_SETS.index(instruction_set),
        )  # fmt: skip
        if not self.handle:
            raise MemoryError("the event-driven engine got no memory or no threads")
        weakref.finalize(self, kernels.spiking_engine_delete, self.handle)

    def new_stream(self) -> Stream:
        return _EventDrivenStream(self)

    def step(self, streams: Sequence[Stream], counts: Sequence[np.ndarray]) -> list[StepResult]:
        """One bin of each stream, one after the other: each is divided among the threads."""
        return step_each(streams, counts)

    def spikes(self, layer: int) -> np.ndarray:
        """Spikes (C, H, W) bool of the last step of whichever stream, for inspection."""
        native, (channels, height, width) = self.layers[layer], self.shapes[layer]
        address = self.kernels.spiking_engine_spikes(self.handle, layer)
        size = height * width * native.out_channels // 8
        words = np.frombuffer((ctypes.c_uint8 * size).from_address(address), np.uint8)
        bits = np.unpackbits(words, bitorder="little").reshape(height, width, -1)
        return bits[..., :channels].transpose(2, 0, 1).astype(bool)

    def _native_layers(self, plan: SpikingPlan) -> list[Layer]:
        layers, membranes_at = [], 0
        for planned in plan.layers:
            layer = self._native_layer(plan, planned)
            layer.membranes_at = membranes_at
            membranes_at += _size(layer)
            layers.append(layer)
        return layers

    def _native_layer(self, plan: SpikingPlan, planned: PlannedLayer) -> Layer:
        axis = axis_of(planned)
        inputs = [plan.layers[i].shape[0] for i in planned.inputs] or [2]
        padded = [_padded(c) for c in inputs] if planned.inputs else inputs
        in_side = plan.layers[planned.inputs[0]].shape[1] if planned.inputs else None
        in_side = in_side or self.config.input_size
        channels, height, width = planned.shape
        out_channels = _padded(channels)
        whole = next(size for size in (64, 32, 16) if out_channels % size == 0)
        slice_channels = whole if axis.phases == 1 else GROUP
        outputs = slice_channels * axis.phases**2
        blocks = _blocks(sum(padded), 4 * axis.taps**2 * outputs)
        cells = axis.cells(in_side)
        fits = max(1, BAND_BYTES // (4 * cells * outputs)) if blocks > 1 else cells
        gain, bias = (_pad(values, out_channels) for values in batch_norm(planned.norm))
        self.biases.append(bias)
        table = layer_table(planned, axis, inputs, padded, slice_channels, out_channels, blocks)
        return Layer(
            in_side, in_side,
            planned.inputs[0] if planned.inputs else -1, padded[0],
            planned.inputs[1] if len(inputs) > 1 else -1, padded[1] if len(inputs) > 1 else 0,
            axis.taps, axis.stride, axis.origin, axis.phases, axis.shift, cells, cells, axis.edge,
            height, width, out_channels, slice_channels, blocks,
            -1 if planned.skip is None else planned.skip, channels, min(fits, -(-cells // BANDS)),
            self._keep(table), self._keep(gain), self._keep(bias), 0,
        )  # fmt: skip

    def _native_head(self, head: PlannedHead) -> Head:
        first, second = (self.plan.layers[i].shape for i in head.inputs)
        weights = head.conv.weight.detach().cpu().double().numpy()[:, :, 0, 0]
        bias = np.zeros(len(weights))
        if head.norm is not None:
            gain, shift = batch_norm(head.norm)
            weights, bias = weights * gain[:, None], shift.astype(np.float64)
        maps, channels = len(weights), (first[0], second[0])
        table = np.zeros((_padded(channels[0]) + _padded(channels[1]), _padded(maps)), np.float32)
        table[: channels[0], :maps] = head.gain * weights[:, : channels[0]].T
        start = _padded(channels[0])
        table[start : start + channels[1], :maps] = head.gain * weights[:, channels[0] :].T
        return Head(
            head.inputs[0], _padded(channels[0]), head.inputs[1], _padded(channels[1]),
            first[1] * first[2], maps, 0.0 if head.doubled else head.keep,
            self._keep(table), self._keep((head.gain * bias).astype(np.float32)),
        )  # fmt: skip

    def _keep(self, array: np.ndarray) -> int:
        """The address of an array that lives as long as the engine."""
        self._arrays.append(np.ascontiguousarray(array, np.float32))
        return self._arrays[-1].ctypes.data


def _size(layer: Layer) -> int:
    return int(layer.out_height * layer.out_width * layer.out_channels)


def _pad(values: np.ndarray, size: int) -> np.ndarray:
    return np.pad(values, (0, size - len(values)))


def _blocks(channels: int, bytes_per_channel: int) -> int:
    """Into how many groups the input channels are divided: the fewest that fit the cache."""
    groups = max(1, channels // GROUP)
    choices = (n for n in range(1, groups + 1) if groups % n == 0)
    wanted = channels * bytes_per_channel / BLOCK_BYTES
    return next((n for n in choices if n >= wanted), groups)


class _EventDrivenStream:
    """Membranes and output of one camera."""

    def __init__(self, engine: EventDrivenEngine) -> None:
        self.engine = engine
        head = engine.plan.head
        side = engine.config.heatmap_size
        self.membranes = torch.zeros(engine.membranes)  # aligned for vectors, unlike numpy's
        self.heatmaps = np.zeros((engine.config.joints, side, side), np.float32)
        coarse = (engine.config.joints, side // 2, side // 2)
        self.change = np.zeros(coarse, np.float32) if head.doubled else self.heatmaps
        self.fired = np.zeros(len(engine.layers), np.int64)
        self.additions = np.zeros(len(engine.layers) + 1, np.int64)
        # The arrays are never replaced, so their addresses are looked up only once.
        arrays = (self.change, self.fired, self.additions)
        self._at = (self.membranes.data_ptr(), *(array.ctypes.data for array in arrays))

    def load(self, heatmaps: np.ndarray, states: list[np.ndarray]) -> None:
        engine = self.engine
        check_start(engine.config, engine.shapes, heatmaps, states)
        self.heatmaps[:] = heatmaps
        for layer, state in zip(engine.layers, states, strict=True):
            tensor = torch.from_numpy(state)
            for channels, view in self._slices(layer, len(state)):
                view.copy_(tensor[channels])

    def states(self) -> list[np.ndarray]:
        pairs = zip(self.engine.layers, self.engine.shapes, strict=True)
        return [
            torch.cat([view for _, view in self._slices(layer, shape[0])]).numpy()
            for layer, shape in pairs
        ]

    def step(self, counts: np.ndarray) -> StepResult:
        engine = self.engine
        counts = check_bin(engine.config, counts)
        with engine.lock:
            done = engine.kernels.spiking_engine_step(engine.handle, counts.ctypes.data, *self._at)
        if not done:
            low, high = counts.min(), counts.max()
            raise ValueError(f"counts must be finite and >= 0, got {low} to {high}")
        if self.change is not self.heatmaps:
            self._add_doubled()
        spikes, additions = tuple(self.fired.tolist()), tuple(self.additions.tolist())
        return StepResult(self.heatmaps.copy(), sum(spikes), sum(additions), spikes, additions)

    def _add_doubled(self) -> None:
        change = torch.nn.functional.interpolate(
            torch.from_numpy(self.change)[None], scale_factor=2, mode="bilinear"
        )
        self.heatmaps *= np.float32(self.engine.plan.head.keep)
        self.heatmaps += change[0].numpy()

    def _slices(self, layer: Layer, channels: int) -> list[tuple[slice, torch.Tensor]]:
        """A layer's membranes: which channels, and these as (C, H, W) views."""
        part = self.membranes[layer.membranes_at : layer.membranes_at + _size(layer)]
        width = layer.slice_channels
        slices = part.view(-1, layer.out_height, layer.out_width, width).permute(0, 3, 1, 2)
        return [
            (slice(i * width, (i + 1) * width), view[: channels - i * width])
            for i, view in enumerate(slices)
        ]
