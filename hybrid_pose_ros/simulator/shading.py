"""Light and material: the radiance of every pixel whose part and depth are known."""

from __future__ import annotations

import math

import numpy as np

from hybrid_pose_ros.simulator.body import BORDER, COLLAR, FACE, STRIPES
from hybrid_pose_ros.simulator.kernel import kernel
from hybrid_pose_ros.simulator.raycast import FAR

TEXTURE_CELLS = 128  # a power of two
TEXEL_PER_M = TEXTURE_CELLS / 0.4  # the pattern repeats every 40 cm
SLANT = (0.83, 0.31, 0.37)  # of the pattern against the axes of a part
NECKLINE = (0.02, 0.075)  # metres: the circle's place to the front, its radius
STRIPE = (75.0, 0.3)  # radians per metre, sine above which there is one
HAIR_LINE = (0.15, 0.45)  # of the head's radius: hair behind the first and above the second
# Eyes, brows, mouth, of the head's radius: height, half of it, distance from the middle, half of
# the width, share of the skin's reflectance.
FEATURES = (
    (0.05, 0.09, 0.38, 0.17, 0.45),
    (0.24, 0.045, 0.38, 0.24, 0.5),
    (-0.52, 0.06, 0.0, 0.27, 0.6),
)


@kernel
def _reflectance(
    kind: int,
    base: float,
    second: float,
    where: float,
    x: float,
    y: float,
    z: float,
    h: float,
    r: float,
) -> float:
    """Reflectance at a point of a part in the part's coordinates."""
    along = z / h if h > 0.0 else z
    if kind == BORDER:
        return second if along > where else base
    if kind == COLLAR:
        neckline = along > where and x * x + (y - NECKLINE[0]) ** 2 < NECKLINE[1] ** 2
        return second if neckline else base
    if kind == STRIPES:
        return second if math.sin(z * STRIPE[0]) > STRIPE[1] else base
    if kind == FACE:
        fx, fy, fz = abs(x / r), y / r, z / r
        if fy < HAIR_LINE[0] or fz > HAIR_LINE[1]:
            return second
        for height, half, aside, wide, share in FEATURES:
            if abs(fz - height) < half and abs(fx - aside) < wide:
                return base * share
    return base


@kernel
def _texture(pattern: np.ndarray, offset: float, x: float, y: float, z: float) -> float:
    """Log reflectance of folds and prints at a point of a part."""
    u = int((x + SLANT[0] * y + offset) * TEXEL_PER_M + 65536.0) & (TEXTURE_CELLS - 1)
    v = int((z + SLANT[1] * y + SLANT[2] * offset) * TEXEL_PER_M + 65536.0) & (TEXTURE_CELLS - 1)
    return pattern[v, u]


@kernel
def shade(
    parts: np.ndarray,
    materials: np.ndarray,
    seen: np.ndarray,
    lamps: np.ndarray,
    ambient: float,
    pattern: np.ndarray,
    background: np.ndarray,
    depth: np.ndarray,
    index: np.ndarray,
    rows: np.ndarray,
    image: np.ndarray,
) -> None:
    """Radiance of `rows` into `image` (h, w): the body where it is, else `background`."""
    # No views of rows of an array inside the loop: their reference counts cost more than the rest.
    for v in range(depth.shape[0]):
        for u in range(rows[v, 0], rows[v, 1]):
            t = depth[v, u]
            if t >= FAR:
                image[v, u] = background[v, u]
                continue
            i = index[v, u]
            x = seen[i, 9] + t * (seen[i, 0] * u + seen[i, 1] * v + seen[i, 2])
            y = seen[i, 10] + t * (seen[i, 3] * u + seen[i, 4] * v + seen[i, 5])
            z = seen[i, 11] + t * (seen[i, 6] * u + seen[i, 7] * v + seen[i, 8])
            h, ra, rb = parts[i, 12], parts[i, 13], parts[i, 14]
            value = _reflectance(
                int(materials[i, 0]),
                materials[i, 1],
                materials[i, 2],
                materials[i, 3],
                x,
                y,
                z,
                h,
                ra,
            )
            if materials[i, 4] > 0.0:
                fold = materials[i, 4] * _texture(pattern, materials[i, 5], x, y, z)
                value *= 1.0 + fold * (1.0 + 0.5 * fold)  # close to exp
            nz = z
            if h > 0.0:
                slope = (ra - rb) / math.sqrt(max(h * h - (ra - rb) * (ra - rb), 1e-9))
                nz = math.sqrt(x * x + y * y) * slope
                touched = z - nz  # place on the axis of the sphere that the point belongs to
                if touched <= 0.0:
                    nz = z
                elif touched >= h:
                    nz = z - h
            wx = parts[i, 0] * x + parts[i, 3] * y + parts[i, 6] * nz
            wy = parts[i, 1] * x + parts[i, 4] * y + parts[i, 7] * nz
            wz = parts[i, 2] * x + parts[i, 5] * y + parts[i, 8] * nz
            norm = 1.0 / math.sqrt(wx * wx + wy * wy + wz * wz + 1e-12)
            light = ambient
            for k in range(len(lamps)):
                cosine = (wx * lamps[k, 0] + wy * lamps[k, 1] + wz * lamps[k, 2]) * norm
                light += max(cosine, 0.0) * lamps[k, 3]
            image[v, u] = value * light
