"""The reference engine: the network's own modules, any kind, on a CPU or on CUDA."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.runtime.engine import StepResult, Stream, check_bin, check_start, step_each
from hybrid_pose_ros.runtime.spiking_plan import SpikingPlan, plan_of


class TorchEngine:
    """Runs `step` of a network; its weights are shared by the streams, which take turns."""

    def __init__(self, network: PoseNetwork, device: str = "cpu") -> None:
        self.network = network.to(device).eval()
        self.device = device
        self.plan = plan_of(network)
        self.neurons = 0 if self.plan is None else self.plan.neurons

    def new_stream(self) -> Stream:
        return _TorchStream(self)

    def step(self, streams: Sequence[Stream], counts: Sequence[np.ndarray]) -> list[StepResult]:
        """One camera at a time: a batch could round differently."""
        return step_each(streams, counts)


class _TorchStream:
    """Keeps its camera's states and output between steps; the modules hold them only within."""

    def __init__(self, engine: TorchEngine) -> None:
        self.engine = engine
        config = engine.network.config
        heatmaps = np.zeros((config.joints, config.heatmap_size, config.heatmap_size), np.float32)
        shapes = engine.network.state_shapes()
        self.load(heatmaps, [np.zeros(shape, np.float32) for shape in shapes])

    def load(self, heatmaps: np.ndarray, states: list[np.ndarray]) -> None:
        network, device = self.engine.network, self.engine.device
        check_start(network.config, network.state_shapes(), heatmaps, states)
        self._output = torch.from_numpy(heatmaps.copy())[None].to(device)
        self._states = [torch.from_numpy(state.copy())[None].to(device) for state in states]

    def states(self) -> list[np.ndarray]:
        return [np.ascontiguousarray(state[0].cpu().numpy()) for state in self._states]

    @torch.inference_mode()
    def step(self, counts: np.ndarray) -> StepResult:
        engine, network = self.engine, self.engine.network
        counts = check_bin(network.config, counts)
        network.set_states(self._states)
        network.output = self._output
        self._output = network.step(torch.from_numpy(counts)[None].to(engine.device))
        self._states = network.states
        heatmaps = self._output[0].float().cpu().numpy().copy()
        moves = getattr(network.config, "motion", False)
        velocity = self._states[-1][0].float().cpu().numpy().copy() if moves else None
        if engine.plan is None:
            return StepResult(heatmaps, 0, 0, velocity=velocity)
        fired = tuple(int(layer.sum()) for layer in network.spikes)
        return counted(heatmaps, engine.plan, counts, fired)._replace(velocity=velocity)


def counted(
    heatmaps: np.ndarray, plan: SpikingPlan, counts: np.ndarray, fired: tuple[int, ...]
) -> StepResult:
    """The result of a spiking network's step; fan-outs are taken as if away from a border.

    Args:
        counts: (2, S, S), or (B, 2, S, S) of several cameras: then the operations of all.
        fired: spikes per layer.
    """
    active = int(np.count_nonzero(counts))
    operations = []
    for layer in plan.layers:
        inputs = sum(fired[i] for i in layer.inputs) if layer.inputs else active
        skipped = 0 if layer.skip is None else fired[layer.skip]
        operations.append(int(layer.fan_out * inputs) + skipped)
    moving = 0 if plan.head.motion is None else plan.head.motion.additions
    moving *= counts[..., 0, 0, 0].size  # bins
    spikes = sum(fired[i] for i in plan.head.inputs)
    operations.append(plan.head.fan_out * spikes + moving)
    return StepResult(heatmaps, sum(fired), sum(operations), fired, tuple(operations))
