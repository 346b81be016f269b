"""Ray-casts the parts of many bodies into many pictures at once.

The same round cones as `simulator.raycast`. Only the columns that a part can cover are looked at:
parts are unrolled into rows, rows into pixels, and the nearest part of a pixel wins.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hybrid_pose_ros.simulator.batched.device import fused

_NEAR_M = 0.05  # between a camera and the nearest part that it draws
_MARGIN_PX = 0.6
_FAR = torch.iinfo(torch.int64).max
_PART_BITS = 16


@dataclass(frozen=True)
class Hits:
    """The pixels where bodies are seen.

    Attributes:
        pixel: (m,) int64 place in the pictures (G, H, W), flattened.
        part: (m,) int64 place in the parts (G, P), flattened.
        point: (3, m) float32, the point seen in that part's own coordinates.
    """

    pixel: Tensor
    part: Tensor
    point: Tensor


def cast(
    parts: Tensor, present: Tensor, view: Tensor, rays: Tensor, centre: Tensor,
    shape: tuple[int, int],
) -> Hits:  # fmt: skip
    """What G pictures show.

    Args:
        parts: (G, P, PART_SIZE) float64; present: (G, P) bool.
        view: (G, 4, 4); rays: (G, 3, 3); centre: (G, 3) float64, see `scene.Optics`.
        shape: height and width of a picture.
    """
    height, width = shape
    part, u, v = _covered(parts, present, view, centre, height, width)
    eyes = _seen(parts, rays, centre).flatten(0, 1)
    t, point = fused(meet, parts.device, lengths_vary=True)(eyes, part, u, v)
    picture = torch.div(part, parts.shape[1], rounding_mode="floor")
    pixel = (picture * height + v) * width + u
    # Positive floats sort like their bits.
    nearer = t.view(torch.int32).long() << _PART_BITS | part % parts.shape[1]
    nearest = torch.full((len(parts) * height * width,), _FAR, device=t.device)
    nearest.scatter_reduce_(0, pixel, nearer, "amin")
    won = ((nearest[pixel] == nearer) & torch.isfinite(t)).nonzero().squeeze(1)
    return Hits(pixel[won], part[won], point[:, won])


def unrolled(counts: Tensor) -> tuple[Tensor, Tensor]:
    """For counts (n,): of each thing counted, which one it belongs to and its number there."""
    owner = torch.repeat_interleave(counts)
    begin = counts.cumsum(0) - counts
    return owner, torch.arange(len(owner), device=counts.device) - begin[owner]


def _outline(parts: Tensor, view: Tensor, centre: Tensor, end: int) -> tuple[Tensor, Tensor]:
    """Circles (G, P, 3): u, v, radius in pixels around an end of each part; whether in front."""
    point = parts[..., 9:12] + parts[..., 6:9] * parts[..., 12:13] * end
    u, v, depth = ((point @ view[:, :3, :3].mT) + view[:, None, :3, 3]).unbind(-1)
    radius = parts[..., 13 + end] * parts[..., 15]
    distance = torch.linalg.vector_norm(point - centre[:, None], dim=-1)
    size = view[:, 3, 0, None] * radius / (depth - radius) * (distance / depth) + _MARGIN_PX
    return torch.stack([u / depth, v / depth, size], -1), depth > radius + _NEAR_M


def _covered(
    parts: Tensor, present: Tensor, view: Tensor, centre: Tensor, height: int, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Every pixel that a part may cover, part by part: place of the part, u, v (m,)."""
    (a, before_a), (b, before_b) = (_outline(parts, view, centre, end) for end in (0, 1))
    a, b = a.flatten(0, 1), b.flatten(0, 1)
    drawn = (present & before_a & before_b).flatten()
    top = torch.minimum(a[:, 1] - a[:, 2], b[:, 1] - b[:, 2]).ceil().clamp(0, height)
    bottom = torch.maximum(a[:, 1] + a[:, 2], b[:, 1] + b[:, 2]).floor().clamp(-1, height - 1)
    rows = torch.where(drawn, bottom - top + 1, 0).clamp(min=0).long()
    part, row = unrolled(rows)
    v = top[part].long() + row
    low, high = _columns(a[part].unbind(-1), b[part].unbind(-1), v)
    low, high = low.ceil().clamp(0, width), (high.floor() + 1).clamp(0, width)
    owner, column = unrolled((high - low).clamp(min=0).long())
    return part[owner], low[owner].long() + column, v[owner]


