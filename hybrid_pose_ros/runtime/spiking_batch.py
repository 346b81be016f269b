"""A spiking network's step for a batch of cameras on preallocated tensors, as CUDA graphs need it.

    layer:  sums = conv(spikes);  x = gain * sums + bias (+ joined);  v = v + (x - v) / tau;  fire

What joins are spikes of an earlier layer, resting potentials, or both.

Layers that double the size run at the low resolution, all four phases of their outputs as channels
of one convolution (runtime/spiking_tables.py); the rows and columns at the border get what
interpolation adds there by three thin convolutions. Tensors are channels-last. Membranes stay
float32 whatever the precision of weights and spikes: a neuron near its threshold needs the digits.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hybrid_pose_ros.models.config import NetworkConfig
from hybrid_pose_ros.models.lite.motion import advance_plainly
from hybrid_pose_ros.runtime.spiking_plan import PlannedLayer, SpikingPlan, batch_norm
from hybrid_pose_ros.runtime.spiking_tables import Axis, axis_of

# (sums, gain, bias, joined or None, membranes, active, shift, tau, spikes, fired) -> None
Fire = Callable[
    [Tensor, Tensor, Tensor, Tensor | None, Tensor, Tensor, int, float, Tensor, Tensor], None
]
PLAIN = -1  # in place of a shift: sums are of the outputs' size


def fire(
    sums: Tensor, gain: Tensor, bias: Tensor, joined: Tensor | None, membranes: Tensor,
    active: Tensor, shift: int, tau: float, spikes: Tensor, fired: Tensor,
) -> None:  # fmt: skip
    """Batch norm, neuron and spikes with PyTorch's operators; changes its last arguments.

    Args:
        sums: (B, C, H, W), or (B, 4 C, cells, cells) with the phases outermost.
        gain, bias: (C,) float32 of the batch norm.
        joined: (B, C, H, W) of either precision, added to the current.
        membranes: (B, C, H, W) float32, changed.
        active: (B,) bool; the other cameras keep their membranes.
        shift: PLAIN, or how many rows the first cell begins above the outputs.
        spikes: (B, C, H, W), filled; fired: (B,) int32, filled with their numbers.
    """
    height, width = spikes.shape[2:]
    if shift != PLAIN:
        phases = sums.unflatten(1, (2, 2, -1)).permute(0, 3, 4, 1, 5, 2)
        sums = phases.flatten(4, 5).flatten(2, 3)
        sums = sums[:, :, shift : shift + height, shift : shift + width]
    x = torch.addcmul(bias[:, None, None], sums.float(), gain[:, None, None])
    if joined is not None:
        x = x + joined
    charged = membranes + (x - membranes) / tau
    fires = charged >= 1.0
    spikes.copy_(fires)
    fired.copy_(fires.sum((1, 2, 3)))
    membranes.copy_(torch.where(active[:, None, None, None], charged - spikes, membranes))


class Sums(nn.Module):
    """What one layer's spikes sum up to, before batch norm."""

    inner: Tensor
    rows: Tensor
    columns: Tensor
    corners: Tensor

    def __init__(self, layer: PlannedLayer) -> None:
        super().__init__()
        axis = axis_of(layer)
        weights = layer.conv.weight.detach().cpu().double()
        if isinstance(layer.conv, nn.ConvTranspose2d):
            weights = weights.transpose(0, 1)
        self.axis = axis
        self.shift = axis.shift if axis.phases == 2 else PLAIN
        self.register_buffer("inner", _kernel(weights, axis.inner, axis.inner))
        if axis.border is not None:
            start, end = axis.border[: axis.edge], axis.border[axis.edge : 2 * axis.edge]
            self.register_buffer("rows", _strips(weights, axis, (start, end), vertical=True))
            self.register_buffer("columns", _strips(weights, axis, (start, end), vertical=False))
            self.register_buffer("corners", _corners(weights, (start, end)))

    def forward(self, x: Tensor) -> Tensor:
        axis = self.axis
        pad = axis.origin
        cells = F.conv2d(x, self.inner, stride=axis.stride, padding=pad)
        cells = cells[:, :, : axis.cells(x.shape[2]), : axis.cells(x.shape[3])]
        if axis.border is None:
            return cells
        self._add_rows(x, cells)
        self._add_columns(x, cells)
        self._add_corners(x, cells)
        return cells

    def _add_rows(self, x: Tensor, cells: Tensor) -> None:
        e, channels, columns = self.axis.edge, cells.shape[1], cells.shape[3]
        ends = torch.cat([x[:, :, :1], x[:, :, -1:]], 1)
        strip = F.conv2d(ends, self.rows, padding=(0, self.axis.origin), groups=2)
        strip = strip[:, :, 0, :columns].unflatten(1, (2, channels, e))
        cells[:, :, :e] += strip[:, 0]
        cells[:, :, -e:] += strip[:, 1]

    def _add_columns(self, x: Tensor, cells: Tensor) -> None:
        e, channels, rows = self.axis.edge, cells.shape[1], cells.shape[2]
        ends = torch.cat([x[:, :, :, :1], x[:, :, :, -1:]], 1)
        strip = F.conv2d(ends, self.columns, padding=(self.axis.origin, 0), groups=2)
        strip = strip[:, :, :rows, 0].unflatten(1, (2, channels, e)).transpose(3, 4)
        cells[:, :, :, :e] += strip[:, 0]
        cells[:, :, :, -e:] += strip[:, 1]

    def _add_corners(self, x: Tensor, cells: Tensor) -> None:
        e, channels = self.axis.edge, cells.shape[1]
        ends = [x[:, :, i, j] for i in (0, -1) for j in (0, -1)]
        patch = F.conv2d(torch.cat(ends, 1)[:, :, None, None], self.corners, groups=4)
        patch = patch.flatten(1).unflatten(1, (2, 2, channels, e, e))
        for i, vertical in enumerate((slice(0, e), slice(-e, None))):
            for j, horizontal in enumerate((slice(0, e), slice(-e, None))):
                cells[:, :, vertical, horizontal] += patch[:, i, j]


