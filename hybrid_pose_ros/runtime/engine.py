"""Engines: what runs the spiking part of a hybrid, one stream per camera.

A stream takes the states of a keyframe and then one bin after the other. `TorchEngine` is the
network itself, on a CPU or on CUDA; `EventDrivenEngine` (runtime/event_driven.py) computes the same
spike by spike on a CPU, many times faster.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid

ENGINES = ("auto", "event_driven", "torch")


class StepResult(NamedTuple):
    """Output of one bin: logits (13, S, S) float32, spikes fired, synaptic operations done."""

    logits: np.ndarray
    spikes: int
    synaptic_operations: int


class Stream(Protocol):
    """The spiking network of one camera."""

    def load(self, logits: np.ndarray, states: list[np.ndarray]) -> None:
        """Start from a keyframe: logits (13, S, S), membranes (C, H, W) per block, float32."""

    def step(self, counts: np.ndarray) -> StepResult:
        """Advance by one bin of event counts (2, input, input) float32."""


class Engine(Protocol):
    """Folded weights that any number of streams share."""

    neurons: int

    def new_stream(self) -> Stream:
        """A stream with zero membranes and flat logits."""


class TorchEngine:
    """The reference: the model's own modules."""

    def __init__(self, model: LiteHybrid, device: str) -> None:
        self.model = model.to(device).eval()
        self.device = device
        self.neurons = sum(int(np.prod(shape)) for shape in model.snn.state_shapes())

    def new_stream(self) -> Stream:
        return _TorchStream(self)


class _TorchStream:
    """Keeps its camera's membranes and output between steps; the modules hold them only within."""

    def __init__(self, engine: TorchEngine) -> None:
        self.engine = engine
        shapes = engine.model.snn.state_shapes()
        side = engine.model.config.heatmap_size
        self.load(
            np.zeros((engine.model.config.joints, side, side), np.float32),
            [np.zeros(shape, np.float32) for shape in shapes],
        )

    def load(self, logits: np.ndarray, states: list[np.ndarray]) -> None:
        device = self.engine.device
        self.output = torch.from_numpy(logits)[None].to(device)
        self.states = [torch.from_numpy(state)[None].to(device) for state in states]

    @torch.inference_mode()
    def step(self, counts: np.ndarray) -> StepResult:
        model = self.engine.model
        model.snn.set_states(self.states)
        model.output = self.output
        self.output = model.step(torch.from_numpy(counts)[None].to(self.engine.device))
        self.states = [getattr(model.snn, name).lif.v for name in model.snn.BLOCKS]
        rates = [float(spikes.sum()) for spikes in model.snn.spikes]
        operations = _synaptic_operations(model, counts, rates)
        return StepResult(self.output[0].cpu().numpy(), int(sum(rates)), operations)


def _synaptic_operations(model: LiteHybrid, counts: np.ndarray, spikes: list[float]) -> int:
    """Additions that the active inputs cause, fan-outs counted as away from a border."""
    snn = model.snn
    s0, d1, d2, r1, r2, u1, u2 = spikes
    active = float(np.count_nonzero(counts))

    def fan_out(conv: torch.nn.Conv2d | torch.nn.ConvTranspose2d) -> float:
        taps: float = conv.kernel_size[0] * conv.kernel_size[1]
        if not isinstance(conv, torch.nn.ConvTranspose2d):
            taps = taps / (conv.stride[0] * conv.stride[1])
        return taps * conv.out_channels

    inputs = (
        (snn.s0.conv, active), (snn.d1.conv, s0), (snn.d2.conv, d1), (snn.r1.conv, d2),
        (snn.r2.conv, r1), (snn.u1.conv, r2 + d2), (snn.u2.conv, u1 + d1), (snn.head, u2 + s0),
    )  # fmt: skip
    return int(sum(fan_out(conv) * count for conv, count in inputs))


def make_engine(model: LiteHybrid, device: str, kind: str = "auto") -> Engine:
    """The engine for a device: event-driven on a CPU where it was built, else PyTorch.

    Raises:
        ConfigError: unknown kind, or an engine that cannot run here.
    """
    from hybrid_pose_ros.native.library import library
    from hybrid_pose_ros.runtime.event_driven import EventDrivenEngine

    if kind not in ENGINES:
        raise ConfigError(f"engine must be one of {', '.join(ENGINES)}, got {kind!r}")
    if kind == "event_driven" and device != "cpu":
        raise ConfigError(f"engine 'event_driven' runs on the cpu, got device {device!r}")
    if kind == "event_driven" and library() is None:
        raise ConfigError(
            "engine 'event_driven' was not built here; install a C++ compiler and rebuild, "
            "or choose engine 'torch'"
        )
    if device == "cpu" and kind != "torch" and library() is not None:
        return EventDrivenEngine(model)
    return TorchEngine(model, device)