def _columns(
    a: tuple[Tensor, ...], b: tuple[Tensor, ...], v: Tensor
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Columns lo, hi (m,) that the hull of two circles (u, v, radius) covers in row v."""
    low, high = torch.full_like(a[0], 1e9), torch.full_like(a[0], -1e9)
    for circle in (a, b):
        square = circle[2] ** 2 - (v - circle[1]) ** 2
        half = square.clamp(min=0.0).sqrt()
        low = torch.where(square >= 0.0, torch.minimum(low, circle[0] - half), low)
        high = torch.where(square >= 0.0, torch.maximum(high, circle[0] + half), high)
    x, y, slope = b[0] - a[0], b[1] - a[1], a[2] - b[2]
    square = x * x + y * y
    root = (square - slope * slope).clamp(min=0.0).sqrt()
    for sign in (-1.0, 1.0):  # the two outer tangents, where they cross this row
        nx, ny = (x * slope - sign * y * root) / square, (y * slope + sign * x * root) / square
        y0, y1 = a[1] + ny * a[2], b[1] + ny * b[2]
        u = a[0] + nx * a[2]
        u = u + (v - y0) / (y1 - y0) * (b[0] + nx * b[2] - u)
        crosses = (square > slope * slope) & ((y0 - v) * (y1 - v) <= 0.0) & (y0 != y1)
        low = torch.where(crosses, torch.minimum(low, u), low)
        high = torch.where(crosses, torch.maximum(high, u), high)
    return low, high


def _seen(parts: Tensor, rays: Tensor, centre: Tensor) -> Tensor:
    """(G, P, 15) float32: ray matrix (9) and camera (3) in part coordinates, length, two radii."""
    axes = parts[..., :9].unflatten(-1, (3, 3))
    matrix = (axes @ rays[:, None]).flatten(-2)
    camera = (axes @ (centre[:, None] - parts[..., 9:12])[..., None]).squeeze(-1)
    return torch.cat([matrix, camera, parts[..., 12:15]], -1).float()


def meet(eyes: Tensor, part: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Depth t (m,) where rays meet their parts, inf where they miss, and the points (3, m).

    Single precision is enough because everything is measured from the point of the ray that is
    nearest to the middle of the part, so that no large numbers are subtracted.

    Args:
        eyes: (G * P, 15), see `_seen`; part: (m,) rows of it; u, v: (m,) pixels.
    """
    eye, u, v = eyes[part].unbind(-1), u.float(), v.float()
    rx, ry, rz = (eye[i] * u + eye[i + 1] * v + eye[i + 2] for i in (0, 3, 6))
    h, ra, rb = eye[12:]
    square = rx * rx + ry * ry + rz * rz
    start = -(rx * eye[9] + ry * eye[10] + rz * (eye[11] - 0.5 * h)) / square
    x, y, z = eye[9] + start * rx, eye[10] + start * ry, eye[11] + start * rz
    along, out, rise = rx * x + ry * y + rz * z, x * x + y * y + z * z, h * rz
    slope = ra - rb
    free = h * h - slope * slope
    cone = (h > 0.0) & (free > 0.0)
    axial = h * z
    shift = slope * ra - axial
    k2 = free * (rx * rx + ry * ry) - (slope * rz) ** 2
    k1 = free * along + rise * shift
    k0 = free * (x * x + y * y) - (slope * z) ** 2 + 2.0 * axial * slope * ra - (h * ra) ** 2
    root = k1 * k1 - k0 * k2
    side = (-root.clamp(min=0.0).sqrt() - k1) / k2
    place = side * rise - shift
    on_side = cone & (place > 0.0) & (place < free)
    near = _sphere(along, square, out - ra * ra)
    far = _sphere(along - rise, square, out - 2.0 * h * z + h * h - rb * rb)
    ends = torch.where(h > 0.0, torch.minimum(near, far), near)
    t = torch.where(on_side, side, ends)
    t = torch.where(cone & (root < 0.0), torch.inf, t)
    point = torch.stack([x + t * rx, y + t * ry, z + t * rz])
    t = t + start
    return torch.where(t > 0.0, t, torch.inf), point


def _sphere(along: Tensor, square: Tensor, out: Tensor) -> Tensor:
    """Where a ray enters a sphere; inf where it does not."""
    root = along * along - square * out
    return torch.where(root > 0.0, (-along - root.clamp(min=0.0).sqrt()) / square, torch.inf)
