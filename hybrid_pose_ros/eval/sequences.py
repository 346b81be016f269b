"""Networks on many windows at once: keyframe and steps in batches, decoded as the runtime does.

Where a keyframe is joined with what the network knew before, the windows run one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hybrid_pose_ros.eval.camera_events import CameraEvents
from hybrid_pose_ros.eval.poses import Firing, Poses
from hybrid_pose_ros.eval.scene import KEYFRAME_NS, Grid
from hybrid_pose_ros.models.lite.decaying import DecayingNetwork
from hybrid_pose_ros.models.lite.spiking_unet import SpikingUnet
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.paper.snn import LAYERS
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.heatmap import decode_heatmaps
from hybrid_pose_ros.runtime.spiking_plan import plan_of
from hybrid_pose_ros.runtime.torch_engine import counted

WARM_UP_NS = 4 * KEYFRAME_NS


@dataclass(frozen=True)
class Start:
    """What a window begins with.

    Attributes:
        states: those of the keyframe; otherwise zero.
        output: the heatmaps of the keyframe; otherwise zero.
        warm: without a keyframe: the bins of the last 0.4 s have been seen.
        carry: of networks that carry: it goes on from the window before.
    """

    states: bool = True
    output: bool = True
    warm: bool = False
    carry: bool = False

    @classmethod
    def live(cls, network: PoseNetwork) -> Start:
        """As the estimator runs it."""
        keyframe = network.has_keyframe
        return cls(keyframe, keyframe, warm=not keyframe, carry=keyframe)


class SequenceEngine:
    """One network, any of the ten, on batches of windows.

    Args:
        network: in eval mode, on its device already.
        batch: windows at a time.
    """

    def __init__(self, network: PoseNetwork, batch: int = 16) -> None:
        self.network = network.eval()
        self.batch = batch
        self.device = next(network.parameters()).device
        self.plan = plan_of(network)
        self.layers = layer_names(network)

    @torch.inference_mode()
    def keyframes(self, view: CameraEvents, times_ns: np.ndarray) -> Poses:
        """The CNN's poses at times (n,): (n, 13, ...)."""
        found = Poses.empty(len(times_ns))
        for first in range(0, len(times_ns), self.batch):
            times = times_ns[first : first + self.batch]
            heatmaps = self.network.keyframe(self._keyframes(view, times))
            self._decode(heatmaps, view.camera, found, [(first + i,) for i in range(len(times))])
        return found

    @torch.inference_mode()
    def roll(self, view: CameraEvents, grid: Grid, start: Start) -> tuple[Poses, Firing | None]:
        """Poses of all windows: (N, steps + 1, 13, ...), and what fired in the steps."""
        found = Poses.empty(*grid.times_ns.shape)
        firing = self._no_firing(grid.steps)
        if start.carry and self.network.carries:
            self._chain(view, grid, found, firing)
            return found, firing
        for late in (False, True):
            steps = grid.steps if late else grid.short_steps
            windows = np.flatnonzero(grid.late == late)
            for first in range(0, len(windows), self.batch):
                self._roll(
                    view, grid, windows[first : first + self.batch], steps, start, found, firing
                )
        return found, firing

    def _roll(
        self, view: CameraEvents, grid: Grid, windows: np.ndarray, steps: int, start: Start,
        found: Poses, firing: Firing | None,
    ) -> None:  # fmt: skip
        starts = grid.starts_ns[windows]
        heatmaps = self._begin(view, grid, starts, start)
        if heatmaps is not None:
            self._decode(heatmaps, view.camera, found, [(w, 0) for w in windows])
        self._steps(view, grid, windows, range(1, steps + 1), found, firing)

    def _chain(self, view: CameraEvents, grid: Grid, found: Poses, firing: Firing | None) -> None:
        """All windows, each from the end of the one before, as the estimator goes on."""
        network, short = self.network, grid.short_steps
        network.reset(1)
        first = int(grid.starts_ns[0])
        begin = first % KEYFRAME_NS or KEYFRAME_NS
        self._look_back(view, np.array([begin]), grid.bin_ns)
        for start_ns in range(begin, first, KEYFRAME_NS):
            network.correct(self._keyframes(view, np.array([start_ns])))
            for step in range(short):
                self._step(view, np.array([start_ns + step * grid.bin_ns]), grid.bin_ns)
        for number in range(len(grid.starts_ns)):
            window = np.array([number])
            heatmaps = network.correct(self._keyframes(view, grid.starts_ns[window]))
            self._decode(heatmaps, view.camera, found, [(number, 0)])
            self._steps(view, grid, window, range(1, short + 1), found, firing)
            if grid.late[number]:
                states, output, recent = network.states, network.output, network.recent
                self._steps(view, grid, window, range(short + 1, grid.steps + 1), found, firing)
                network.set_states(states)
                network.output, network.recent = output, recent

    def _steps(
        self, view: CameraEvents, grid: Grid, windows: np.ndarray, steps: range, found: Poses,
        firing: Firing | None,
    ) -> None:  # fmt: skip
        starts = grid.starts_ns[windows]
        for step in steps:
            counts, heatmaps = self._step(view, starts + (step - 1) * grid.bin_ns, grid.bin_ns)
            places: list[tuple[int, ...]] = [(w, step) for w in windows]
            self._decode(heatmaps, view.camera, found, places, self.network.velocity)
            if firing is not None:
                self._count(firing, step - 1, counts)

    def _step(
        self, view: CameraEvents, starts_ns: np.ndarray, bin_ns: int
    ) -> tuple[np.ndarray, Tensor]:
        counts = view.bins(self.network.config, starts_ns, bin_ns)
        return counts, self.network.step(torch.from_numpy(counts).to(self.device))

    def _keyframes(self, view: CameraEvents, times_ns: np.ndarray) -> Tensor:
        x = torch.from_numpy(view.keyframes(self.network.config, times_ns))
        return x.contiguous(memory_format=torch.channels_last).to(self.device)

    def _begin(
        self, view: CameraEvents, grid: Grid, starts: np.ndarray, start: Start
    ) -> Tensor | None:
        """States and output of the windows' beginnings; the heatmaps there if there are any."""
        network = self.network
        heatmaps: Tensor | None = None
        network.reset(len(starts))
        if start.states or start.output:
            zero, flat = [torch.zeros_like(state) for state in network.states], network.output
            heatmaps = network.keyframe(self._keyframes(view, starts))
            self._look_back(view, starts, grid.bin_ns)
            if not start.states:
                network.set_states(zero)
            if not start.output:
                network.output, heatmaps = flat, None
        elif start.warm:
            for t_ns in range(-WARM_UP_NS, 0, grid.bin_ns):
                _, heatmaps = self._step(view, starts + t_ns, grid.bin_ns)
        return heatmaps

    def _look_back(self, view: CameraEvents, starts_ns: np.ndarray, bin_ns: int) -> None:
        """Show the network the bins before the windows that it looks back to."""
        network = self.network
        earlier = range(-network.delays[-1], 0)
        if not earlier:
            return
        bins = [view.bins(network.config, starts_ns + i * bin_ns, bin_ns) for i in earlier]
        network.see(torch.from_numpy(np.stack(bins)).to(self.device))

    def _decode(
        self, heatmaps: Tensor, camera: Camera, found: Poses, places: list[tuple[int, ...]],
        velocities: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        network = self.network
        maps = np.ascontiguousarray(heatmaps.float().cpu().numpy())
        ahead = network.ahead(velocities)
        for i, (place, one) in enumerate(zip(places, maps, strict=True)):
            pose = decode_heatmaps(
                one, camera.crop, network.config.preset, network.covariance_scale,
                None if ahead is None else ahead[i],
            )  # fmt: skip
            found.put(place, Poses(pose.uv, pose.covariance, pose.confidence))

    def _no_firing(self, steps: int) -> Firing | None:
        if self.plan is None:
            return None
        neurons = np.array([*(np.prod(layer.shape) for layer in self.plan.layers), 0], np.int64)
        shape = (len(neurons), steps)
        return Firing(self.layers, neurons, np.zeros(shape), np.zeros(shape), np.zeros(steps))

    def _count(self, firing: Firing, step: int, counts: np.ndarray) -> None:
        assert self.plan is not None
        fired = tuple(int(layer.sum()) for layer in self.network.spikes)
        assert self.network.seen is not None, "it has run a step"
        active = int(self.network.seen.count_nonzero())
        result = counted(counts, self.plan, active, fired, len(counts))
        firing.spikes[:, step] += [*fired, 0]
        firing.operations[:, step] += result.layer_operations
        firing.windows[step] += len(counts)


def layer_names(network: PoseNetwork) -> tuple[str, ...]:
    """Names of the spiking layers and "head"; empty where nothing spikes."""
    if plan_of(network) is None:
        return ()
    if isinstance(network, DecayingNetwork) and isinstance(network.part, SpikingUnet):
        return (*network.part.BLOCKS, "head")
    return (*(name for name, _, _ in LAYERS), "head")
