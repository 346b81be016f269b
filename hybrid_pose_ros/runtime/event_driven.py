"""The event-driven engine: the spiking network on a CPU, one addition per spike and synapse.

    current_l = bias_l + sum of weight rows of the spikes of the layers before
    v_l = (1 - 1/tau) v_l + current_l;  spike where v_l >= 1;  v_l -= spike

Batch norm and 1/tau are folded into weights and biases. Sums run in another order than PyTorch's,
so that a neuron within rounding of its threshold may fire one bin earlier or later.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
from hybrid_pose_ros.models.lite.spiking_unet import SpikingBlock
from hybrid_pose_ros.native.library import Geometry, library
from hybrid_pose_ros.runtime.engine import StepResult, Stream


@dataclass(frozen=True)
class _Source:
    """Weights from one layer (or the input) to another."""

    name: str
    weights: np.ndarray  # (C_in, k, k, C_out)
    geometry: Geometry

    @cached_property
    def weights_at(self) -> int:
        return self.weights.ctypes.data

    @cached_property
    def geometry_at(self) -> Any:
        return ctypes.byref(self.geometry)


@dataclass(frozen=True)
class _Layer:
    """One folded block: where its currents come from, its bias and its identity path."""

    sources: tuple[_Source, ...]
    bias: np.ndarray  # (C_out,)
    skip: str | None
    shape: tuple[int, int, int]  # (H, W, C)

    @cached_property
    def bias_at(self) -> int:
        return self.bias.ctypes.data


def _rows(conv: nn.Conv2d | nn.ConvTranspose2d, scale: np.ndarray) -> np.ndarray:
    """A convolution's weights as (C_in, k, k, C_out), times a factor per output channel."""
    weights = conv.weight.detach().cpu().numpy()
    if isinstance(conv, nn.ConvTranspose2d):
        rows = weights.transpose(0, 2, 3, 1)
    else:  # mirrored, as the kernels want it
        rows = weights.transpose(1, 2, 3, 0)[:, ::-1, ::-1]
    return np.ascontiguousarray(rows * scale, np.float32)


def _double(tensor: Tensor | None) -> np.ndarray:
    assert tensor is not None, "batch norms keep running statistics"
    return tensor.detach().cpu().double().numpy()


def _sources(
    conv: nn.Conv2d | nn.ConvTranspose2d,
    rows: np.ndarray,
    inputs: list[tuple[str, int, int]],
    out_side: int,
) -> tuple[_Source, ...]:
    """Split the input channels among the layers that they come from: (name, channels, side)."""
    sources, start = [], 0
    for name, channels, side in inputs:
        geometry = Geometry(
            side, side, channels, out_side, out_side, rows.shape[3],
            conv.kernel_size[0], conv.stride[0], conv.padding[0],
            int(isinstance(conv, nn.ConvTranspose2d)),
        )  # fmt: skip
        part = np.ascontiguousarray(rows[start : start + channels])
        sources.append(_Source(name, part, geometry))
        start += channels
    return tuple(sources)


class EventDrivenEngine:
    """Folded weights of one model, shared by its streams."""

    INPUTS: ClassVar[dict[str, tuple[str, ...]]] = {
        "s0": ("input",), "d1": ("s0",), "d2": ("d1",), "r1": ("d2",), "r2": ("r1",),
        "u1": ("r2", "d2"), "u2": ("u1", "d1"),
    }  # fmt: skip

    def __init__(self, model: LiteHybrid) -> None:
        snn, config = model.snn, model.config
        shapes = dict(zip(snn.BLOCKS, snn.state_shapes(), strict=True))
        shapes["input"] = (2, config.input_size, config.input_size)
        self.input_size = config.input_size
        self.keep = 1.0 - 1.0 / config.tau
        self.rate = 1.0 / config.tau
        self.decay = float(model.decay.detach())
        self.layers: dict[str, _Layer] = {}
        for name in snn.BLOCKS:
            inputs = [(i, shapes[i][0], shapes[i][1]) for i in self.INPUTS[name]]
            skip = "d2" if name == "r2" else None
            self.layers[name] = self._fold(getattr(snn, name), inputs, shapes[name], skip)
        side = config.heatmap_size
        head_inputs = [("u2", *shapes["u2"][:2]), ("s0", *shapes["s0"][:2])]
        rows = _rows(snn.head, np.ones(config.joints, np.float32))
        # A whole number of vector registers per cell; the channels added stay zero.
        padding = -config.joints % 16
        rows = np.pad(rows, ((0, 0), (0, 0), (0, 0), (0, padding)))
        self.head = _sources(snn.head, rows, head_inputs, side)
        self.joints = config.joints
        self.output_shape = (side, side, config.joints + padding)
        self.neurons = sum(int(np.prod(layer.shape)) for layer in self.layers.values())

    def _fold(
        self,
        block: SpikingBlock,
        inputs: list[tuple[str, int, int]],
        shape: tuple[int, int, int],
        skip: str | None,
    ) -> _Layer:
        norm = block.norm
        values = (norm.running_mean, norm.running_var, norm.weight, norm.bias)
        mean, var, gain, shift = (_double(value) for value in values)
        scale = gain / np.sqrt(var + norm.eps)
        bias = ((shift - mean * scale) * self.rate).astype(np.float32)
        channels, side, _ = shape
        sources = _sources(block.conv, _rows(block.conv, scale * self.rate), inputs, side)
        return _Layer(sources, bias, skip, (side, side, channels))

    def new_stream(self) -> Stream:
        return _EventDrivenStream(self)


