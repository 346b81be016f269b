"""Ray-casts tapered capsules: which part of the body each pixel sees, and how far away it is.

Everything works row by row on the columns that a part can cover, so the cost follows the size of
the person in the picture and not the size of the sensor.
"""

from __future__ import annotations

import math

import numpy as np

from hybrid_pose_ros.simulator.kernel import kernel

FAR = np.float32(1e9)
# Columns of a part as the camera sees it: ray matrix (9), camera in part coordinates (3).
SEEN_SIZE = 12


@kernel
def _outline(
    part: np.ndarray, view: np.ndarray, centre: np.ndarray, end: int, out: np.ndarray
) -> bool:
    """Circle (u, v, radius) in pixels around one end of a part; False behind the camera."""
    k = part[12] * end
    x, y, z = part[9] + part[6] * k, part[10] + part[7] * k, part[11] + part[8] * k
    depth = view[2, 0] * x + view[2, 1] * y + view[2, 2] * z + view[2, 3]
    radius = (part[14] if end else part[13]) * part[15]
    if depth <= radius + 0.05:
        return False
    out[0] = (view[0, 0] * x + view[0, 1] * y + view[0, 2] * z + view[0, 3]) / depth
    out[1] = (view[1, 0] * x + view[1, 1] * y + view[1, 2] * z + view[1, 3]) / depth
    dx, dy, dz = x - centre[0], y - centre[1], z - centre[2]
    distance = math.sqrt(dx * dx + dy * dy + dz * dz)
    out[2] = view[3, 0] * radius / (depth - radius) * (distance / depth) + 0.6
    return True


@kernel
def _columns(a: np.ndarray, b: np.ndarray, v: float, limits: np.ndarray) -> None:
    """Columns that the hull of the circles a and b covers in row v, as floats lo, hi."""
    lo, hi = 1e9, -1e9
    da, db = v - a[1], v - b[1]
    if abs(da) <= a[2]:
        half = math.sqrt(a[2] * a[2] - da * da)
        lo, hi = a[0] - half, a[0] + half
    if abs(db) <= b[2]:
        half = math.sqrt(b[2] * b[2] - db * db)
        lo, hi = min(lo, b[0] - half), max(hi, b[0] + half)
    # The two outer tangents, where they cross this row.
    x, y = b[0] - a[0], b[1] - a[1]
    square = x * x + y * y
    slope = a[2] - b[2]
    if square > slope * slope:
        root = math.sqrt(square - slope * slope)
        for sign in (-1.0, 1.0):
            nx = (x * slope - sign * y * root) / square
            ny = (y * slope + sign * x * root) / square
            y0, y1 = a[1] + ny * a[2], b[1] + ny * b[2]
            if (y0 - v) * (y1 - v) <= 0.0 and y0 != y1:
                share = (v - y0) / (y1 - y0)
                u = a[0] + nx * a[2] + share * (b[0] + nx * b[2] - a[0] - nx * a[2])
                lo, hi = min(lo, u), max(hi, u)
    limits[0], limits[1] = lo, hi


@kernel
def _see(part: np.ndarray, rays: np.ndarray, centre: np.ndarray, seen: np.ndarray) -> None:
    """Rays and camera centre in the part's own squeezed coordinates."""
    for row in range(3):
        x, y, z = part[3 * row], part[3 * row + 1], part[3 * row + 2]
        for column in range(3):
            seen[3 * row + column] = x * rays[0, column] + y * rays[1, column] + z * rays[2, column]
        seen[9 + row] = (
            x * (centre[0] - part[9]) + y * (centre[1] - part[10]) + z * (centre[2] - part[11])
        )


