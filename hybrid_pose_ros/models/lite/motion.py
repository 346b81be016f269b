"""Heatmaps that move along with their joints, between keyframes.

    p      = softmax(sharpness * o_(i-1))              where each joint is
    w      = keep * w_(i-1) + sum_x p(x) m_i(x)
    w_i    = w (|w| + REST noise) / (|w| + noise)      its velocity, cells per bin
    o_i    = decay * o_(i-1)(x - w_i) + c_i(x)         moved, shrunk and corrected

c_i (one map per joint) and m_i (two: along columns and rows) are what the recurrent part says of
bin i. Of a small velocity most is noise, so less of it is believed; keep and noise are learnt per
joint. Moving logits by bilinear interpolation hardly blurs the peak: where a logit is a parabola,
interpolation only adds a constant. Neurons and output follow the evidence with a delay; a fast
joint is a little further along its velocity (`LiteConfig.lead`). On a CPU a whole sequence is one
pass over memory (`motion_kernels.py`); elsewhere PyTorch's own operations run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hybrid_pose_ros.models.lite.motion_kernels import MAX_CELLS, REST, backward, forward


def joint_velocity(heatmaps: Tensor, motion: Tensor, sharpness: float = 1.0) -> Tensor:
    """Mean of motion maps where the joints are.

    Args:
        heatmaps: (B, J, h, w) logits.
        motion: (B, 2 J, h, w) cells per bin: columns and rows of joint 0, of joint 1, ...
        sharpness: of the logits, see `advance`.

    Returns:
        (B, J, 2) cells per bin.
    """
    where = torch.softmax(sharpness * heatmaps.flatten(2), -1)
    return torch.einsum("bjx,bjcx->bjc", where, motion.flatten(2).unflatten(1, (-1, 2)))


def moved(heatmaps: Tensor, velocity: Tensor) -> Tensor:
    """(B, J, h, w) maps moved by (B, J, 2) cells, borders repeated."""
    batch, joints, height, width = heatmaps.shape
    by = velocity.reshape(-1, 2, 1)
    columns = torch.arange(width, dtype=heatmaps.dtype, device=heatmaps.device)
    rows = torch.arange(height, dtype=heatmaps.dtype, device=heatmaps.device)
    x = (columns - by[:, 0]) * (2 / (width - 1)) - 1
    y = (rows - by[:, 1]) * (2 / (height - 1)) - 1
    grid = torch.stack([x[:, None].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)], -1)
    maps = heatmaps.reshape(batch * joints, 1, height, width)
    out = F.grid_sample(maps, grid, padding_mode="border", align_corners=True)
    return out.view_as(heatmaps)


def believed(velocity: Tensor, noise: Tensor) -> Tensor:
    """What is believed of velocities (..., J, 2) with noise (J,), cells per bin."""
    # The small number: the norm has a gradient at zero, and without noise nothing is lost there.
    speed = torch.sqrt(velocity.square().sum(-1) + 1e-12)
    share = (speed + REST * noise) / (speed + noise)
    return velocity * share[..., None]


def advance(
    changes: Tensor,
    output: Tensor,
    velocity: Tensor,
    decay: Tensor,
    keep: Tensor,
    noise: Tensor,
    sharpness: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """The equations above over a sequence.

    Args:
        changes: (T, B, 3 J, h, w): c of all joints, then m.
        output: (B, J, h, w) the last heatmaps.
        velocity: (B, J, 2) the last velocity, cells per bin.
        decay: scalar in (0, 1).
        keep: (J,) in (0, 1).
        noise: (J,) of the velocities, cells per bin, > 0.
        sharpness: the temperature that the logits have been divided by since training.

    Returns:
        Heatmaps (T, B, J, h, w) and velocities (T, B, J, 2).
    """
    if changes.device.type == "cpu" and changes.dtype == torch.float32:
        return _Fused.apply(changes, output, velocity, decay, keep, noise, sharpness)
    return advance_plainly(changes, output, velocity, decay, keep, noise, sharpness)


def advance_plainly(
    changes: Tensor,
    output: Tensor,
    velocity: Tensor,
    decay: Tensor | float,
    keep: Tensor,
    noise: Tensor,
    sharpness: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """`advance` in PyTorch's operations, for any device and type."""
    joints = output.shape[1]
    outputs, velocities = [], []
    for change in changes:
        pull = joint_velocity(output, change[:, joints:], sharpness)
        velocity = believed(keep[:, None] * velocity + pull, noise).clamp(-MAX_CELLS, MAX_CELLS)
        output = decay * moved(output, velocity) + change[:, :joints]
        outputs.append(output)
        velocities.append(velocity)
    return torch.stack(outputs), torch.stack(velocities)


class _Fused(torch.autograd.Function):
    """The kernels over a sequence, forward and backward."""

    @staticmethod
    def forward(
        ctx: Any,
        changes: Tensor,
        output: Tensor,
        velocity: Tensor,
        decay: Tensor,
        keep: Tensor,
        noise: Tensor,
        sharpness: float,
    ) -> tuple[Tensor, Tensor]:
        given = [t.detach().contiguous() for t in (changes, output, velocity, keep, noise)]
        maps, first, speed, kept, unsure = (t.numpy() for t in given)
        steps, batch, _, height, width = changes.shape
        outputs = torch.empty(steps, batch, output.shape[1], height, width)
        velocities = torch.empty(steps, *velocity.shape)
        factor = decay.detach().numpy()[()]
        ctx.sharpness = np.float32(sharpness)
        forward(
            maps, first, speed, factor, kept, unsure, ctx.sharpness,
            outputs.numpy(), velocities.numpy(),
        )  # fmt: skip
        ctx.save_for_backward(*given, decay, outputs, velocities)
        return outputs, velocities

    @staticmethod
    def backward(ctx: Any, grad_outputs: Tensor, grad_velocities: Tensor) -> tuple[Any, ...]:
        changes, output, velocity, keep, noise, decay, outputs, velocities = ctx.saved_tensors
        grads = [torch.empty_like(t) for t in (changes, output, velocity)]
        grad_keep, grad_noise = torch.zeros_like(keep), torch.zeros_like(noise)
        grad_decay = backward(
            *(t.detach().numpy() for t in (changes, output, velocity)), decay.detach().numpy()[()],
            keep.numpy(), noise.numpy(), ctx.sharpness,
            outputs.detach().numpy(), velocities.detach().numpy(),
            grad_outputs.contiguous().numpy(), grad_velocities.contiguous().numpy(),
            *(t.numpy() for t in grads), grad_keep.numpy(), grad_noise.numpy(),
        )  # fmt: skip
        grad_factor = torch.tensor(grad_decay, dtype=decay.dtype).view_as(decay)
        return (*grads, grad_factor, grad_keep, grad_noise, None)
