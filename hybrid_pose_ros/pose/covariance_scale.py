"""How much wider than the heatmap's second moment a joint's covariance has to be.

A heatmap's width says how sure a network is where it looks, not whether it looks at the right
place. How often it does shows in the confidence: the factor is a function of it, fitted on poses
whose truth is known, so that 95 % of all true joints lie in their 95 % ellipses at any confidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHARE = 0.95
CHI2 = -2.0 * np.log(1.0 - SHARE)  # of two degrees of freedom
EDGES = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 1.0)  # of confidence
LEAST = 60  # joints for a factor of their own: 3 of them are outside
LIMITS = (0.05, 100.0)


@dataclass(frozen=True)
class CovarianceScale:
    """Factors of covariances, linear in confidence between the knots and constant beyond.

    Attributes:
        confidence: knots, ascending.
        factor: at the knots, positive.
    """

    confidence: tuple[float, ...] = (0.0,)
    factor: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        knots, factors = np.array(self.confidence, float), np.array(self.factor, float)
        if knots.shape != factors.shape or knots.ndim != 1 or not len(knots):
            raise ValueError(f"confidence and factor must be lists of one length, got {self}")
        if not (np.diff(knots) > 0).all() or not (np.isfinite(factors) & (factors > 0)).all():
            raise ValueError(f"confidence must ascend and factors be positive, got {self}")

    def at(self, confidence: np.ndarray) -> np.ndarray:
        """Factors (...) float32 for confidences (...)."""
        return np.interp(confidence, self.confidence, self.factor).astype(np.float32)


UNSCALED = CovarianceScale()


def fit_covariance_scale(distance: np.ndarray, confidence: np.ndarray) -> CovarianceScale:
    """The scale with which 95 % of true joints lie in their 95 % ellipses.

    Args:
        distance: (n,) squared Mahalanobis distances of the truth from unscaled poses.
        confidence: (n,) 0 to 1.

    Returns:
        Factors that never rise with confidence; `UNSCALED` for fewer than 60 joints.
    """
    order = np.argsort(confidence, kind="stable")
    distance, confidence = distance[order], confidence[order]
    cuts = np.searchsorted(confidence, EDGES[1:-1]).tolist()
    found: list[tuple[float, float]] = []
    end = len(distance)
    for begin in [*reversed(cuts), 0]:
        if end - begin < LEAST or 0 < begin < LEAST:
            continue  # too few: with those below
        factor = float(np.clip(np.quantile(distance[begin:end], SHARE) / CHI2, *LIMITS))
        knot = float(confidence[begin:end].mean())
        found.append((knot, max(factor, found[-1][1]) if found else factor))
        end = begin
    if not found:
        return UNSCALED
    knots, factors = zip(*reversed(found), strict=True)
    return CovarianceScale(knots, factors)
