"""The event-driven engine: a spiking network on a CPU, one addition per spike and synapse.

    current_l = BN(sum of the weight rows of the spikes under the taps)
    v_l = v_l + (current_l - v_l) / tau;  spike where v_l >= 1;  v_l -= spike

Sums run in another order than PyTorch's and batch norm and neurons are computed exactly as there:
where the sums are exact so are the spikes; elsewhere a neuron within rounding of its threshold may
fire one bin earlier or later. Layers that interpolate do so after the sums, so that a spike has 25
targets per channel there instead of 64 (runtime/event_tables.py). The kernels are C++ (src/);
threads sleep when there is no work.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Sequence

import numpy as np
import torch

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.lite.motion_kernels import forward
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.native.library import INSTRUCTION_SETS, Layer, library
from hybrid_pose_ros.runtime.engine import StepResult, Stream, check_bin, check_start, step_each
from hybrid_pose_ros.runtime.event_network import EventNetwork, adds, size_of
from hybrid_pose_ros.runtime.recent_bins import RecentBins
from hybrid_pose_ros.runtime.spiking_plan import plan_of


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
        self.neurons = plan.neurons
        self.lock = threading.Lock()  # the scratch memory is shared by the streams
        self.native = EventNetwork(plan, network.config.input_size)
        self.layers, self.biases = self.native.layers, self.native.biases
        self.handle = kernels.spiking_engine_new(
            (Layer * len(self.layers))(*self.layers), len(self.layers),
            self.native.head, plan.tau, threads,
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


class _EventDrivenStream:
    """Potentials and output of one camera."""

    def __init__(self, engine: EventDrivenEngine) -> None:
        self.engine = engine
        head = engine.plan.head
        side = engine.config.heatmap_size
        # Aligned for vectors, unlike numpy's: membranes, then resting potentials.
        self.potentials = torch.zeros(engine.native.potentials)
        resting = [layer for layer in engine.layers if layer.rests_at >= 0]
        self._states = [(layer, layer.membranes_at) for layer in engine.layers]
        self._states += [(layer, layer.rests_at) for layer in resting]
        self.heatmaps = np.zeros((engine.config.joints, side, side), np.float32)
        self.velocity = np.zeros((engine.config.joints, 2), np.float32)  # only if they move
        self._moved = (self.heatmaps[None, None].copy(), self.velocity[None, None].copy())
        self.change = self.heatmaps
        if not adds(head):
            rows = side // 2 if head.doubled else side
            self.change = np.zeros((head.conv.out_channels, rows, rows), np.float32)
        self.recent = RecentBins(engine.plan.delays, engine.config.input_size)
        self.fired = np.zeros(len(engine.layers), np.int64)
        self.additions = np.zeros(len(engine.layers) + 1, np.int64)
        # The arrays are never replaced, so their addresses are looked up only once.
        arrays = (self.change, self.velocity, self.fired, self.additions)
        self._at = (self.potentials.data_ptr(), *(array.ctypes.data for array in arrays))

    def load(
        self, heatmaps: np.ndarray, states: list[np.ndarray], before: Sequence[np.ndarray] = ()
    ) -> None:
        engine = self.engine
        check_start(engine.config, engine.shapes, heatmaps, states)
        self.recent.start(before)
        self.heatmaps[:] = heatmaps
        if engine.plan.head.motion is not None:
            self.velocity[:] = states[-1].reshape(-1, 2)
        for (layer, at), state in zip(self._states, states, strict=False):
            tensor = torch.from_numpy(state)
            for channels, view in self._slices(layer, at, len(state)):
                view.copy_(tensor[channels])

    def states(self) -> list[np.ndarray]:
        pairs = zip(self._states, self.engine.shapes, strict=False)
        potentials = [
            torch.cat([view for _, view in self._slices(layer, at, shape[0])]).numpy()
            for (layer, at), shape in pairs
        ]
        moves = self.engine.plan.head.motion is not None
        return potentials + ([self.velocity.reshape(-1, 1, 1).copy()] if moves else [])

    def step(self, counts: np.ndarray) -> StepResult:
        engine = self.engine
        counts = check_bin(engine.config, counts)
        bins = np.array([each.ctypes.data for each in self.recent.seen_with(counts)], np.uintp)
        with engine.lock:
            done = engine.kernels.spiking_engine_step(engine.handle, bins.ctypes.data, *self._at)
        if not done:
            low, high = counts.min(), counts.max()
            raise ValueError(f"counts must be finite and >= 0, got {low} to {high}")
        self.recent.add(counts)
        if self.change is not self.heatmaps:
            self._add_change()
        velocity = None
        if engine.plan.head.motion is not None:
            self.additions[-1] += engine.plan.head.motion.additions
            velocity = self.velocity.reshape(-1, 1, 1).copy()
        spikes, additions = tuple(self.fired.tolist()), tuple(self.additions.tolist())
        return StepResult(
            self.heatmaps.copy(), sum(spikes), sum(additions), spikes, additions, velocity
        )

    def _add_change(self) -> None:
        """What the kernels leave to others: doubled maps, and how these move the heatmaps."""
        head = self.engine.plan.head
        change = torch.from_numpy(self.change)[None]
        if head.doubled:
            change = torch.nn.functional.interpolate(change, scale_factor=2, mode="bilinear")
        if head.motion is None:
            self.heatmaps *= np.float32(head.keep)
            self.heatmaps += change[0].numpy()
            return
        # The loops themselves: PyTorch's way to them costs twice as much as they do.
        forward(
            change.numpy()[None], self.heatmaps[None], self.velocity[None], np.float32(head.keep),
            head.motion.keep.numpy(), head.motion.noise.numpy(), np.float32(head.motion.sharpness),
            *self._moved,
        )  # fmt: skip
        self.heatmaps[:] = self._moved[0][0, 0]
        self.velocity[:] = self._moved[1][0, 0]

    def _slices(self, layer: Layer, at: int, channels: int) -> list[tuple[slice, torch.Tensor]]:
        """A layer's potentials that begin at `at`: which channels, and these as (C, H, W) views."""
        part = self.potentials[at : at + size_of(layer)]
        width = layer.slice_channels
        slices = part.view(-1, layer.out_height, layer.out_width, width).permute(0, 3, 1, 2)
        return [
            (slice(i * width, (i + 1) * width), view[: channels - i * width])
            for i, view in enumerate(slices)
        ]
