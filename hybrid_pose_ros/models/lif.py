"""Leaky integrate-and-fire neurons: spikingjelly's LIFNode with a fast path for CPUs.

    charge  h_t = v_(t-1) + (x_t - v_(t-1)) / tau
    fire    s_t = 1 where h_t >= 1
    reset   v_t = h_t - s_t                      (soft; its gradient is kept)

The backward pass replaces ds/dh by the ATan surrogate of alpha = 2: 1 / (1 + (pi (h - 1))^2).
On a CPU a whole sequence is one pass over memory; elsewhere spikingjelly's own loop runs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numba import njit
from spikingjelly.activation_based import neuron, surrogate
from torch import Tensor


@njit(cache=True, fastmath=False, error_model="numpy")
def _forward(x, v, tau, spikes, charged):  # type: ignore[no-untyped-def]
    # x (T, N); v (N,), changed; spikes, charged (T, N), filled
    for t in range(x.shape[0]):
        for i in range(x.shape[1]):
            h = v[i] + (x[t, i] - v[i]) / tau
            s = np.float32(1.0) if h >= np.float32(1.0) else np.float32(0.0)
            charged[t, i] = h
            spikes[t, i] = s
            v[i] = h - s


@njit(cache=True, fastmath=False, error_model="numpy")
def _backward(grad_spikes, grad_v, charged, tau, grad_x):  # type: ignore[no-untyped-def]
    # grad_spikes, charged (T, N); grad_v (N,), changed; grad_x (T, N), filled
    for t in range(charged.shape[0] - 1, -1, -1):
        for i in range(charged.shape[1]):
            z = np.float32(math.pi) * (charged[t, i] - np.float32(1.0))
            slope = np.float32(1.0) / (np.float32(1.0) + z * z)
            grad_h = grad_spikes[t, i] * slope + grad_v[i] * (np.float32(1.0) - slope)
            grad_x[t, i] = grad_h / tau
            grad_v[i] = grad_h - grad_h / tau


class _FusedLif(torch.autograd.Function):
    """The three equations over a sequence, forward and backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, v: Tensor, tau: float) -> tuple[Tensor, Tensor]:
        x = x.contiguous()
        steps = x.shape[0]
        tau32 = np.float32(tau)
        spikes, charged = torch.empty_like(x), torch.empty_like(x)
        last = v.detach().contiguous().clone()
        flat = (t.detach().numpy().reshape(steps, -1) for t in (x, spikes, charged))
        flat_x, flat_s, flat_h = flat
        _forward(flat_x, last.numpy().reshape(-1), tau32, flat_s, flat_h)
        ctx.save_for_backward(charged)
        ctx.tau = tau32
        return spikes, last

    @staticmethod
    def backward(ctx: Any, grad_spikes: Tensor, grad_last: Tensor) -> tuple[Tensor, Tensor, None]:
        (charged,) = ctx.saved_tensors
        steps = charged.shape[0]
        grad_x = torch.empty_like(charged)
        grad_v = grad_last.contiguous().clone()
        _backward(
            grad_spikes.contiguous().numpy().reshape(steps, -1),
            grad_v.numpy().reshape(-1),
            charged.numpy().reshape(steps, -1),
            ctx.tau,
            grad_x.numpy().reshape(steps, -1),
        )
        return grad_x, grad_v, None


class Lif(neuron.LIFNode):
    """LIF layer whose membrane `v` can be set before a sequence.

    Args:
        tau: membrane time constant in bins, > 1.
        step_mode: "m" for sequences (T, B, C, H, W), "s" for one bin (B, C, H, W) per call.
    """

    v: Tensor | float

    def __init__(self, tau: float, step_mode: str = "m") -> None:
        super().__init__(
            tau=float(tau),
            decay_input=True,
            v_threshold=1.0,
            v_reset=None,
            surrogate_function=surrogate.ATan(alpha=2.0),
            detach_reset=False,
            step_mode=step_mode,
        )

    def single_step_forward(self, x: Tensor) -> Tensor:
        return self.multi_step_forward(x[None])[0]

    def multi_step_forward(self, x_seq: Tensor) -> Tensor:
        if x_seq.device.type != "cpu" or x_seq.dtype != torch.float32 or self.detach_reset:
            return super().multi_step_forward(x_seq)
        v = self.v if isinstance(self.v, Tensor) else torch.zeros_like(x_seq[0])
        if x_seq.is_contiguous():
            spikes, self.v = _FusedLif.apply(x_seq, v, self.tau)
            return spikes
        # Seen as (T, B, H, W, C), what comes from a channels-last convolution is contiguous.
        spikes, last = _FusedLif.apply(
            x_seq.permute(0, 1, 3, 4, 2), v.permute(0, 2, 3, 1), self.tau
        )
        self.v = last.permute(0, 3, 1, 2)
        return spikes.permute(0, 1, 4, 2, 3)
