"""Soft shadows of the shoes: `simulator.shadow`, for many pictures at once."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from hybrid_pose_ros.simulator.batched.cast import unrolled
from hybrid_pose_ros.simulator.shadow import AREA_M2, MIDDLE_M, REACH_M


def darken(
    images: Tensor, shoes: Tensor, view: Tensor, rays: Tensor, centre: Tensor
) -> None:  # fmt: skip
    """Take the light that shoes hide off the floor, in place.

    Args:
        images: (G, H, W) radiance of the empty scene.
        shoes: (G, s, PART_SIZE) float64, the parts that are soles.
        view: (G, 4, 4); rays: (G, 3, 3); centre: (G, 3) float64, see `scene.Optics`.
    """
    height, width = images.shape[1:]
    for shoe in shoes.unbind(1):
        middle = shoe[:, 9:12] + 0.5 * shoe[:, 12:13] * shoe[:, 6:9]
        clear = middle[:, 2] - 0.5 * (shoe[:, 13] + shoe[:, 14])
        square = (clear.clamp(min=0.0) + MIDDLE_M) ** 2
        top, bottom, left, right = _bounds(middle[:, :2], view, height, width).unbind(-1)
        picture, row = unrolled(bottom - top)
        v = top[picture] + row
        owner, column = unrolled((right - left)[picture])
        picture, v = picture[owner], v[owner]
        u = left[picture] + column
        share = _hidden(middle[:, :2], square, rays, centre, picture, u, v)
        images.view(-1)[(picture * height + v) * width + u] *= 1.0 - share


def _bounds(place: Tensor, view: Tensor, height: int, width: int) -> Tensor:
    """(G, 4) int64: first row, one past the last, first column, one past the last."""
    corners = place.new_tensor([[-1, -1], [1, -1], [-1, 1], [1, 1]]) * REACH_M
    ground = place[:, None] + corners
    u, v, depth = (ground @ view[:, :3, :2].mT + view[:, None, :3, 3]).unbind(-1)
    u, v = u / depth, v / depth
    before = (depth >= REACH_M).all(1)
    sides = [(v.amin(1), 0, height), (v.amax(1), 1, height)]
    sides += [(u.amin(1), 0, width), (u.amax(1), 1, width)]
    edges = [(side.trunc() + more).clamp(0, most) for side, more, most in sides]
    return torch.where(before[:, None], torch.stack(edges, -1), 0.0).long()


def _hidden(
    place: Tensor, square: Tensor, rays: Tensor, centre: Tensor,
    picture: Tensor, u: Tensor, v: Tensor,
) -> Tensor:  # fmt: skip
    """Share (m,) float32 of the light that is missing at pixels of pictures."""
    ray, eye = rays[picture].float(), centre[picture].float()
    way = ray[..., 0] * u[:, None] + ray[..., 1] * v[:, None] + ray[..., 2]
    down = way[:, 2].clamp(max=-1e-9)
    ground = eye[:, :2] - (eye[:, 2] / down)[:, None] * way[:, :2]
    away = (ground - place.float()[picture]).square().sum(-1)
    full = AREA_M2 / math.pi * square.float()
    least = full / (square.float() + REACH_M**2) ** 2
    share = full[picture] / (square.float()[picture] + away) ** 2 - least[picture]
    return torch.where((way[:, 2] < 0.0) & (away < REACH_M**2), share, 0.0)
