"""A Kalman filter for independent joints: position and velocity, driven by random acceleration.

Measurements are whitened rows that are taken one after another, so that pixels of one camera (two
rows: depth stays as uncertain as it was) and triangulated points (three rows) go the same way. The
sum of the normalised innovations is the measurement's Mahalanobis distance, which the gate tests.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.pose.kalman_steps import absorb, predict
from hybrid_pose_ros.pose.solver import whitened_rows

# accel_noise is the acceleration that a limb may take up anew every 10 ms.
_ACCELERATION_TIME_S = 0.01

MISSING, ACCEPTED, REJECTED = 0, 1, -1


class JointFilter:
    """Position, velocity and their covariance of J joints at one time.

    Between measurements a joint keeps its velocity, which fades with `velocity_decay_s`: a depth
    that no camera sees comes to rest instead of running away.

    Args:
        joints: number of joints.
        accel_noise: standard deviation of the random acceleration, m/s^2, drawn anew every 10 ms.
        velocity_decay_s: time in which an unobserved velocity falls to 37 %, s.
        start_speed: standard deviation of the velocity of a new joint, m/s.
        max_std: bound of the position's standard deviation in any direction, m.
        gate: largest accepted squared Mahalanobis distance of a measurement.
        reopen_after: after this many rejections in a row the joint is opened again to `max_std`.
    """

    def __init__(
        self,
        joints: int,
        *,
        accel_noise: float = 60.0,
        velocity_decay_s: float = 0.3,
        start_speed: float = 2.0,
        max_std: float = 0.35,
        gate: float = 25.0,
        reopen_after: int = 8,
    ) -> None:
        self._density = accel_noise**2 * _ACCELERATION_TIME_S  # m^2/s^3
        self._decay_s = velocity_decay_s
        self._start_variance = start_speed**2
        self._max_std = max_std
        self._gate = gate
        self._reopen_after = reopen_after
        self._state = np.full((joints, 6), np.nan)
        self._covariance = np.full((joints, 6, 6), np.nan)
        self._rejections = np.zeros(joints, np.int64)
        self.known = np.zeros(joints, bool)

    @property
    def xyz(self) -> np.ndarray:
        """(J, 3) positions, m; NaN where unknown."""
        return self._state[:, :3]

    @property
    def velocity(self) -> np.ndarray:
        """(J, 3) velocities, m/s."""
        return self._state[:, 3:]

    @property
    def covariance(self) -> np.ndarray:
        """(J, 3, 3) covariance of the positions, m^2."""
        return self._covariance[:, :3, :3]

    def start(self, which: np.ndarray, xyz: np.ndarray, covariance: np.ndarray) -> None:
        """Begin joints anew: which (J,) bool, xyz (J, 3) m, covariance (J, 3, 3) m^2."""
        self._state[which, :3] = xyz[which]
        self._state[which, 3:] = 0.0
        self._covariance[which] = np.eye(6) * self._start_variance
        self._covariance[which, :3, :3] = covariance[which]
        self._rejections[which] = 0
        self.known = self.known | which

    def forget(self, which: np.ndarray) -> None:
        """Make joints unknown: which (J,) bool."""
        self._state[which] = np.nan
        self._covariance[which] = np.nan
        self.known = self.known & ~which

    def predict(self, seconds: float) -> None:
        """Move all joints on in time; uncertainty grows up to `max_std`."""
        if seconds <= 0.0:
            return
        predict(self._state, self._covariance, *self._transition(seconds))
        self._bound()

    def peek(self, seconds: float) -> tuple[np.ndarray, np.ndarray]:
        """Positions (J, 3) and covariance (J, 3, 3) a little later or earlier than the state."""
        p, c = self._state, self._covariance
        cross = c[:, :3, 3:] * seconds
        noise = self._density * abs(seconds) ** 3 / 3
        covariance = c[:, :3, :3] + cross + cross.swapaxes(1, 2) + c[:, 3:, 3:] * seconds**2
        return p[:, :3] + p[:, 3:] * seconds, covariance + noise * np.eye(3)

    def update_pixels(
        self,
        projection: np.ndarray,
        uv: np.ndarray,
        covariance: np.ndarray,
        seen: np.ndarray,
        hold_depth: np.ndarray | None = None,
        *,
        test_only: bool = False,
    ) -> np.ndarray:
        """Take one camera's pixels.

        Args:
            projection: (3, 4) metres to pixels.
            uv: (J, 2) pixels.
            covariance: (J, 3) px^2: var(u), cov(u, v), var(v).
            seen: (J,) bool.
            hold_depth: (J,) bool, joints that only this camera sees: they come to rest along its
                ray. (The wide axis of the covariance lags behind a turning ray, so that an
                unrestricted filter would read a depth into the pixels and drift away.)
            test_only: only say what the gate thinks, change nothing.

        Returns:
            (J,) int8: MISSING, ACCEPTED or REJECTED by the gate.
        """
        rows = np.zeros((len(seen), 2, 4))
        valid = seen & self.known
        whitened_rows(projection, uv, covariance, self._state[:, :3], rows, valid)
        return self._absorb(rows, valid, hold_depth, test_only=test_only)

    def update_positions(
        self, xyz: np.ndarray, covariance: np.ndarray, seen: np.ndarray
    ) -> np.ndarray:
        """Take measured positions: xyz (J, 3) m, covariance (J, 3, 3) m^2, seen (J,) bool.

        Returns:
            (J,) int8: MISSING, ACCEPTED or REJECTED by the gate.
        """
        valid = seen & self.known & np.isfinite(xyz).all(axis=1)
        whitener = np.linalg.inv(
            np.linalg.cholesky(np.where(valid[:, None, None], covariance, np.eye(3)))
        )
        residual = np.where(valid[:, None], xyz - self._state[:, :3], 0.0)
        rows = np.concatenate([whitener, whitener @ residual[..., None]], axis=2)
        return self._absorb(rows, valid)

    def _absorb(
        self,
        rows: np.ndarray,
        valid: np.ndarray,
        hold_depth: np.ndarray | None = None,
        *,
        test_only: bool = False,
    ) -> np.ndarray:
        status = np.zeros(len(valid), np.int8)
        hold = np.zeros(len(valid), bool) if hold_depth is None else hold_depth
        absorb(self._state, self._covariance, rows, valid, hold, self._gate, test_only, status)
        if test_only:
            return status
        self._rejections[status == ACCEPTED] = 0
        self._rejections[status == REJECTED] += 1
        lost = self._rejections >= self._reopen_after
        if lost.any():
            # The joint is not where it was thought to be: let the next measurement decide.
            wide = np.broadcast_to(np.eye(3) * self._max_std**2, self.covariance.shape)
            self.start(lost, self.xyz, wide)
        return status

    def _transition(self, seconds: float) -> tuple[float, float, float, float, float]:
        """Position gain and remainder of the velocity, noise of both (Ornstein-Uhlenbeck)."""
        q, tau = self._density, self._decay_s
        ratio = seconds / tau
        if ratio < 1e-3:  # the exact terms below cancel; this is their limit
            return seconds, 1.0 - ratio, q * seconds**3 / 3, q * seconds**2 / 2, q * seconds
        rest = np.exp(-ratio)
        position = q * tau**3 * (ratio - 1.5 + 2.0 * rest - 0.5 * rest**2)
        return (
            tau * (1.0 - rest),
            rest,
            position,
            q * tau**2 * (1.0 - rest) ** 2 / 2,
            q * tau * (1.0 - rest**2) / 2,
        )

    def _bound(self) -> None:
        """Shrink directions that nobody has seen for long to `max_std`."""
        limit = self._max_std**2
        with np.errstate(invalid="ignore"):
            wide = np.trace(self.covariance, axis1=1, axis2=2) > limit
        if not wide.any():
            return
        values, vectors = np.linalg.eigh(self._covariance[wide, :3, :3])
        shrink = np.sqrt(limit / np.maximum(values, limit))
        transform = np.tile(np.eye(6), (len(values), 1, 1))
        transform[:, :3, :3] = (vectors * shrink[:, None, :]) @ vectors.swapaxes(1, 2)
        self._covariance[wide] = transform @ self._covariance[wide] @ transform.swapaxes(1, 2)
