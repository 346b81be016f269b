"""What an engine needs to know of a spiking network: its layers in order and how they are wired.

    layer:  current = BN(conv(concatenated spikes [, doubled])) [+ spikes of `skip`]
                      [+ resting potential] -> LIF
    head:   output = keep * output + gain * BN(conv1x1(spikes))

The same for the `paper` and the `lite` networks, alone and in a hybrid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from hybrid_pose_ros.models.lite.decaying import DecayingNetwork
from hybrid_pose_ros.models.lite.spiking_unet import SpikingUnet
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.paper.hybrid_cnn_snn import PaperHybridSnn
from hybrid_pose_ros.models.paper.snn import PaperSnn

Conv = nn.Conv2d | nn.ConvTranspose2d


@dataclass(frozen=True)
class PlannedLayer:
    """One spiking layer.

    Attributes:
        conv: without bias; transposed convolutions double the size themselves.
        inputs: numbers of the layers whose spikes are concatenated; empty: the event counts.
        doubled: the input is interpolated to twice its size first (bilinear).
        skip: number of a layer whose spikes join the current, or None.
        rests: its neurons have resting potentials, a state of their own after all membranes.
        shape: (C, H, W) of its neurons.
    """

    conv: Conv
    norm: nn.BatchNorm2d
    inputs: tuple[int, ...]
    shape: tuple[int, int, int]
    doubled: bool = False
    skip: int | None = None
    rests: bool = False

    @property
    def fan_out(self) -> float:
        """Neurons that a spike reaches, away from the border."""
        taps: float = self.conv.kernel_size[0] * self.conv.kernel_size[1]
        if self.doubled:
            taps = float((self.conv.kernel_size[0] + 3) * (self.conv.kernel_size[1] + 3))
        elif isinstance(self.conv, nn.Conv2d):
            taps /= self.conv.stride[0] * self.conv.stride[1]
        return taps * self.conv.out_channels


@dataclass(frozen=True)
class Motion:
    """What `models.lite.motion.advance` needs beside maps and states.

    Attributes:
        cells: of all heatmaps together.
        channels: that the head reads.
    """

    keep: Tensor
    noise: Tensor
    sharpness: float
    cells: int
    channels: int

    @property
    def additions(self) -> int:
        """What moving the heatmaps costs, in additions.

        Nine multiply-accumulates (softmax 6, moving 3) and two subtractions a cell, two
        multiply-accumulates per joint and channel for the velocities (src/motion.hpp has the
        order); each of the former is as dear as five additions (eval/energy.py).
        """
        return 47 * self.cells + 5 * 2 * len(self.keep) * self.channels


@dataclass(frozen=True)
class PlannedHead:
    """The 1 x 1 convolution after the last layers.

    Attributes:
        inputs: numbers of the two layers whose spikes are concatenated.
        keep, gain: see the module's docstring.
        doubled: its maps are interpolated to twice their size.
        motion: how its maps move the heatmaps, see models/lite/motion.py; None: they are added.
    """

    conv: nn.Conv2d
    norm: nn.BatchNorm2d | None
    inputs: tuple[int, int]
    keep: float
    gain: float = 1.0
    doubled: bool = False
    motion: Motion | None = None

    @property
    def fan_out(self) -> int:
        """Additions of a spike: one per map; with motion two per joint (its map, and velocity)."""
        return self.conv.out_channels if self.motion is None else 2 * len(self.motion.keep)


@dataclass(frozen=True)
class SpikingPlan:
    """All layers of one network; `tau` and `delays` (what the first layer sees) in bins."""

    layers: tuple[PlannedLayer, ...]
    head: PlannedHead
    tau: float
    delays: tuple[int, ...] = (0,)

    @property
    def neurons(self) -> int:
        """Number of spiking neurons."""
        return sum(int(np.prod(layer.shape)) for layer in self.layers)


def plan_of(network: PoseNetwork) -> SpikingPlan | None:
    """The plan of a spiking network, or None for any other."""
    if isinstance(network, PaperSnn | PaperHybridSnn):
        return _paper_plan(network)
    if isinstance(network, DecayingNetwork) and isinstance(network.part, SpikingUnet):
        return _lite_plan(network, network.part)
    return None


def batch_norm(norm: nn.BatchNorm2d) -> tuple[np.ndarray, np.ndarray]:
    """Gain and bias per channel, float32, rounded as PyTorch rounds them in eval mode."""
    mean, variance, weight, shift = (
        _numpy(value) for value in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    inverse = np.float32(1) / np.sqrt(variance + np.float32(norm.eps))
    gain = (inverse * weight).astype(np.float32)
    bias = shift.astype(np.float64) - mean.astype(np.float64) * gain.astype(np.float64)
    return gain, bias.astype(np.float32)


def _numpy(tensor: Tensor | None) -> np.ndarray:
    assert tensor is not None, "batch norms keep running statistics"
    return tensor.detach().cpu().numpy()


def _paper_plan(network: PaperSnn | PaperHybridSnn) -> SpikingPlan:
    modules: dict[str, Any] = dict(network.named_children())
    alone = isinstance(network, PaperSnn)
    if not alone:
        modules = {name.removesuffix("_snn"): module for name, module in modules.items()}
    static, residual = modules["static_conv"], modules["residualBlock"]
    if alone:
        residual = residual[0]
    first = (static[0], static[1]) if alone else (static.conv2d, static.norm_layer)
    downs = [modules[f"down{i}"].conv for i in (1, 2, 3)]
    ups = [modules[f"up{i}"] for i in (1, 2, 3)]
    blocks = [
        first,
        *((down.conv2d, down.norm_layer) for down in downs),
        (residual.conv1, residual.bn1),
        (residual.conv2, residual.bn2),
        *((up.conv2d, up.norm_layer) for up in ups),
    ]
    inputs = ((), (0,), (1,), (2,), (3,), (4,), (5, 3), (6, 2), (7, 1))
    layers = tuple(
        PlannedLayer(conv, norm, source, shape, doubled=i >= 6, skip=3 if i == 5 else None)
        for i, ((conv, norm), source, shape) in enumerate(
            zip(blocks, inputs, network.state_shapes(), strict=True)
        )
    )
    head, tau = modules["temporalflat"], network.config.tau
    if alone:
        last = PlannedHead(head.conv2d, head.norm_layer, (8, 0), 1 - 1 / tau, 1 / tau)
    else:
        last = PlannedHead(head.conv2d, None, (8, 0), network.config.decay)
    return SpikingPlan(layers, last, tau)


def _lite_plan(network: DecayingNetwork, snn: SpikingUnet) -> SpikingPlan:
    number = {name: i for i, name in enumerate(snn.BLOCKS)}
    bottom = snn.residuals[-1] if snn.residuals else "d2"
    inputs = {"s0": (), "d1": ("s0",), "d2": ("d1",), "u1": (bottom, "d2"), "u2": ("u1", "d1")}
    skips: dict[str, str] = {}
    before = "d2"
    for first, second in zip(snn.residuals[::2], snn.residuals[1::2], strict=True):
        inputs |= {first: (before,), second: (first,)}
        skips[second] = before
        before = second
    layers = tuple(
        PlannedLayer(
            getattr(snn, name).conv, getattr(snn, name).norm,
            tuple(number[source] for source in inputs[name]), shape,
            skip=number[skips[name]] if name in skips else None,
            rests=name in snn.RESTING,
        )
        for name, shape in zip(snn.BLOCKS, snn.state_shapes(), strict=False)
    )  # fmt: skip
    top = ("u2", "s0") if snn.fine else ("u1", "d1")
    keep = float(network.decay.detach())
    motion = None
    if snn.config.motion:
        cells = snn.config.joints * snn.config.heatmap_size**2
        channels = snn.head.in_channels
        motion = Motion(
            network.keep.detach(), network.noise.detach(), float(network.sharpness), cells, channels
        )
    head = PlannedHead(
        snn.head, None, (number[top[0]], number[top[1]]), keep, doubled=not snn.fine, motion=motion
    )
    return SpikingPlan(layers, head, snn.config.tau, network.delays)
