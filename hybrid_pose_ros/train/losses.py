"""Sub-pixel losses and pixel errors of heatmaps.

Logits ("lite" networks): cross-entropy between their softmax and a Gaussian around the true joint.
Regressed heatmaps ("paper" networks): squared distance from a Gaussian around the true joint.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

SPEED_BINS = 9
FAST_PX = 8.0  # per 100 ms, of the 256 x 256 crop: what evaluation calls a fast joint


def target_maps(cells: Tensor, size: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Normalised Gaussians and which of them count.

    Args:
        cells: (..., 2) column, row of the joint in heatmap cells; NaN = unknown.

    Returns:
        (..., size, size) targets that sum to 1, and (...) bool: joint known and inside.
    """
    inside = ((cells > -0.5) & (cells < size - 0.5)).all(-1)
    safe = torch.where(inside[..., None], cells, torch.zeros_like(cells))
    grid = torch.arange(size, dtype=cells.dtype, device=cells.device)
    gauss = torch.exp(-((grid - safe[..., None]) ** 2) / (2 * sigma**2))  # (..., 2, size)
    gauss = gauss / gauss.sum(-1, keepdim=True)
    return gauss[..., 1, :, None] * gauss[..., 0, None, :], inside


def speed_weights(cells: Tensor, size: int, gain: float) -> Tensor:
    """What the errors of fast joints count more.

    Args:
        cells: (T, B, 13, 2) true joints, a bin apart; NaN = unknown.
        size: of the heatmaps.
        gain: a joint that moves 8 px of the crop per 100 ms counts 1 + gain, one that moves three
            times as fast or faster 1 + 3 gain.

    Returns:
        (T, B, 13), all ones for a single bin.
    """
    if len(cells) < 2:
        return torch.ones_like(cells[..., 0])
    moved = torch.linalg.vector_norm(cells[1:] - cells[:-1], dim=-1).nan_to_num()
    reach = min(SPEED_BINS // 2, len(moved) - 1)  # the mean over a tenth of a second
    padded = torch.cat([moved[:1].expand(reach, -1, -1), moved, moved[-1:].expand(reach, -1, -1)])
    speed = padded.unfold(0, 2 * reach + 1, 1).mean(-1)
    fast = FAST_PX / 256.0 * size / 10  # cells per bin
    speed = torch.cat([speed[:1], speed])
    return 1 + gain * (speed / fast).clamp(max=3.0)


def heatmap_loss(
    logits: Tensor,
    cells: Tensor,
    present: Tensor | None = None,
    sigma: float = 0.8,
    weights: Tensor | None = None,
) -> Tensor:
    """Mean cross-entropy in nats over the joints that count.

    Args:
        logits: (..., B, 13, S, S).
        cells: (..., B, 13, 2).
        present: (B,) bool; where nobody is there, the target is the uniform distribution.
        weights: (..., B, 13) of the joints; None: all alike.
    """
    targets, counts = target_maps(cells, logits.shape[-1], sigma)
    log_total = torch.logsumexp(logits.flatten(-2), -1)
    expected = (logits * targets).flatten(-2).sum(-1)
    if present is not None:
        somebody = present[:, None].expand_as(expected)
        expected = torch.where(somebody, expected, logits.flatten(-2).mean(-1))
        counts = counts | ~somebody
    losses = log_total - expected
    return (losses if weights is None else losses * weights)[counts].mean()


def regression_loss(
    heatmaps: Tensor, cells: Tensor, present: Tensor | None = None, sigma: float = 2.0
) -> Tensor:
    """Squared distance from Gaussians of height 1, in units of such a Gaussian's square.

    Missing joints do not count; where nobody is there, the target is zero. Arguments as those of
    `heatmap_loss`, except that `heatmaps` are not logits.
    """
    targets, counts = target_maps(cells, heatmaps.shape[-1], sigma)
    targets = targets * (2 * math.pi * sigma**2)  # from sum 1 to height 1
    if present is not None:
        somebody = present[:, None].expand_as(counts)
        targets = torch.where(somebody[..., None, None], targets, torch.zeros_like(targets))
        counts = counts | ~somebody
    square = (heatmaps - targets).square().sum((-2, -1)) / (math.pi * sigma**2)
    return square[counts].mean()


@torch.no_grad()
def peak_error(heatmaps: Tensor, cells: Tensor, pixels: float = 256.0) -> Tensor:
    """(..., 13) distance in crop pixels of the largest value from the truth; NaN if outside."""
    size = heatmaps.shape[-1]
    peak = heatmaps.flatten(-2).argmax(-1)
    place = torch.stack([peak % size, peak // size], -1).to(cells.dtype)
    return _distance(place, cells, size, pixels)


def velocity_loss(velocities: Tensor, cells: Tensor, present: Tensor, size: int) -> Tensor:
    """Mean smooth L1 distance from the true velocities, of the joints that stay inside.

    Args:
        velocities: (T, B, 13, 2) cells per bin, from each bin's beginning to its end.
        cells: (T + 1, B, 13, 2) true joints at the beginnings and ends; NaN = unknown.
        present: (B,) bool, whether there is a person.
        size: of the heatmaps.
    """
    inside = ((cells > -0.5) & (cells < size - 0.5)).all(-1)
    counts = inside[1:] & inside[:-1] & present[None, :, None]
    true = cells[1:] - cells[:-1]
    if not counts.any():
        return velocities.sum() * 0
    # Below a tenth of a cell, which is 0.4 px, errors count less and less.
    return F.smooth_l1_loss(velocities[counts], true[counts], beta=0.1)


@torch.no_grad()
def pixel_error(logits: Tensor, cells: Tensor, pixels: float = 256.0) -> Tensor:
    """(..., 13) distance in crop pixels of the local soft-argmax from the truth; NaN if outside."""
    return _distance(local_soft_argmax(logits), cells, logits.shape[-1], pixels)


def local_soft_argmax(logits: Tensor) -> Tensor:
    """(..., 2) mean places, in cells, within 3 cells of the peaks of logits (..., S, S)."""
    size = logits.shape[-1]
    flat = logits.flatten(-2)
    peak = flat.argmax(-1)
    row, column = peak // size, peak % size
    grid = torch.arange(size, dtype=logits.dtype, device=logits.device)
    near_u = ((grid - column[..., None]).abs() <= 3).to(logits.dtype)  # (..., S)
    near_v = ((grid - row[..., None]).abs() <= 3).to(logits.dtype)
    weight = (flat - flat.amax(-1, keepdim=True)).exp().unflatten(-1, (size, size))
    weight = weight * near_v[..., :, None] * near_u[..., None, :]
    weight = weight / weight.sum((-2, -1), keepdim=True)
    u = (weight.sum(-2) * grid).sum(-1)
    v = (weight.sum(-1) * grid).sum(-1)
    return torch.stack([u, v], -1)


def _distance(found: Tensor, cells: Tensor, size: int, pixels: float) -> Tensor:
    error = torch.linalg.vector_norm(found - cells, dim=-1) * (pixels / size)
    inside = ((cells > -0.5) & (cells < size - 0.5)).all(-1)
    return torch.where(inside, error, torch.full_like(error, torch.nan))
