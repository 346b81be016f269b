"""How often confidences and covariances are right: a table over tenths of confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MEDIAN_CHI2 = 2 * np.log(2.0)  # of two degrees of freedom
NINETY_CHI2 = 2 * np.log(10.0)
BINS = 10


@dataclass(frozen=True)
class Reliability:
    """One row of the table: joints whose confidence lies in [low, high).

    Attributes:
        count: of joints.
        confidence: their mean confidence.
        inside: share whose truth is within the decoder's window around the peak.
        in_half, in_ninety: share whose truth is in the ellipses that should hold 50 and 90 %.
    """

    low: float
    high: float
    count: int
    confidence: float
    inside: float
    in_half: float
    in_ninety: float


def reliability_table(
    distance: np.ndarray, confidence: np.ndarray, inside: np.ndarray
) -> tuple[Reliability, ...]:
    """Rows for the tenths of confidence in which there are joints.

    Args:
        distance: (n,) squared Mahalanobis distance of the truth.
        confidence: (n,) 0 to 1.
        inside: (n,) bool: the truth is in the decoder's window.
    """
    rows = []
    for i in range(BINS):
        low, high = i / BINS, (i + 1) / BINS
        chosen = (confidence >= low) & ((confidence < high) | (i == BINS - 1))
        if chosen.any():
            half = distance[chosen] <= MEDIAN_CHI2
            ninety = distance[chosen] <= NINETY_CHI2
            means = (confidence[chosen], inside[chosen], half, ninety)
            rows.append(
                Reliability(low, high, int(chosen.sum()), *(float(np.mean(m)) for m in means))
            )
    return tuple(rows)


def rows_as_markdown(table: tuple[Reliability, ...]) -> str:
    """The table for a report."""
    lines = [
        "| confidence | joints | mean | truth in window | in 50 % ellipse | in 90 % ellipse |",
        "|---|---|---|---|---|---|",
    ]
    for row in table:
        lines.append(
            f"| {row.low:.1f}-{row.high:.1f} | {row.count} | {row.confidence:.3f} "
            f"| {row.inside:.3f} | {row.in_half:.3f} | {row.in_ninety:.3f} |"
        )
    return "\n".join(lines) + "\n"
