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

    def load(
        self, heatmaps: np.ndarray, states: list[np.ndarray], before: Sequence[np.ndarray] = ()
    ) -> None:
        network, device = self.engine.network, self.engine.device
        check_start(network.config, network.state_shapes(), heatmaps, states)
        self._output = torch.from_numpy(heatmaps.copy())[None].to(device)
        self._states = [torch.from_numpy(state.copy())[None].to(device) for state in states]
        self._recent: torch.Tensor | None = None
        if len(before) and network.delays[-1]:
            network.see(torch.from_numpy(np.stack(before))[:, None].to(device))
            self._recent = network.recent

    def states(self) -> list[np.ndarray]:
        return [np.ascontiguousarray(state[0].cpu().numpy()) for state in self._states]

    @torch.inference_mode()
    def step(self, counts: np.ndarray) -> StepResult:
        engine, network = self.engine, self.engine.network
        counts = check_bin(network.config, counts)
        network.set_states(self._states)
        network.output, network.recent = self._output, self._recent
        self._output = network.step(torch.from_numpy(counts)[None].to(engine.device))
        self._states, self._recent = network.states, network.recent
        heatmaps = self._output[0].float().cpu().numpy().copy()
        moves = getattr(network.config, "motion", False)
        velocity = self._states[-1][0].float().cpu().numpy().copy() if moves else None
        if engine.plan is None:
            return StepResult(heatmaps, 0, 0, velocity=velocity)
        fired = tuple(int(layer.sum()) for layer in network.spikes)
        assert network.seen is not None, "it has run a step"
        active = int(network.seen.count_nonzero())
        return counted(heatmaps, engine.plan, active, fired)._replace(velocity=velocity)


def counted(
    heatmaps: np.ndarray, plan: SpikingPlan, active: int, fired: tuple[int, ...], bins: int = 1
) -> StepResult:
    """The result of a spiking network's step; fan-outs are taken as if away from a border.

    Args:
        active: event counts that the first layer saw and that were not zero.
        fired: spikes per layer.
        bins: of so many cameras the operations are counted together.
    """
    operations = []
    for layer in plan.layers:
        inputs = sum(fired[i] for i in layer.inputs) if layer.inputs else active
        skipped = 0 if layer.skip is None else fired[layer.skip]
        operations.append(int(layer.fan_out * inputs) + skipped)
    moving = 0 if plan.head.motion is None else plan.head.motion.additions * bins
    spikes = sum(fired[i] for i in plan.head.inputs)
    operations.append(plan.head.fan_out * spikes + moving)
    return StepResult(heatmaps, sum(fired), sum(operations), fired, tuple(operations))