def _kernel(weights: Tensor, vertical: object, horizontal: object) -> Tensor:
    """(phases * phases * C_out, C_in, taps, taps) of the shares along both axes."""
    part = torch.einsum("apk,oikl->apoil", torch.as_tensor(vertical), weights)
    part = torch.einsum("bql,apoil->pqoiab", torch.as_tensor(horizontal), part)
    return part.flatten(0, 2).float()


def _strips(weights: Tensor, axis: Axis, ends: tuple, vertical: bool) -> Tensor:
    """(2 ends * channels * edge, C_in, 1, taps), or with the last two exchanged."""
    kernels = []
    for end in ends:
        kernel = _kernel(weights, *((end, axis.inner) if vertical else (axis.inner, end)))
        dim = 2 if vertical else 3  # the border cell: an output, not a tap
        kernels.append(kernel.movedim(dim, 1).flatten(0, 1).unsqueeze(dim))
    return torch.cat(kernels)


def _corners(weights: Tensor, ends: tuple) -> Tensor:
    """(4 corners * channels * edge * edge, C_in, 1, 1)."""
    kernels = [_kernel(weights, top, left) for top in ends for left in ends]
    return torch.cat([k.permute(0, 2, 3, 1).flatten(0, 2) for k in kernels])[:, :, None, None]


