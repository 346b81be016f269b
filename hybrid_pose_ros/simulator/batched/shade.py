"""Light and material of what was hit: `simulator.shading`, for all pixels of a batch at once."""

from __future__ import annotations

import torch
from torch import Tensor

from hybrid_pose_ros.simulator.body import BORDER, COLLAR, FACE, STRIPES
from hybrid_pose_ros.simulator.shading import (
    FEATURES,
    HAIR_LINE,
    NECKLINE,
    SLANT,
    STRIPE,
    TEXEL_PER_M,
    TEXTURE_CELLS,
)


def radiance(
    part: Tensor, point: Tensor, parts: Tensor, person: Tensor,
    materials: Tensor, lamps: Tensor, ambient: Tensor, patterns: Tensor,
) -> Tensor:  # fmt: skip
    """Light (m,) float32 that comes from points of parts.

    Args:
        part: (m,) place in (G, P), flattened; point: (3, m), see `cast.Hits`.
        parts: (G, P, PART_SIZE) float32; person: (G,) int64, whom each picture shows.
        materials: (C, P, MATERIAL_SIZE); lamps: (C, L, 4); ambient: (C,); patterns: (C, T, T).
    """
    picture = torch.div(part, parts.shape[1], rounding_mode="floor")
    number, who = part % parts.shape[1], person[picture]
    shape, material = parts.flatten(0, 1)[part], materials[who, number]
    h, ra, rb = shape[:, 12], shape[:, 13], shape[:, 14]
    value = _reflectance(material, point, h, ra)
    fold = material[:, 4] * _texture(patterns, who, material[:, 5], point)
    value = value * (1.0 + fold * (1.0 + 0.5 * fold))  # close to exp
    normal, lamp = _normal(shape, point, h, ra - rb), lamps[who]
    shine = (normal[:, None] * lamp[..., :3]).sum(-1).clamp(min=0.0) * lamp[..., 3]
    return value * (ambient[who] + shine.sum(-1))


def _reflectance(material: Tensor, point: Tensor, h: Tensor, r: Tensor) -> Tensor:
    """Reflectance (m,) at points (3, m) in the parts' coordinates."""
    kind, base, second, where = material[:, 0], material[:, 1], material[:, 2], material[:, 3]
    x, y, z = point
    along = torch.where(h > 0.0, z / h.clamp(min=1e-9), z)
    above = along > where
    neckline = above & (x * x + (y - NECKLINE[0]) ** 2 < NECKLINE[1] ** 2)
    stripe = torch.sin(z * STRIPE[0]) > STRIPE[1]
    other = ((kind == BORDER) & above) | ((kind == COLLAR) & neckline)
    other = other | ((kind == STRIPES) & stripe)
    plain = torch.where(other, second, base)
    return torch.where(kind == FACE, _face(x, y, z, base, second, r), plain)


def _face(
    x: Tensor, y: Tensor, z: Tensor, skin: Tensor, hair: Tensor, r: Tensor
) -> Tensor:  # fmt: skip
    fx, fy, fz = (x / r).abs(), y / r, z / r
    value = skin
    for height, half, aside, wide, share in reversed(FEATURES):  # the first one counts
        inside = ((fz - height).abs() < half) & ((fx - aside).abs() < wide)
        value = torch.where(inside, skin * share, value)
    return torch.where((fy < HAIR_LINE[0]) | (fz > HAIR_LINE[1]), hair, value)


def _texture(patterns: Tensor, who: Tensor, offset: Tensor, point: Tensor) -> Tensor:
    """Log reflectance (m,) of folds and prints."""
    x, y, z = point
    u = ((x + SLANT[0] * y + offset) * TEXEL_PER_M).floor().long() % TEXTURE_CELLS
    v = ((z + SLANT[1] * y + SLANT[2] * offset) * TEXEL_PER_M).floor().long() % TEXTURE_CELLS
    return patterns[who, v, u]


def _normal(shape: Tensor, point: Tensor, h: Tensor, slope: Tensor) -> Tensor:
    """Outward normals (m, 3) in the world."""
    x, y, z = point
    long = h > 0.0
    tilt = slope / (h * h - slope * slope).clamp(min=1e-9).sqrt()
    side = (x * x + y * y).sqrt() * tilt
    touched = z - side  # place on the axis of the sphere that the point belongs to
    nz = torch.where(touched <= 0.0, z, torch.where(touched >= h, z - h, side))
    own = torch.stack([x, y, torch.where(long, nz, z)], -1)
    axes = shape[:, :9].unflatten(-1, (3, 3))
    world = (own[:, :, None] * axes).sum(1)
    return world * (world.square().sum(-1, keepdim=True) + 1e-12).rsqrt()
