"""The lite hybrid: a CNN keyframe starts the SNN's membranes and its output, the SNN carries on.

    keyframe:  o_0, features = CNN(x);  v_l = initialiser_l(features)
    step i:    o_i = decay * o_(i-1) + SNN(bin_i)          (o: heatmap logits; decay is learnt)

Logits shrink while the SNN adds nothing, so the pose's confidence falls by itself as a keyframe
ages.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.cnn import Features, LiteCnn
from hybrid_pose_ros.models.config import LiteConfig
from hybrid_pose_ros.models.macs import dense_macs
from hybrid_pose_ros.models.snn import LiteSnn


class StateInitialiser(nn.Module):
    """CNN features to membrane potentials: 1x1 conv - BN - LeakyReLU - 1x1 conv - BN."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.1),
            nn.Conv2d(outputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class LiteHybrid(nn.Module):
    """Hybrid CNN-SNN behind the calls reset, keyframe and step (and rollout for training)."""

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LiteConfig()
        c1, c2, c3, _ = config.cnn_widths
        s1, s2, s3 = config.snn_widths
        self.cnn = LiteCnn(config)
        self.snn = LiteSnn(config)
        pairs = [(c1, s1), (c2, s2), (c3, s3), (c3, s3), (c3, s3), (c2, s2), (c1, s1)]
        self.initialisers = nn.ModuleList(StateInitialiser(i, o) for i, o in pairs)
        self.decay_logit = nn.Parameter(torch.tensor(math.log(config.decay / (1 - config.decay))))
        self.output: Tensor | None = None
        # Twice as fast on CPUs, same numbers.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def decay(self) -> Tensor:
        """Factor in (0, 1) that the output keeps per bin."""
        return torch.sigmoid(self.decay_logit)

    def reset(self, batch: int) -> None:
        """Forget everything; the output becomes flat (no joint is anywhere in particular)."""
        side = self.config.heatmap_size
        self.snn.reset()
        self.output = self.decay_logit.new_zeros(batch, self.config.joints, side, side)

    def initial_states(self, features: Features) -> list[Tensor]:
        """Membranes (B, C, H, W) of the SNN's blocks, in the order of LiteSnn.BLOCKS."""
        f = features
        sources = (f.c1, f.c2, f.c3, f.u3, f.u3, f.u2, f.u1)
        return [init(x) for init, x in zip(self.initialisers, sources, strict=True)]

    def keyframe(self, x: Tensor) -> Tensor:
        """(B, 2 * bins, S, S) counts -> logits (B, 13, S/2, S/2); sets states and output."""
        self._check(x, 2 * self.config.keyframe_bins)
        self.output, features = self.cnn.features(x)
        self.states = self.initial_states(features)
        self.snn.set_states(self.states)
        return self.output

    def step(self, x: Tensor) -> Tensor:
        """(B, 2, S, S) counts of one bin -> heatmap logits (B, 13, S/2, S/2)."""
        self._check(x, 2)
        return self.rollout(x[None])[0]

    def rollout(self, x: Tensor) -> Tensor:
        """(T, B, 2, S, S) counts of T bins -> heatmap logits (T, B, 13, S/2, S/2).

        Raises:
            ValueError: before the first `keyframe` or `reset`, or with another batch size.
        """
        if self.output is None:
            raise ValueError("step needs a keyframe or a reset before it")
        if x.shape[1] != self.output.shape[0]:
            raise ValueError(
                f"the states are of batch size {self.output.shape[0]}, the bins of {x.shape[1]}"
            )
        outputs = []
        for increment in self.snn(x):
            self.output = self.decay * self.output + increment
            outputs.append(self.output)
        return torch.stack(outputs)

    @property
    def macs_per_keyframe(self) -> int:
        """Multiply-accumulates of one keyframe, the state initialisers included."""
        side = self.config.input_size
        x = torch.zeros(1, 2 * self.config.keyframe_bins, side, side)
        return dense_macs(self, lambda: self.keyframe(x))

    @property
    def macs_per_step(self) -> int:
        """Multiply-accumulates of one step if every neuron fired (the dense count)."""
        side = self.config.input_size
        self.reset(1)
        return dense_macs(self, lambda: self.step(torch.zeros(1, 2, side, side)))

    def _check(self, x: Tensor, channels: int) -> None:
        side = self.config.input_size
        if x.ndim != 4 or tuple(x.shape[1:]) != (channels, side, side):
            raise ValueError(f"expected (B, {channels}, {side}, {side}), got {tuple(x.shape)}")