@kernel
def _cast_row(
    part: np.ndarray,
    s: np.ndarray,
    number: int,
    v: int,
    lo: int,
    hi: int,
    depth: np.ndarray,
    index: np.ndarray,
) -> None:
    """Intersect the rays of one row with one part, a round cone on the z axis from 0 to h.

    The side is the quadric of all spheres between the two ends; where the touched sphere lies
    outside the axis, the end spheres are tried instead. Along a row the coefficients of all three
    quadratic equations are polynomials in u, so little is left to do for a pixel.
    """
    h, ra, rb = part[12], part[13], part[14]
    ox, oy, oz = s[9], s[10], s[11]
    rx, ry, rz = s[1] * v + s[2], s[4] * v + s[5], s[7] * v + s[8]
    # |ray|^2, camera . ray, and the same from the far end
    square0, square1 = rx * rx + ry * ry + rz * rz, 2.0 * (s[0] * rx + s[3] * ry + s[6] * rz)
    square2 = s[0] * s[0] + s[3] * s[3] + s[6] * s[6]
    along0, along1 = rx * ox + ry * oy + rz * oz, s[0] * ox + s[3] * oy + s[6] * oz
    out = ox * ox + oy * oy + oz * oz
    slope = ra - rb
    free = h * h - slope * slope
    cone = h > 0.0 and free > 0.0
    m1 = h * oz
    shift = slope * ra - m1
    k0 = free * out - m1 * m1 + 2.0 * m1 * slope * ra - h * h * ra * ra
    near = out - ra * ra
    far = out - 2.0 * h * oz + h * h - rb * rb
    for u in range(lo, hi):
        square = square0 + u * (square1 + u * square2)
        along = along0 + u * along1
        rise = h * (rz + u * s[6])
        t = 1e9
        if cone:
            k2 = free * square - rise * rise
            k1 = free * along + rise * shift
            root = k1 * k1 - k0 * k2
            if root < 0.0:
                continue
            t = (-math.sqrt(root) - k1) / k2
            place = t * rise - shift
            if place <= 0.0 or place >= free:
                t = 1e9
        if t == 1e9:
            root = along * along - square * near
            if root > 0.0:
                t = (-along - math.sqrt(root)) / square
            if h > 0.0:
                back = along - rise
                root = back * back - square * far
                if root > 0.0:
                    t = min(t, (-back - math.sqrt(root)) / square)
        if 0.0 < t < depth[v, u]:
            depth[v, u] = t
            index[v, u] = number


@kernel
def cast(
    parts: np.ndarray,
    view: np.ndarray,
    rays: np.ndarray,
    centre: np.ndarray,
    seen: np.ndarray,
    depth: np.ndarray,
    index: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Depth and part number of every pixel that the body covers.

    Args:
        parts: (p, PART_SIZE) of one instant.
        view: (4, 4): three rows of the projection, then the focal length in [3, 0].
        rays: (3, 3) pixel (u, v, 1) to world direction of depth 1; centre: (3,) of the camera.
        seen: (p, SEEN_SIZE) scratch, needed again for shading.
        depth, index: (h, w) images; depth must be FAR outside `rows` of the last call.
        rows: (h, 2) int32, first and one past the last covered column of each row; rewritten.
    """
    height, width = depth.shape
    for v in range(height):
        for u in range(rows[v, 0], rows[v, 1]):
            depth[v, u] = FAR
        rows[v, 0], rows[v, 1] = width, 0
    a, b, limits = np.empty(3), np.empty(3), np.empty(2)
    for i in range(len(parts)):
        part = parts[i]
        if not (_outline(part, view, centre, 0, a) and _outline(part, view, centre, 1, b)):
            continue
        _see(part, rays, centre, seen[i])
        top = max(0, math.ceil(min(a[1] - a[2], b[1] - b[2])))
        bottom = min(height - 1, math.floor(max(a[1] + a[2], b[1] + b[2])))
        for v in range(top, bottom + 1):
            _columns(a, b, float(v), limits)
            lo, hi = max(0, math.ceil(limits[0])), min(width, math.floor(limits[1]) + 1)
            if lo < hi:
                rows[v, 0], rows[v, 1] = min(rows[v, 0], lo), max(rows[v, 1], hi)
                _cast_row(part, seen[i], i, v, lo, hi, depth, index)
