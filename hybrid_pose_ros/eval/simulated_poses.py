"""2D poses of a simulated walker in all cameras of a rig, with errors like those of a network.

For testing the fusion with exact truth and without rendering anything: errors are Gaussian, last
from pose to pose as those of real heatmaps do, and their covariance is told.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.pose.rig import Rig
from hybrid_pose_ros.skeleton import INDEX, NUM_JOINTS

# A standing person looking along x, metres.
_REST = {
    "head": (0.0, 0.0, 1.68), "shoulder": (0.0, 0.19, 1.45), "elbow": (0.0, 0.24, 1.16),
    "hand": (0.05, 0.26, 0.88), "hip": (0.0, 0.12, 0.95), "knee": (0.0, 0.13, 0.50),
    "foot": (0.0, 0.13, 0.06),
}  # fmt: skip
_CHAINS = (("shoulder", ("elbow", "hand"), 0.7), ("hip", ("knee", "foot"), -0.35))


class SimulatedPoses:
    """A person who marches on the spot, turns and sways.

    Args:
        rig: the cameras.
        bins: number of poses.
        seed: of the errors.
        period_s: time between poses.
        pixel_std: of each coordinate, px.
        correlated_share: part of the variance that lasts from pose to pose.
        correlation_s: time in which that part falls to 37 %.

    Attributes:
        start_ns: ROS time of bin 0.
        period_ns: time between poses.
    """

    start_ns = 1_700_000_000_003_217_000

    def __init__(
        self,
        rig: Rig,
        bins: int,
        seed: int = 0,
        *,
        period_s: float = 0.01,
        pixel_std: float = 3.0,
        correlated_share: float = 0.8,
        correlation_s: float = 0.06,
    ) -> None:
        self.rig = rig
        self.period_ns = round(period_s * 1e9)
        self._pixel_std = pixel_std
        fade = np.exp(-period_s / correlation_s)
        lasting, white = pixel_std * np.sqrt([correlated_share, 1.0 - correlated_share])
        self._noise = {}
        for number, camera in enumerate(rig.cameras):
            rng = np.random.default_rng([seed, number])
            error = rng.normal(size=(NUM_JOINTS, 2))
            errors = np.empty((bins, NUM_JOINTS, 2))
            for k in range(bins):
                errors[k] = lasting * error + white * rng.normal(size=error.shape)
                error = fade * error + np.sqrt(1 - fade**2) * rng.normal(size=error.shape)
            self._noise[camera] = errors

    def t_ns(self, k: int) -> int:
        """ROS time of bin k."""
        return self.start_ns + k * self.period_ns

    def truth(self, k: float) -> np.ndarray:
        """(13, 3) metres; k may be a fraction."""
        seconds = k * self.period_ns * 1e-9
        xyz = np.empty((NUM_JOINTS, 3))
        for side, sign in (("_right", -1.0), ("_left", 1.0)):
            place = {name: np.array(at) * [1, sign, 1] for name, at in _REST.items()}
            for root, ends, swing in _CHAINS:
                angle = swing * sign * np.sin(2 * np.pi * 0.9 * seconds)
                for end in ends:
                    place[end] = place[root] + _about_y(angle) @ (place[end] - place[root])
            for name, at in place.items():
                xyz[INDEX[name if name == "head" else name + side]] = at
        angle = -1.6 + 0.5 * np.sin(2 * np.pi * 0.2 * seconds)
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]])
        sway = [0.15 * np.sin(2 * np.pi * 0.4 * seconds), 0.12 * np.sin(2 * np.pi * 0.3 * seconds)]
        return np.column_stack([xyz @ turn.T + sway, xyz[:, 2]])

    def keypoints(self, camera: str, k: int, confidence: float = 0.9) -> Keypoints:
        """What a camera says in bin k."""
        uv = self.rig.cameras[camera].project(self.truth(k)) + self._noise[camera][k]
        variance = np.float32(self._pixel_std**2)
        covariance = np.tile(np.array([variance, 0, variance], np.float32), (NUM_JOINTS, 1))
        return Keypoints(
            uv.astype(np.float32), covariance, np.full(NUM_JOINTS, confidence, np.float32)
        )


def _about_y(angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
