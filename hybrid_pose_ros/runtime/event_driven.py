"""The event-driven engine: the spiking network on a CPU, one addition per spike and synapse.

    current_l = bias_l + sum of weight rows of the spikes of the layers before
    v_l = (1 - 1/tau) v_l + current_l;  spike where v_l >= 1;  v_l -= spike

Batch norm and 1/tau are folded into weights and biases. Sums run in another order than PyTorch's,
so that a neuron within rounding of its threshold may fire one bin earlier or later.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor, nn

from hybrid_pose_ros.models.hybrid import LiteHybrid
from hybrid_pose_ros.models.snn import SpikingBlock
from hybrid_pose_ros.native.library import Geometry, library
from hybrid_pose_ros.runtime.engine import StepResult, Stream


@dataclass(frozen=True)
class _Source:
    """Weights from one layer (or the input) to another."""

    name: str
    weights: np.ndarray  # (C_in, k, k, C_out)
    geometry: Geometry


@dataclass(frozen=True)
class _Layer:
    """One folded block: where its currents come from, its bias and its identity path."""

    sources: tuple[_Source, ...]
    bias: np.ndarray  # (C_out,)
    skip: str | None
    shape: tuple[int, int, int]  # (H, W, C)


def _rows(conv: nn.Conv2d | nn.ConvTranspose2d, scale: np.ndarray) -> np.ndarray:
    """A convolution's weights as (C_in, k, k, C_out), times a factor per output channel."""
    weights = conv.weight.detach().cpu().numpy()
    order = (0, 2, 3, 1) if isinstance(conv, nn.ConvTranspose2d) else (1, 2, 3, 0)
    return np.ascontiguousarray(weights.transpose(order) * scale, np.float32)


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
        self.head = _sources(snn.head, rows, head_inputs, side)
        self.output_shape = (side, side, config.joints)
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
        self.membranes = {n: np.zeros(x.shape, np.float32) for n, x in engine.layers.items()}
        self.currents = {
            n: np.broadcast_to(x.bias, x.shape).copy() for n, x in engine.layers.items()
        }
        self.spikes = {
            n: np.empty(int(np.prod(x.shape)), np.int32) for n, x in engine.layers.items()
        }
        size = 2 * engine.input_size**2
        self.spikes["input"] = np.empty(size, np.int32)
        self.values = np.empty(size, np.float32)
        self.counts: dict[str, int] = {}
        self.output = np.zeros(engine.output_shape, np.float32)

    def load(self, logits: np.ndarray, states: list[np.ndarray]) -> None:
        self.output[:] = logits.transpose(1, 2, 0)
        for membrane, state in zip(self.membranes.values(), states, strict=True):
            membrane[:] = state.transpose(1, 2, 0)

    def step(self, counts: np.ndarray) -> StepResult:
        engine, kernels = self.engine, self.kernels
        counts = np.ascontiguousarray(counts, np.float32)
        self.counts["input"] = kernels.spiking_engine_gather(
            counts.ctypes.data, 2, engine.input_size**2,
            self.spikes["input"].ctypes.data, self.values.ctypes.data,
        )  # fmt: skip
        operations, fired = 0, 0
        for name, layer in engine.layers.items():
            currents = self.currents[name]
            operations += sum(self._scatter(source, currents) for source in layer.sources)
            if layer.skip is not None:
                spikes, count = self.spikes[layer.skip], self.counts[layer.skip]
                kernels.spiking_engine_add(
                    spikes.ctypes.data, count, engine.rate, currents.ctypes.data
                )
                operations += count
            height, width, channels = layer.shape
            self.counts[name] = kernels.spiking_engine_fire(
                currents.ctypes.data, self.membranes[name].ctypes.data, layer.bias.ctypes.data,
                height * width, channels, engine.keep, self.spikes[name].ctypes.data,
            )  # fmt: skip
            fired += self.counts[name]
        kernels.spiking_engine_scale(self.output.ctypes.data, self.output.size, engine.decay)
        operations += sum(self._scatter(source, self.output) for source in engine.head)
        return StepResult(np.ascontiguousarray(self.output.transpose(2, 0, 1)), fired, operations)

    def _scatter(self, source: _Source, currents: np.ndarray) -> int:
        values = self.values.ctypes.data if source.name == "input" else None
        return self.kernels.spiking_engine_scatter(
            self.spikes[source.name].ctypes.data, values, self.counts[source.name],
            source.weights.ctypes.data, ctypes.byref(source.geometry), currents.ctypes.data,
        )  # fmt: skip
