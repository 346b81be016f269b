"""The published labels and training losses (arXiv 2303.14176, training, and its code).

label    1 at the joint's pixel, Gaussian blur (sigma 2, 11 x 11, reflected), / its maximum;
all zero for a joint that is missing or outside
heatmap  mean over bins of MSE(output, label)
hybrid   0.95 heatmap + 0.05 mean over layers of MSE(v after the last bin, v at next keyframe)
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

SIGMA = 2.0  # pixels
STATE_SHARE = 0.05


def label_maps(uv: Tensor, size: int, sigma: float = SIGMA, blur: bool = True) -> Tensor:
    """Target heatmaps.

    Args:
        uv: (..., 2) column, row in heatmap pixels; truncated to integers. NaN or outside = missing.
        size: side of the heatmaps.
        blur: False leaves a single 1.

    Returns:
        (..., size, size) float32, largest value 1; zeros where the joint is missing.
    """
    known = present(uv, size)
    cells = torch.where(known[..., None], uv, torch.zeros_like(uv)).trunc().long()
    maps = torch.zeros(*uv.shape[:-1], size * size, dtype=torch.float32, device=uv.device)
    at = cells[..., 1:] * size + cells[..., :1]
    maps.scatter_(-1, at, known[..., None].float())
    maps = maps.unflatten(-1, (size, size))
    if not blur:
        return maps
    flat = _blur(maps.reshape(-1, 1, size, size), sigma).reshape(maps.shape)
    peak = flat.amax((-2, -1), keepdim=True)
    return flat / torch.where(peak > 0, peak, torch.ones_like(peak))


def present(uv: Tensor, size: int) -> Tensor:
    """(...,) bool: the joint (..., 2) is known and its truncated pixel lies inside."""
    return ((uv > -1) & (uv < size)).all(-1)


def _blur(maps: Tensor, sigma: float) -> Tensor:
    """(N, 1, H, W) convolved with a normalised Gaussian, reflected at the border."""
    reach = int(((sigma - 0.8) / 0.3 + 1) * 2 + 1) // 2  # 11 taps for sigma 2, 5 for 1.1
    taps = torch.arange(-reach, reach + 1, dtype=torch.float32, device=maps.device)
    line = torch.exp(-0.5 * (taps / sigma) ** 2)
    line = line / line.sum()
    kernel = (line[:, None] * line)[None, None]
    return F.conv2d(F.pad(maps, [reach] * 4, mode="reflect"), kernel)


def sequence_loss(outputs: Tensor, labels: Tensor) -> Tensor:
    """Mean over bins of the MSE, (T, B, J, H, W) both; as published, missing joints count as 0."""
    return F.mse_loss(outputs, labels)


def state_loss(states: Sequence[Tensor], following: Sequence[Tensor]) -> Tensor:
    """Mean over layers of the MSE between states and those of the next keyframe."""
    pairs = zip(states, following, strict=True)
    return torch.stack([F.mse_loss(state, target) for state, target in pairs]).mean()


def hybrid_loss(
    outputs: Tensor,
    labels: Tensor,
    states: Sequence[Tensor],
    following: Sequence[Tensor],
    state_share: float = STATE_SHARE,
) -> Tensor:
    """The loss of the hybrid CNN-SNN; gradients flow through time and through both terms.

    Args:
        states: membranes of the nine layers after the last bin.
        following: what the initialisers say of the next keyframe.
    """
    heatmaps = sequence_loss(outputs, labels)
    return (1 - state_share) * heatmaps + state_share * state_loss(states, following)
