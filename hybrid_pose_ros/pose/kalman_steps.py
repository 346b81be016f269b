"""The compiled inner loops of `kalman`: prediction and measurement update of all joints.

A state is x, y, z (m), their velocities (m/s), and per camera the two coordinates of its present
error, in standard deviations.
"""

from __future__ import annotations

import numba
import numpy as np

# Share of the velocity along the only ray that is forgotten at each update. As the ray turns with
# a moving limb, velocity across it would otherwise leak into the depth, always outwards.
_SETTLE = 0.2


@numba.njit(cache=True)
def predict(
    state: np.ndarray,
    covariance: np.ndarray,
    gain: float,
    rest: float,
    q_pp: float,
    q_pv: float,
    q_vv: float,
    fade: float,
    limit: float,
) -> bool:
    """Per axis x <- F x, P <- F P F^T + Q with F = [[1, gain], [0, rest]]; errors fade to N(0, 1).

    Args:
        state: (J, 6 + 2C) changed.
        covariance: (J, 6 + 2C, 6 + 2C) changed.
        gain: seconds that a velocity moves its position.
        rest: share of a velocity that remains.
        q_pp: noise of a position, m^2.
        q_pv: covariance of the noises of position and velocity, m^2/s.
        q_vv: noise of a velocity, m^2/s^2.
        fade: share of a camera's error that remains.
        limit: bound of a position's variance, m^2.

    Returns:
        Whether a position may have become more uncertain than that.
    """
    size, wide = state.shape[1], False
    for j in range(len(state)):
        x, c = state[j], covariance[j]
        for i in range(3):
            x[i] += gain * x[i + 3]
            x[i + 3] *= rest
            for k in range(size):
                c[i, k] += gain * c[i + 3, k]
                c[i + 3, k] *= rest
        for i in range(6, size):
            x[i] *= fade
            for k in range(size):
                c[i, k] *= fade
        for i in range(size):
            for k in range(3):
                c[i, k] += gain * c[i, k + 3]
                c[i, k + 3] *= rest
            for k in range(6, size):
                c[i, k] *= fade
        for i in range(3):
            c[i, i] += q_pp
            c[i, i + 3] += q_pv
            c[i + 3, i] += q_pv
            c[i + 3, i + 3] += q_vv
        for i in range(6, size):
            c[i, i] += 1.0 - fade * fade
        wide = wide or c[0, 0] + c[1, 1] + c[2, 2] > limit
    return wide


@numba.njit(cache=True)
def absorb(
    state: np.ndarray,
    covariance: np.ndarray,
    rows: np.ndarray,
    valid: np.ndarray,
    hold: np.ndarray,
    gate: float,
    first: int,
    drift: float,
    change: bool,
    distance: np.ndarray,
) -> None:
    """Take whitened rows; a joint beyond the gate stays as it is.

    Args:
        state: (J, 6 + 2C) changed.
        covariance: (J, 6 + 2C, 6 + 2C) changed.
        rows: (J, R, 4): derivative by x, y, z | residual at the state, in standard deviations.
        valid: (J,) bool.
        hold: (J,) bool: position and velocity stay alone along the ray of their two rows.
        gate: largest squared Mahalanobis distance.
        first: place in the state of the error that the first row has, the next row's follows.
        drift: derivative of a row by its error; 0 where the rows' errors are white.
        change: take the rows; else write the distance only.
        distance: (J,) written: squared Mahalanobis distance; untouched where not valid.
    """
    size = state.shape[1]
    x, c, h = np.empty(size), np.empty((size, size)), np.zeros(size)
    ph, gain, ray = np.empty(size), np.empty(size), np.zeros(3)
    for j in range(len(state)):
        if not valid[j]:
            continue
        x[:] = state[j]
        c[:] = covariance[j]
        if hold[j]:
            _cross(rows[j, 0], rows[j, 1], ray)
        total = 0.0
        for r in range(rows.shape[1]):
            h[:] = 0.0
            h[:3] = rows[j, r, :3]
            h[first + r] += drift
            innovation = rows[j, r, 3] - h[first + r] * x[first + r] * (drift != 0.0)
            for k in range(3):  # the residual was taken at the old position
                innovation -= h[k] * (x[k] - state[j, k])
            variance = 1.0
            for i in range(size):
                ph[i] = c[i, 0] * h[0] + c[i, 1] * h[1] + c[i, 2] * h[2]
                if drift != 0.0:
                    ph[i] += c[i, first + r] * drift
            for i in range(3):
                variance += h[i] * ph[i]
            if drift != 0.0:
                variance += drift * ph[first + r]
            total += innovation * innovation / variance
            for i in range(size):
                gain[i] = ph[i] / variance
            if hold[j]:
                _remove(gain[:3], ray, 1.0)
                _remove(gain[3:6], ray, 1.0)
            for i in range(size):
                x[i] += gain[i] * innovation
                for k in range(size):  # right for any gain
                    c[i, k] += gain[i] * gain[k] * variance - gain[i] * ph[k] - ph[i] * gain[k]
        distance[j] = total
        if change and total <= gate:
            if hold[j]:
                _remove(x[3:6], ray, _SETTLE)
            state[j] = x
            covariance[j] = c


@numba.njit(cache=True)
def note(distance: np.ndarray, gate: float, rejections: np.ndarray, status: np.ndarray) -> int:
    """What became of a measurement.

    Args:
        distance: (J,) squared Mahalanobis distance; NaN = missing.
        gate: largest accepted one.
        rejections: (J,) in a row, changed.
        status: (J,) written: 1 accepted, -1 rejected, 0 missing.

    Returns:
        The largest number of rejections in a row.
    """
    most = 0
    for j in range(len(distance)):
        status[j] = 0
        if distance[j] <= gate:
            status[j] = 1
            rejections[j] = 0
        elif distance[j] > gate:
            status[j] = -1
            rejections[j] += 1
        most = max(most, rejections[j])
    return most


@numba.njit(cache=True)
def _remove(vector: np.ndarray, direction: np.ndarray, share: float) -> None:
    """Take a share of the part along a unit vector away."""
    along = share * (vector[0] * direction[0] + vector[1] * direction[1] + vector[2] * direction[2])
    for k in range(3):
        vector[k] -= along * direction[k]


@numba.njit(cache=True)
def _cross(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Unit vector across two directions: along it, neither of two pixel rows changes."""
    out[0] = a[1] * b[2] - a[2] * b[1]
    out[1] = a[2] * b[0] - a[0] * b[2]
    out[2] = a[0] * b[1] - a[1] * b[0]
    out /= np.sqrt(out[0] ** 2 + out[1] ** 2 + out[2] ** 2)
