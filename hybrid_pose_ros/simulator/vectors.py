"""Directions in space: units, and turning one into another."""

from __future__ import annotations

import numpy as np


def unit(v: np.ndarray) -> np.ndarray:
    """Vectors of length 1 along the last axis."""
    return np.asarray(v / np.linalg.norm(v, axis=-1, keepdims=True))


def carried(v: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """`v` turned by the smallest rotation that takes `start` to `end`, all units (..., 3)."""
    axis = np.cross(start, end)
    once = np.cross(axis, v)
    cosine = np.sum(start * end, axis=-1, keepdims=True)
    return np.asarray(v + once + np.cross(axis, once) / np.maximum(1.0 + cosine, 1e-2))


def turned(v: np.ndarray, w: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """`v` turned towards `w`, which is square to it, by an angle (...) in radians."""
    return np.asarray(np.cos(angle)[..., None] * v + np.sin(angle)[..., None] * w)
