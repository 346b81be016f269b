"""The compiled inner loops of `kalman`: prediction and measurement update of all joints.

A state is x, y, z (m) and their velocities (m/s).
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
) -> None:
    """Per axis x <- F x, P <- F P F^T + Q with F = [[1, gain], [0, rest]]."""
    for j in range(len(state)):
        x, c = state[j], covariance[j]
        for i in range(3):
            x[i] += gain * x[i + 3]
            x[i + 3] *= rest
        for i in range(3):
            for k in range(3):
                pv, vp, vv = c[i, k + 3], c[i + 3, k], c[i + 3, k + 3]
                c[i, k] += gain * (pv + vp) + gain * gain * vv
                c[i, k + 3] = rest * (pv + gain * vv)
                c[i + 3, k] = rest * (vp + gain * vv)
                c[i + 3, k + 3] = rest * rest * vv
            c[i, i] += q_pp
            c[i, i + 3] += q_pv
            c[i + 3, i] += q_pv
            c[i + 3, i + 3] += q_vv


@numba.njit(cache=True)
def absorb(
    state: np.ndarray,
    covariance: np.ndarray,
    rows: np.ndarray,
    valid: np.ndarray,
    hold: np.ndarray,
    gate: float,
    test_only: bool,
    status: np.ndarray,
) -> None:
    """Take whitened rows; a joint beyond the gate stays as it is.

    Args:
        state: (J, 6) changed.
        covariance: (J, 6, 6) changed.
        rows: (J, n, 4) derivative by x, y, z | residual, of unit variance.
        valid: (J,) bool, joints that have rows.
        hold: (J,) bool, joints to be left alone along the ray of their two rows.
        gate: largest squared Mahalanobis distance.
        test_only: write the status only.
        status: (J,) written: 1 accepted, -1 rejected; untouched where not valid.
    """
    x, c, ph, gain, ray = np.empty(6), np.empty((6, 6)), np.empty(6), np.empty(6), np.zeros(3)
    for j in range(len(state)):
        if not valid[j]:
            continue
        x[:] = state[j]
        c[:] = covariance[j]
        if hold[j]:
            _cross(rows[j, 0], rows[j, 1], ray)
        distance = 0.0
        for r in range(rows.shape[1]):
            h = rows[j, r]
            innovation = h[3]  # taken at the old position
            for k in range(3):
                innovation -= h[k] * (x[k] - state[j, k])
            for i in range(6):
                ph[i] = c[i, 0] * h[0] + c[i, 1] * h[1] + c[i, 2] * h[2]
            variance = 1.0 + h[0] * ph[0] + h[1] * ph[1] + h[2] * ph[2]
            distance += innovation * innovation / variance
            for i in range(6):
                gain[i] = ph[i] / variance
            if hold[j]:
                for part in (0, 3):
                    along = 0.0
                    for k in range(3):
                        along += ray[k] * gain[part + k]
                    for k in range(3):
                        gain[part + k] -= ray[k] * along
            for i in range(6):
                x[i] += gain[i] * innovation
                for k in range(6):  # right for any gain
                    c[i, k] += gain[i] * gain[k] * variance - gain[i] * ph[k] - ph[i] * gain[k]
        if distance <= gate:
            status[j] = 1
            if test_only:
                continue
            if hold[j]:
                along = ray[0] * x[3] + ray[1] * x[4] + ray[2] * x[5]
                for k in range(3):
                    x[3 + k] -= _SETTLE * along * ray[k]
            state[j] = x
            covariance[j] = c
        else:
            status[j] = -1


@numba.njit(cache=True)
def _cross(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Unit vector across two directions: along it, neither of two pixel rows changes."""
    out[0] = a[1] * b[2] - a[2] * b[1]
    out[1] = a[2] * b[0] - a[0] * b[2]
    out[2] = a[0] * b[1] - a[1] * b[0]
    out /= np.sqrt(out[0] ** 2 + out[1] ** 2 + out[2] ** 2)
