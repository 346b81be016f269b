"""Engines: what runs a network bin by bin, one stream per camera.

A stream takes the heatmaps and states of a keyframe and then one bin after the other. `TorchEngine`
is the network itself, any kind on any device; `EventDrivenEngine` computes a spiking network spike
by spike on a CPU, many times faster; `CudaEngine` takes all cameras at once on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.config import NetworkConfig
from hybrid_pose_ros.models.network import POLARITIES, PoseNetwork

ENGINES = ("auto", "event_driven", "torch", "cuda_graph")


class StepResult(NamedTuple):
    """What one bin gave.

    Attributes:
        heatmaps: (13, h, w) float32, the network's output after this bin.
        spikes: neurons that fired.
        synaptic_operations: additions that spikes and events caused; 0 if nothing spikes, where
            `macs_per_step` of the network is what a step costs.
        layer_spikes: neurons that fired, per layer.
        layer_operations: additions per layer, the head last (with the moving of heatmaps).
        velocity: (26, 1, 1) float32, the joints' velocities, of networks with `motion`.
    """

    heatmaps: np.ndarray
    spikes: int
    synaptic_operations: int
    layer_spikes: tuple[int, ...] = ()
    layer_operations: tuple[int, ...] = ()
    velocity: np.ndarray | None = None


class Stream(Protocol):
    """The network of one camera. It starts with zero states and flat heatmaps."""

    def load(
        self, heatmaps: np.ndarray, states: list[np.ndarray], before: Sequence[np.ndarray] = ()
    ) -> None:
        """Start from a keyframe: heatmaps (13, h, w), states (C, H, W), float32.

        Args:
            before: the last bins (2, S, S) until then, the newest last, for networks with `delays`;
                what is missing counts as empty.

        Raises:
            ValueError: shapes that are not this network's.
        """

    def states(self) -> list[np.ndarray]:
        """Copies of the states now, (C, H, W) float32 each."""

    def step(self, counts: np.ndarray) -> StepResult:
        """Advance by one bin of event counts (2, S, S) float32.

        Raises:
            ValueError: another shape, or counts that are negative, infinite or NaN.
        """


class Engine(Protocol):
    """Weights that any number of streams share.

    Attributes:
        neurons: number of spiking neurons; 0 if nothing spikes.
    """

    neurons: int

    def new_stream(self) -> Stream:
        """A stream of a further camera."""

    def step(self, streams: Sequence[Stream], counts: Sequence[np.ndarray]) -> list[StepResult]:
        """Advance several cameras by one bin each, as `Stream.step` of each would."""


def step_each(streams: Sequence[Stream], counts: Sequence[np.ndarray]) -> list[StepResult]:
    """One stream after the other: for engines that gain nothing from a batch."""
    return [stream.step(bins) for stream, bins in zip(streams, counts, strict=True)]


def check_bin(config: NetworkConfig, counts: np.ndarray) -> np.ndarray:
    """The counts of a bin, contiguous float32; their shape is checked."""
    expected = (POLARITIES, config.input_size, config.input_size)
    if counts.shape != expected:
        raise ValueError(f"expected counts {expected}, got {counts.shape}")
    return np.ascontiguousarray(counts, np.float32)


def check_start(
    config: NetworkConfig,
    shapes: list[tuple[int, int, int]],
    heatmaps: np.ndarray,
    states: list[np.ndarray],
) -> None:
    """Raise ValueError unless heatmaps and states are of these shapes."""
    expected = (config.joints, config.heatmap_size, config.heatmap_size)
    if heatmaps.shape != expected:
        raise ValueError(f"expected heatmaps {expected}, got {heatmaps.shape}")
    given = [state.shape for state in states]
    if given != shapes:
        raise ValueError(f"expected states {shapes}, got {given}")


def make_engine(
    network: PoseNetwork,
    device: str = "cpu",
    kind: str = "auto",
    threads: int = 1,
    cameras: int = 4,
) -> Engine:
    """The engine for a device: the fastest that can run this network there.

    Args:
        kind: one of ENGINES.
        threads: of the event-driven engine; PyTorch's are set for the whole process.
        cameras: at most so many streams at a time, where the engine has to know (on a GPU).

    Raises:
        ConfigError: unknown kind, or an engine that cannot run this network here.
    """
    from hybrid_pose_ros.runtime.spiking_plan import plan_of

    if kind not in ENGINES:
        raise ConfigError(f"engine must be one of {', '.join(ENGINES)}, got {kind!r}")
    spikes = plan_of(network) is not None
    if kind == "event_driven" or (kind == "auto" and device == "cpu" and spikes):
        engine = _event_driven(network, device, threads, required=kind == "event_driven")
        if engine is not None:
            return engine
    if kind == "cuda_graph" or (kind == "auto" and device == "cuda" and spikes):
        if device != "cuda":
            raise ConfigError(f"engine 'cuda_graph' runs on cuda, got device {device!r}")
        from hybrid_pose_ros.runtime.cuda_engine import CudaEngine

        return CudaEngine(network, device, cameras)
    from hybrid_pose_ros.runtime.torch_engine import TorchEngine

    return TorchEngine(network, device)


def _event_driven(network: PoseNetwork, device: str, threads: int, required: bool) -> Engine | None:
    from hybrid_pose_ros.native.library import library

    if device != "cpu":
        raise ConfigError(f"engine 'event_driven' runs on the cpu, got device {device!r}")
    if library() is None:
        if required:
            raise ConfigError(
                "engine 'event_driven' was not built here; install a C++ compiler and rebuild, "
                "or choose engine 'torch'"
            )
        return None
    from hybrid_pose_ros.runtime.event_driven import EventDrivenEngine

    return EventDrivenEngine(network, threads)
