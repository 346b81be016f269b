"""A Kalman filter for independent joints: position and velocity, driven by random acceleration.

What a camera says is wrong by nearly the same amount for a tenth of a second or two: its error is
part of the state, a first-order Gauss-Markov process per camera and joint, so that a hundred poses
a second do not count as a hundred witnesses. Pixels enter as whitened rows, each of which adds its
information h h^T: depth stays as uncertain as it was, and any number of cameras adds up. The
covariance form is kept because gate, prediction and output read it; `test_kalman.py` holds it to
the information matrix of the whole trajectory.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.pose.kalman_steps import absorb, note, predict
from hybrid_pose_ros.pose.solver import whitened_rows

MISSING, ACCEPTED, REJECTED = 0, 1, -1

# accel_noise is the acceleration that a limb may take up anew every 10 ms.
_ACCELERATION_TIME_S = 0.01
_MOTION = 6  # numbers of a joint's state that are not cameras' errors


class JointFilter:
    """Position, velocity and their covariance of J joints at one time.

    Between measurements a joint keeps its velocity, which fades with `velocity_decay_s`: a depth
    that no camera sees comes to rest instead of running away.

    Args:
        joints: number of joints.
        cameras: number of cameras, whose errors are estimated beside the motion.
        accel_noise: standard deviation of the random acceleration, m/s^2, drawn anew every 10 ms.
        velocity_decay_s: time in which an unobserved velocity falls to 37 %, s.
        correlated_share: part of a pixel's variance that stays from pose to pose, in [0, 1).
        correlation_s: time in which that part falls to 37 %, s.
        start_speed: standard deviation of the velocity of a new joint, m/s.
        max_std: bound of the position's standard deviation in any direction, m.
        gate: largest accepted squared Mahalanobis distance of a measurement.
        reopen_after: after this many rejections in a row the joint is opened again to `max_std`.

    Attributes:
        arrays: everything that changes, changed in place only: copy it to come back to it.
        known: (J,) bool.
    """

    def __init__(
        self,
        joints: int,
        cameras: int,
        *,
        accel_noise: float = 60.0,
        velocity_decay_s: float = 0.3,
        correlated_share: float = 0.9,
        correlation_s: float = 0.15,
        start_speed: float = 2.0,
        max_std: float = 0.35,
        gate: float = 25.0,
        reopen_after: int = 8,
    ) -> None:
        self._density = accel_noise**2 * _ACCELERATION_TIME_S  # m^2/s^3
        self._decay_s = velocity_decay_s
        self._white = 1.0 - correlated_share
        self._drift = np.sqrt(correlated_share / self._white)
        self._correlation_s = correlation_s
        self._start_variance = start_speed**2
        self._max_std = max_std
        self._gate = gate
        self._reopen_after = reopen_after
        size = _MOTION + 2 * cameras
        self._state = np.full((joints, size), np.nan)
        self._covariance = np.full((joints, size, size), np.nan)
        self._rejections = np.zeros(joints, np.int64)
        self.known = np.zeros(joints, bool)
        self.arrays = (self._state, self._covariance, self._rejections, self.known)

    @property
    def xyz(self) -> np.ndarray:
        """(J, 3) positions, m; NaN where unknown."""
        return self._state[:, :3]

    @property
    def velocity(self) -> np.ndarray:
        """(J, 3) velocities, m/s."""
        return self._state[:, 3:6]

    @property
    def covariance(self) -> np.ndarray:
        """(J, 3, 3) covariance of the positions, m^2."""
        return self._covariance[:, :3, :3]

    def start(self, which: np.ndarray, xyz: np.ndarray) -> None:
        """Begin joints anew, `max_std` uncertain: which (J,) bool, xyz (J, 3) m."""
        count = self._state.shape[1]
        variance = np.ones(count)
        variance[:3], variance[3:6] = self._max_std**2, self._start_variance
        self._state[which] = 0.0
        self._state[which, :3] = xyz[which]
        self._covariance[which] = np.diag(variance)
        self._rejections[which] = 0
        self.known |= which

    def forget(self, which: np.ndarray) -> None:
        """Make joints unknown: which (J,) bool."""
        self._state[which] = np.nan
        self._covariance[which] = np.nan
        self.known &= ~which

    def predict(self, seconds: float) -> None:
        """Move all joints on in time; uncertainty grows up to `max_std`."""
        if seconds <= 0.0:
            return
        motion = transition(seconds, self._density, self._decay_s)
        fade = float(np.exp(-seconds / self._correlation_s))
        if predict(self._state, self._covariance, *motion, fade, self._max_std**2):
            self._bound()

    def peek(self, seconds: float) -> tuple[np.ndarray, np.ndarray]:
        """Positions (J, 3) and covariance (J, 3, 3) later or a little earlier than the state."""
        p, c = self._state, self._covariance
        if seconds > 0.0:
            gain, _, noise, _, _ = transition(seconds, self._density, self._decay_s)
        else:
            gain, noise = seconds, self._density * abs(seconds) ** 3 / 3
        cross = c[:, :3, 3:6] * gain
        covariance = c[:, :3, :3] + cross + cross.swapaxes(1, 2) + c[:, 3:6, 3:6] * gain**2
        return p[:, :3] + p[:, 3:6] * gain, covariance + noise * np.eye(3)

    def distances(
        self,
        camera: int,
        projection: np.ndarray,
        uv: np.ndarray,
        covariance: np.ndarray,
        seen: np.ndarray,
    ) -> np.ndarray:
        """Squared Mahalanobis distances of pixels from their prediction; see `update_pixels`.

        Returns:
            (J,) about chi-square with two degrees of freedom; NaN where unknown or not seen.
        """
        return self._pixels(camera, projection, uv, covariance, seen, None, change=False)

    def update_pixels(
        self,
        camera: int,
        projection: np.ndarray,
        uv: np.ndarray,
        covariance: np.ndarray,
        seen: np.ndarray,
        hold_depth: np.ndarray | None = None,
    ) -> np.ndarray:
        """Take one camera's pixels.

        Args:
            camera: its index.
            projection: (3, 4) metres to pixels.
            uv: (J, 2) pixels.
            covariance: (J, 3) px^2: var(u), cov(u, v), var(v).
            seen: (J,) bool.
            hold_depth: (J,) bool, joints that only this camera sees: they come to rest along its
                ray. (The wide axis of the covariance lags behind a turning ray, so that an
                unrestricted filter would read a depth into the pixels and drift away.)

        Returns:
            (J,) int8: MISSING, ACCEPTED or REJECTED by the gate.
        """
        distance = self._pixels(camera, projection, uv, covariance, seen, hold_depth, change=True)
        return self._note(distance)

    def _pixels(
        self,
        camera: int,
        projection: np.ndarray,
        uv: np.ndarray,
        covariance: np.ndarray,
        seen: np.ndarray,
        hold_depth: np.ndarray | None,
        *,
        change: bool,
    ) -> np.ndarray:
        rows = np.zeros((len(seen), 2, 4))
        valid = seen & self.known
        whitened_rows(projection, uv, covariance * self._white, self.xyz, rows, valid)
        hold = np.zeros(len(seen), bool) if hold_depth is None else hold_depth
        distance = np.full(len(seen), np.nan)
        # White and lasting error have the same shape, so that after whitening their ratio is left.
        first, drift = _MOTION + 2 * camera, self._drift
        absorb(
            self._state, self._covariance, rows, valid, hold, self._gate, first, drift, change,
            distance,
        )  # fmt: skip
        return distance

    def _note(self, distance: np.ndarray) -> np.ndarray:
        """Status by distance; joints that were refused too often are opened again."""
        status = np.empty(len(distance), np.int8)
        if note(distance, self._gate, self._rejections, status) >= self._reopen_after:
            # The joint is not where it was thought to be: let the next measurement decide.
            self.start(self._rejections >= self._reopen_after, self.xyz.copy())
        return status

    def _bound(self) -> None:
        """Shrink directions that nobody has seen for long to `max_std`."""
        limit = self._max_std**2
        with np.errstate(invalid="ignore"):
            wide = np.trace(self.covariance, axis1=1, axis2=2) > limit
        values, vectors = np.linalg.eigh(self.covariance[wide])
        shrink = np.sqrt(limit / np.maximum(values, limit))
        transform = np.tile(np.eye(self._state.shape[1]), (len(values), 1, 1))
        transform[:, :3, :3] = (vectors * shrink[:, None, :]) @ vectors.swapaxes(1, 2)
        self._covariance[wide] = transform @ self._covariance[wide] @ transform.swapaxes(1, 2)


def transition(
    seconds: float, density: float, decay_s: float
) -> tuple[float, float, float, float, float]:
    """How position and velocity go on while the velocity fades (Ornstein-Uhlenbeck), exactly.

    Args:
        seconds: time to go, >= 0.
        density: of the acceleration's noise, m^2/s^3.
        decay_s: time in which a velocity falls to 37 %.

    Returns:
        Seconds that a velocity moves its position, share of a velocity that remains, and the
        noise's variance of a position, covariance with its velocity, variance of a velocity.
    """
    q, tau = density, decay_s
    ratio = seconds / tau
    if ratio < 1e-3:  # the exact terms below cancel; this is their limit
        return seconds, 1.0 - ratio, q * seconds**3 / 3, q * seconds**2 / 2, q * seconds
    rest = float(np.exp(-ratio))
    return (
        tau * (1.0 - rest),
        rest,
        q * tau**3 * (ratio - 1.5 + 2.0 * rest - 0.5 * rest**2),
        q * tau**2 * (1.0 - rest) ** 2 / 2,
        q * tau * (1.0 - rest**2) / 2,
    )
