"""The GPU engine: all cameras in one batch, half precision, each step the replay of one CUDA graph.

Where Triton is installed (it comes with PyTorch's CUDA builds) batch norm, neuron and spikes are
one kernel per layer; else PyTorch's operators are captured. Half precision rounds the sums, so that
some neurons near their threshold fire a bin earlier or later than the reference's.
"""

from __future__ import annotations

import importlib.util
import weakref
from collections.abc import Sequence

import numpy as np
import torch

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.runtime import spiking_batch
from hybrid_pose_ros.runtime.engine import StepResult, Stream, check_bin, check_start
from hybrid_pose_ros.runtime.recent_bins import RecentBins
from hybrid_pose_ros.runtime.spiking_batch import SpikingBatch
from hybrid_pose_ros.runtime.spiking_plan import plan_of
from hybrid_pose_ros.runtime.torch_engine import counted

WARM_UP_STEPS = 3


class CudaEngine:
    """A spiking network for a fixed number of cameras.

    Args:
        network: of either preset.
        device: "cuda"; "cpu" runs the same operations uncaptured, in float32 (for tests).
        cameras: slots of the batch; a step costs about the same however many are used.

    Raises:
        ConfigError: the network does not spike.
    """

    def __init__(self, network: PoseNetwork, device: str = "cuda", cameras: int = 4) -> None:
        plan = plan_of(network)
        if plan is None:
            raise ConfigError(
                f"engine 'cuda_graph' runs spiking networks, got {network.config.preset}/"
                f"{network.kind}; use engine 'torch'"
            )
        self.config = network.config
        self.shapes = network.state_shapes()
        self.neurons = plan.neurons
        self.plan = plan
        captured = device != "cpu"
        fire = spiking_batch.fire
        if captured and importlib.util.find_spec("triton") is not None:
            from hybrid_pose_ros.runtime import fire_kernel

            fire = fire_kernel.fire
        dtype = torch.float16 if captured else torch.float32
        with torch.no_grad():
            self.batch = SpikingBatch(plan, network.config, cameras, device, dtype, fire)
            self._graph = self._capture() if captured else None
        self._free = list(range(cameras))

    def new_stream(self) -> Stream:
        """A stream in a slot of its own.

        Raises:
            ConfigError: every slot is taken.
        """
        if not self._free:
            cameras = len(self.batch.active)
            raise ConfigError(f"this engine has slots for {cameras} cameras; give it more")
        stream = _CudaStream(self, self._free.pop(0))
        weakref.finalize(stream, self._free.append, stream.slot)
        return stream

    def step(self, streams: Sequence[Stream], counts: Sequence[np.ndarray]) -> list[StepResult]:
        """One bin of several cameras at once; the other slots keep their states."""
        batch = self.batch
        bins = [_checked(check_bin(self.config, each)) for each in counts]
        slots = [stream.slot for stream in streams if isinstance(stream, _CudaStream)]
        if len(set(slots)) != len(bins):
            raise ValueError(f"expected {len(bins)} streams of this engine, got {len(set(slots))}")
        with torch.inference_mode():
            # One copy each way: launching costs more than the few idle slots' bytes.
            host = np.zeros(tuple(batch.counts.shape), np.float32)
            host[slots] = bins
            active = np.zeros(len(batch.active), bool)
            active[slots] = True
            batch.counts.copy_(torch.from_numpy(host))
            batch.active.copy_(torch.from_numpy(active))
            self.advance()
            heatmaps, fired = batch.heatmaps.cpu().numpy(), batch.fired.cpu().numpy()
            seen = batch.seen.tolist()
            moves = self.plan.head.motion is not None
            velocities = batch.velocity.cpu().numpy() if moves else [None] * len(host)
        return [
            counted(
                heatmaps[slot].copy(), self.plan, seen[slot], tuple(fired[:, slot].tolist())
            )._replace(velocity=velocities[slot])
            for slot in slots
        ]

    def advance(self) -> None:
        """The step itself, on what `batch.counts` and `batch.active` hold."""
        if self._graph is None:
            self.batch.step()
        else:
            self._graph.replay()

    def _capture(self) -> torch.cuda.CUDAGraph:
        """Record a step. It runs a few times first, with all cameras idle: nothing moves."""
        self.batch.active.fill_(False)
        torch.backends.cudnn.benchmark = True  # shapes are fixed
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP_STEPS):
                self.batch.step()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.batch.step()
        return graph


def _checked(counts: np.ndarray) -> np.ndarray:
    low, high = float(counts.min()), float(counts.max())
    if not (low >= 0 and high < np.inf):  # false for NaN too
        raise ValueError(f"counts must be finite and >= 0, got {low} to {high}")
    return counts


class _CudaStream:
    """One slot of the batch."""

    def __init__(self, engine: CudaEngine, slot: int) -> None:
        self.engine = engine
        self.slot = slot
        config = engine.config
        heatmaps = np.zeros((config.joints, config.heatmap_size, config.heatmap_size), np.float32)
        self.load(heatmaps, [np.zeros(shape, np.float32) for shape in engine.shapes])

    @torch.inference_mode()
    def load(
        self, heatmaps: np.ndarray, states: list[np.ndarray], before: Sequence[np.ndarray] = ()
    ) -> None:
        engine = self.engine
        check_start(engine.config, engine.shapes, heatmaps, states)
        engine.batch.heatmaps[self.slot] = torch.from_numpy(heatmaps)
        for tensor, state in zip(engine.batch.states, states, strict=True):
            tensor[self.slot] = torch.from_numpy(state)
        recent = RecentBins(engine.plan.delays, engine.config.input_size)
        recent.start(before)
        engine.batch.recent[self.slot] = torch.from_numpy(recent.newest_first())

    def states(self) -> list[np.ndarray]:
        states = self.engine.batch.states
        return [np.array(each[self.slot].cpu().numpy(), order="C") for each in states]

    def step(self, counts: np.ndarray) -> StepResult:
        return self.engine.step([self], [counts])[0]
