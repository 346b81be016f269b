"""Events that show no person, so that the networks learn to say that they see none.

Three kinds: a recording whose tiles are shuffled (edges and motion as usual, no body), straight
edges that sweep the picture, and noise alone.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.events.types import EVENT_DTYPE


def without_person(
    events: np.ndarray, width: int, height: int, rng: np.random.Generator
) -> np.ndarray:
    """Events of the same duration as `events`, sorted, without a person.

    Args:
        events: EVENT_DTYPE of a real view, all inside width x height.
    """
    kind = rng.integers(3)
    if kind == 0 or events.size == 0:
        return _shuffled_tiles(events, width, height, rng)
    t0_ns, t1_ns = int(events["t"][0]), int(events["t"][-1]) + 1
    edges = rng.integers(1, 5) if kind == 1 else 0
    parts = [_sweeping_edge(t0_ns, t1_ns, width, height, rng) for _ in range(edges)]
    parts.append(_noise(t0_ns, t1_ns, width, height, rng))
    out = np.concatenate(parts)
    return out[np.argsort(out["t"], kind="stable")]


def _shuffled_tiles(
    events: np.ndarray, width: int, height: int, rng: np.random.Generator
) -> np.ndarray:
    """The same events with square tiles of the picture exchanged."""
    side = int(rng.choice([16, 32, 48]))
    columns, rows = width // side, height // side
    inside = (events["x"] < columns * side) & (events["y"] < rows * side)
    out = events[inside].copy()
    tile = (out["y"] // side).astype(np.int64) * columns + out["x"] // side
    target = rng.permutation(columns * rows)[tile]
    out["x"] = (target % columns) * side + out["x"] % side
    out["y"] = (target // columns) * side + out["y"] % side
    return out


def _sweeping_edge(
    t0_ns: int, t1_ns: int, width: int, height: int, rng: np.random.Generator
) -> np.ndarray:
    """A straight edge that moves evenly along its normal."""
    seconds = (t1_ns - t0_ns) * 1e-9
    count = int(rng.uniform(5e3, 4e4) * seconds)
    share = np.sort(rng.random(count))
    angle = rng.uniform(0, 2 * np.pi)
    normal = np.array([np.cos(angle), np.sin(angle)])
    along = np.array([-normal[1], normal[0]])
    start = rng.uniform([0, 0], [width, height])
    distance = rng.uniform(20, 400) * seconds
    length = rng.uniform(20, 200)
    offset = rng.uniform(-0.5, 0.5, count) * length
    place = start + share[:, None] * distance * normal + offset[:, None] * along
    place = np.round(place + rng.normal(0, 0.7, place.shape)).astype(np.int64)
    inside = np.all((place >= 0) & (place < [width, height]), axis=1)
    out = np.zeros(int(inside.sum()), EVENT_DTYPE)
    out["t"] = t0_ns + (share[inside] * (t1_ns - t0_ns)).astype(np.int64)
    out["x"], out["y"] = place[inside].T
    out["p"] = rng.integers(0, 2) if rng.random() < 0.5 else rng.integers(0, 2, out.size)
    return out


def _noise(t0_ns: int, t1_ns: int, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Independent events, as many a pixel and second as a quiet to a very bad sensor has."""
    seconds = (t1_ns - t0_ns) * 1e-9
    count = int(10 ** rng.uniform(-2, 0.3) * width * height * seconds)
    out = np.zeros(count, EVENT_DTYPE)
    out["t"] = np.sort(rng.integers(t0_ns, t1_ns, count))
    out["x"], out["y"] = rng.integers(0, width, count), rng.integers(0, height, count)
    out["p"] = rng.integers(0, 2, count)
    return out