class SpikingBatch(nn.Module):
    """All states of `batch` cameras and the step that advances them.

    Attributes:
        counts: (B, 2, S, S), to be filled before `step`.
        recent: (B, 2 n, S, S) the n last bins of networks with `delays`, the newest first.
        seen: (B,) int32, counts that the first layer saw in the last step and that were not zero.
        active: (B,) bool, cameras that the step advances.
        heatmaps: (B, 13, h, w) float32. membranes: list of (B, C, H, W) float32.
        rests: layer -> (B, C, H, W) float32 resting potentials of those that have any.
        states: membranes, resting potentials and, where the heatmaps move, the joints' velocities
            (B, 26, 1, 1).
        fired: (layers, B) int32, spikes of the last step.
    """

    def __init__(
        self, plan: SpikingPlan, config: NetworkConfig, batch: int, device: str,
        dtype: torch.dtype = torch.float32, fire: Fire = fire,
    ) -> None:  # fmt: skip
        super().__init__()
        self.plan, self._fire = plan, fire
        self._sums = [Sums(layer) for layer in plan.layers]
        self._layers = nn.ModuleList(self._sums)
        self.head_weights, self.head_bias = _head(plan)
        self.to(device=device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.head_weights = self.head_weights.to(device, dtype)
        self.head_bias = self.head_bias.to(device)
        self.norms = [
            [torch.from_numpy(v).to(device) for v in batch_norm(layer.norm)]
            for layer in plan.layers
        ]
        side, h = config.input_size, config.heatmap_size

        def maps(channels: int, rows: int, kind: torch.dtype) -> Tensor:
            zeros = torch.zeros(batch, channels, rows, rows, device=device, dtype=kind)
            return zeros.contiguous(memory_format=torch.channels_last)

        shapes = [layer.shape for layer in plan.layers]
        self.counts = maps(2, side, dtype)
        self.recent = maps(2 * plan.delays[-1], side, dtype)
        self.seen = torch.zeros(batch, dtype=torch.int32, device=device)
        self.membranes = [maps(c, rows, torch.float32) for c, rows, _ in shapes]
        self.spikes = [maps(c, rows, dtype) for c, rows, _ in shapes]
        resting = [i for i, layer in enumerate(plan.layers) if layer.rests]
        self.rests = {i: maps(*shapes[i][:2], torch.float32) for i in resting}
        self.states = [*self.membranes, *self.rests.values()]
        if plan.head.motion is not None:
            self.keep = plan.head.motion.keep.to(device)
            self.noise = plan.head.motion.noise.to(device)
            self.velocity = torch.zeros(batch, 2 * config.joints, 1, 1, device=device)
            self.states.append(self.velocity)
        self.heatmaps = torch.zeros(batch, config.joints, h, h, device=device)
        self.active = torch.ones(batch, dtype=torch.bool, device=device)
        self.fired = torch.zeros(len(shapes), batch, dtype=torch.int32, device=device)

    def step(self) -> None:
        """One bin of every active camera. Allocates nothing that a graph could not replay."""
        chosen = self.active[:, None, None, None]
        counts = self._seen(chosen)
        for i, layer in enumerate(self.plan.layers):
            inputs = [self.spikes[k] for k in layer.inputs] or [counts]
            x = torch.cat(inputs, 1) if len(inputs) > 1 else inputs[0]
            joined = self._joined(i)
            sums = self._sums[i]
            gain, bias = self.norms[i]
            self._fire(
                sums(x), gain, bias, joined, self.membranes[i], self.active, sums.shift,
                self.plan.tau, self.spikes[i], self.fired[i],
            )  # fmt: skip
        head = self.plan.head
        x = torch.cat([self.spikes[k] for k in head.inputs], 1)
        change = F.conv2d(x, self.head_weights).float() + self.head_bias
        if head.doubled:
            change = F.interpolate(change, scale_factor=2, mode="bilinear")
        if head.motion is None:
            moved = torch.add(change, self.heatmaps, alpha=head.keep)
        else:
            moved, velocity = self._moved(change)
            self.velocity.copy_(torch.where(chosen, velocity, self.velocity))
        self.heatmaps.copy_(torch.where(chosen, moved, self.heatmaps))

    def _seen(self, chosen: Tensor) -> Tensor:
        """(B, 2 D, S, S) this bin and those of the delays; then it is the newest of the last."""
        past = [self.recent[:, 2 * (d - 1) : 2 * d] for d in self.plan.delays[1:]]
        seen = torch.cat([self.counts, *past], 1) if past else self.counts
        self.seen.copy_((seen != 0).sum((1, 2, 3)))
        if past:
            last = torch.cat([self.counts, self.recent[:, :-2]], 1)
            self.recent.copy_(torch.where(chosen, last, self.recent))
        return seen

    def _joined(self, i: int) -> Tensor | None:
        """What joins a layer's current; None if nothing does."""
        skip, rest = self.plan.layers[i].skip, self.rests.get(i)
        if skip is None or rest is None:
            return rest if skip is None else self.spikes[skip]
        return self.spikes[skip] + rest

    def _moved(self, change: Tensor) -> tuple[Tensor, Tensor]:
        """Heatmaps and velocities after a head's maps (B, 39, h, w)."""
        head = self.plan.head
        assert head.motion is not None
        maps, velocities = advance_plainly(
            change[None], self.heatmaps, self.velocity.flatten(1).unflatten(1, (-1, 2)),
            head.keep, self.keep, self.noise, head.motion.sharpness,
        )  # fmt: skip
        return maps[0], velocities[0].flatten(1)[:, :, None, None]


def _head(plan: SpikingPlan) -> tuple[Tensor, Tensor]:
    """Weights (13, C, 1, 1) and bias (13, 1, 1) of the head, its batch norm and gain in them."""
    head = plan.head
    weights = head.conv.weight.detach().cpu().float()
    bias = weights.new_zeros(weights.shape[0])
    if head.norm is not None:
        gain, bias = (torch.from_numpy(v) for v in batch_norm(head.norm))
        weights = weights * gain[:, None, None, None]
    return head.gain * weights, (head.gain * bias)[:, None, None]
