"""A covariance as the ellipsoid that holds the truth with 95 % probability."""

from __future__ import annotations

import numpy as np

_CHI2_95_3 = 7.815


def ellipsoids(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Axes and directions of 95 % ellipsoids.

    Args:
        covariance: (N, 3, 3) m^2, finite.

    Returns:
        (N, 3) full lengths of the axes, m, and (N, 4) quaternions x, y, z, w that turn x, y, z into
        their directions.
    """
    values, vectors = np.linalg.eigh(covariance)
    vectors = vectors * np.sign(np.linalg.det(vectors))[:, None, None]  # no mirror images
    return 2.0 * np.sqrt(_CHI2_95_3 * np.maximum(values, 0.0)), _quaternions(vectors)


def _quaternions(rotation: np.ndarray) -> np.ndarray:
    """(N, 3, 3) rotations to (N, 4), by the largest of the four possible divisors."""
    r = rotation
    products = np.empty((len(r), 4, 4))  # q q^T times 4, of q = (x, y, z, w)
    trace = np.trace(r, axis1=1, axis2=2)
    for i in range(3):
        products[:, i, i] = 1.0 + 2.0 * r[:, i, i] - trace
        j, k = (i + 1) % 3, (i + 2) % 3
        products[:, i, j] = products[:, j, i] = r[:, i, j] + r[:, j, i]
        products[:, i, 3] = products[:, 3, i] = r[:, k, j] - r[:, j, k]
    products[:, 3, 3] = 1.0 + trace
    best = np.argmax(np.diagonal(products, axis1=1, axis2=2), axis=1)
    rows = products[np.arange(len(r)), best]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
