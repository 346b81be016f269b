"""What a set of estimated tracks is worth: errors, PCK, jitter, delay.

All arrays are (N windows, T steps, 13 joints, ...), 2D in pixels of the 256 x 256 crop; NaN is
missing and does not count.
"""

from __future__ import annotations

import numpy as np

PCK_PX = (5.0, 10.0, 20.0)
FAST_PX = 8.0  # in 100 ms
MOVING_PX = 20.0  # coordinates that change by less say nothing about the delay


def mean(values: np.ndarray) -> float | None:
    """Mean of what is not NaN; None if nothing is."""
    known = np.isfinite(values)
    return float(values[known].mean()) if known.any() else None


def per_step(errors: np.ndarray, chosen: np.ndarray | None = None) -> list[float | None]:
    """Mean of each step of errors (N, T, 13), of the chosen (N, T, 13) alone."""
    if chosen is not None:
        errors = np.where(chosen, errors, np.nan)
    return [mean(errors[:, step]) for step in range(errors.shape[1])]


def published_per_step(errors: np.ndarray) -> list[float | None]:
    """Mean over windows of the mean over their joints, as published; (N, T, 13)."""
    known = np.isfinite(errors)
    count = known.sum(-1)
    sums = np.where(known, errors, 0.0).sum(-1)
    means = np.where(count > 0, sums / np.maximum(count, 1), np.nan)
    return [mean(means[:, step]) for step in range(errors.shape[1])]


def pck(errors: np.ndarray) -> dict[str, float | None]:
    """Share of joints that are nearer than each of PCK_PX."""
    known = errors[np.isfinite(errors)]
    return {f"{px:g}": float((known < px).mean()) if len(known) else None for px in PCK_PX}


def jitter(estimate: np.ndarray, truth: np.ndarray) -> float | None:
    """Mean change of the error vector from one pose to the next, px; (n, 13, 2) in a row."""
    return mean(np.linalg.norm(np.diff(estimate - truth, axis=0), axis=-1))


def delay_steps(tracks: list[tuple[np.ndarray, np.ndarray]], reach: int) -> float | None:
    """By how many steps the estimate runs behind the truth: the peak of their cross-correlation.

    Args:
        tracks: (estimate, truth) of poses in a row, (n, 13, 2) each.
        reach: steps to either side that are looked at.

    Returns:
        Steps, between them by a parabola through the peak; None where nothing moves, or where the
        peak is out of reach.
    """
    cross, own, other = np.zeros((3, 2 * reach + 1))
    for estimate, truth in tracks:
        for series in _movements(estimate, truth, 4 * reach):
            for i, lag in enumerate(range(-reach, reach + 1)):
                e, t = _overlap(*series, lag)
                cross[i] += (e * t).sum()
                own[i] += (e * e).sum()
                other[i] += (t * t).sum()
    if not (own * other > 0).all():
        return None
    correlation = cross / np.sqrt(own * other)
    peak = int(correlation.argmax())
    if not 0 < peak < 2 * reach:
        return None
    left, top, right = correlation[peak - 1 : peak + 2]
    bend = left - 2 * top + right
    return float(peak - reach + (0.5 * (left - right) / bend if bend < 0 else 0.0))


def _movements(
    estimate: np.ndarray, truth: np.ndarray, shortest: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each coordinate (n,) that is known throughout and moves far, around its mean."""
    found = []
    for joint in range(truth.shape[1]):
        for axis in range(2):
            e, t = estimate[:, joint, axis].astype(np.float64), truth[:, joint, axis]
            long_enough = len(t) > shortest
            if (
                long_enough
                and np.isfinite(e).all()
                and np.isfinite(t).all()
                and np.ptp(t) > MOVING_PX
            ):
                found.append((e - e.mean(), t - t.mean()))
    return found


def _overlap(estimate: np.ndarray, truth: np.ndarray, lag: int) -> tuple[np.ndarray, np.ndarray]:
    """estimate(k + lag) against truth(k)."""
    if lag >= 0:
        return estimate[lag:], truth[: len(truth) - lag]
    return estimate[:lag], truth[-lag:]