class _EventDrivenStream:
    """Membranes, currents and spike lists of one camera."""

    def __init__(self, engine: EventDrivenEngine) -> None:
        self.engine = engine
        kernels = library()
        assert kernels is not None, "make_engine checks that the kernels are there"
        self.kernels = kernels
        layers = engine.layers.items()
        self.membranes = {name: np.zeros(layer.shape, np.float32) for name, layer in layers}
        self.currents = {n: np.broadcast_to(x.bias, x.shape).copy() for n, x in layers}
        self.spikes = {n: np.empty(int(np.prod(x.shape)), np.int32) for n, x in layers}
        self.spikes["input"] = np.empty(2 * engine.input_size**2, np.int32)
        self.values = np.empty(2 * engine.input_size**2, np.float32)
        self.output = np.zeros(engine.output_shape, np.float32)
        self.counts: dict[str, int] = {}
        # The arrays are never replaced, so their addresses are looked up only once.
        self._spikes_at = {name: array.ctypes.data for name, array in self.spikes.items()}
        self._currents_at = {name: array.ctypes.data for name, array in self.currents.items()}
        self._membranes_at = {name: array.ctypes.data for name, array in self.membranes.items()}
        self._values_at, self._output_at = self.values.ctypes.data, self.output.ctypes.data

    def load(self, logits: np.ndarray, states: list[np.ndarray]) -> None:
        self.output[..., : self.engine.joints] = logits.transpose(1, 2, 0)
        for membrane, state in zip(self.membranes.values(), states, strict=True):
            membrane[:] = state.transpose(1, 2, 0)

    def step(self, counts: np.ndarray) -> StepResult:
        engine, kernels = self.engine, self.kernels
        counts = np.ascontiguousarray(counts, np.float32)
        self.counts["input"] = kernels.spiking_engine_gather(
            counts.ctypes.data, 2, engine.input_size**2,
            self._spikes_at["input"], self._values_at,
        )  # fmt: skip
        operations, fired = 0, 0
        for name, layer in engine.layers.items():
            currents_at = self._currents_at[name]
            height, width, channels = layer.shape
            for source in layer.sources:
                operations += channels * self._scatter(source, currents_at)
            if layer.skip is not None:
                count = self.counts[layer.skip]
                kernels.spiking_engine_add(
                    self._spikes_at[layer.skip], count, engine.rate, currents_at
                )
                operations += count
            self.counts[name] = kernels.spiking_engine_fire(
                currents_at, self._membranes_at[name], layer.bias_at,
                height * width, channels, engine.keep, self._spikes_at[name],
            )  # fmt: skip
            fired += self.counts[name]
        kernels.spiking_engine_scale(self._output_at, self.output.size, engine.decay)
        for source in engine.head:
            operations += engine.joints * self._scatter(source, self._output_at)
        logits = self.output[..., : engine.joints].transpose(2, 0, 1)
        return StepResult(np.ascontiguousarray(logits), fired, operations)

    def _scatter(self, source: _Source, currents_at: int) -> int:
        """Add what a layer's spikes cause; the number of cells reached."""
        return self.kernels.spiking_engine_scatter(
            self._spikes_at[source.name],
            self._values_at if source.name == "input" else None,
            self.counts[source.name], source.weights_at, source.geometry_at, currents_at,
        )  # fmt: skip
