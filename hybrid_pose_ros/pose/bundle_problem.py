"""The least-squares problem of `bundle_adjustment`, with the joints eliminated.

Thousands of joint positions depend on a few dozen global numbers (camera poses, constant errors of
the joints, bone lengths). For given globals the joints of each time are solved on their own, and
the optimiser sees only what is left: residuals and their derivative by the globals, projected off
the joints (variable projection).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.pose.bundle_geometry import BONES, MovingCameras, bone_lengths
from hybrid_pose_ros.pose.camera import Camera

_RELINEARISE = 4
_RIDGE = 1e-3  # 1 / m^2: holds joints that nobody sees where they are
_SETTLED_M = 1e-6
_LONGEST_M = 0.2  # step of a joint: the equations are linearised


@dataclass(frozen=True)
class Beliefs:
    """Standard deviations of what is known beforehand.

    Attributes:
        rotation_deg: how far a camera that has moved was turned.
        position_m: and shifted.
        joint_bias_px: of the constant error of a joint in a camera; 0 = there is none, which is
            many times faster.
        bone_m: of a bone's length from one time to the next.
    """

    rotation_deg: float = 3.0
    position_m: float = 0.005
    joint_bias_px: float = 0.7
    bone_m: float = 0.1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0.0 < value < np.inf and (name, value) != ("joint_bias_px", 0.0):
                raise ConfigError(f"{name} must be above 0, got {value}")


class BundleProblem:
    """Residuals and Jacobian for C cameras, T times and J joints.

    Args:
        cameras: where they are believed to be.
        uv: (C, T, J, 2) linear pixels; what `weights` leaves out may be NaN.
        xyz: (T, J, 3) where to start, metres.
        beliefs: see there.
        moved: names of the cameras that may have moved.

    Attributes:
        whiten: (C, T, J, 2, 2) upper factor of each inverse covariance; zero = not used.
        xyz: (T, J, 3) joints that belong to the globals last asked about.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        uv: np.ndarray,
        xyz: np.ndarray,
        beliefs: Beliefs,
        moved: Sequence[str],
    ) -> None:
        self.shape = uv.shape[:3]
        count, _, joints = self.shape
        self._uv = np.nan_to_num(uv)
        self._cameras = MovingCameras(cameras)
        self.xyz = xyz
        self.whiten = np.zeros((*uv.shape, 2))
        turn = np.full(3, np.radians(beliefs.rotation_deg))
        self._move_std = np.concatenate([turn, np.full(3, beliefs.position_m)])
        self._bias_std, self._bone_std = beliefs.joint_bias_px or 1.0, beliefs.bone_m
        self._moves, self._biases = 6 * count, 2 * count * joints
        self._free = np.ones(self._moves + self._biases + len(BONES), bool)
        for i, camera in enumerate(cameras):
            self._free[6 * i : 6 * i + 6] = camera.name in moved
        self._free[self._moves : -len(BONES)] = beliefs.joint_bias_px > 0
        self._start = np.zeros(self._free.size)
        self._start[-len(BONES) :] = np.nanmedian(bone_lengths(xyz)[0], axis=0)
        self._at: np.ndarray | None = None

    def reweight(self, whiten: np.ndarray) -> None:
        """Take other weights of the views."""
        self.whiten, self._at = whiten, None

    def start(self) -> np.ndarray:
        """Globals with every camera where it is believed to be."""
        return self._start[self._free]

    def split(self, free: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Moves (C, 6), constant errors (C, J, 2) px and bone lengths (B,) m."""
        count, _, joints = self.shape
        every = self._start.copy()
        every[self._free] = free
        moves, biases = every[: self._moves], every[self._moves : self._moves + self._biases]
        return moves.reshape(count, 6), biases.reshape(count, joints, 2), every[-len(BONES) :]

    def errors(self, free: np.ndarray) -> np.ndarray:
        """Predicted minus measured pixels (C, T, J, 2), constant errors taken off."""
        moves, biases, _ = self.split(free)
        return self._cameras.project(self.xyz, moves)[0] + biases[:, None] - self._uv

    def residuals(self, free: np.ndarray) -> np.ndarray:
        """Everything that should be small, in standard deviations."""
        self._solve_joints(free)
        moves, biases, _ = self.split(free)
        beliefs = moves / self._move_std
        rows = self._rows(free)[0]
        return np.concatenate([rows.ravel(), beliefs.ravel(), biases.ravel() / self._bias_std])

    def jacobian(self, free: np.ndarray) -> np.ndarray:
        """Derivative of `residuals` by the free globals while the joints follow."""
        self._solve_joints(free)
        by_joints, by_globals = self._rows(free)[1], self._by_globals(free)[..., self._free]
        across = by_joints.transpose(0, 2, 1)
        normal = across @ by_joints + _RIDGE * np.eye(by_joints.shape[2])
        seen = by_globals - by_joints @ np.linalg.solve(normal, across @ by_globals)
        beliefs = np.zeros((self._moves + self._biases, self._free.size))
        moves = np.tile(1 / self._move_std, self.shape[0])
        np.fill_diagonal(beliefs, np.append(moves, np.full(self._biases, 1 / self._bias_std)))
        return np.concatenate([seen.reshape(-1, len(free)), beliefs[:, self._free]])

    def _solve_joints(self, free: np.ndarray) -> None:
        """Gauss-Newton over the joints of each time."""
        if self._at is not None and np.array_equal(free, self._at):
            return
        for _ in range(_RELINEARISE):
            rows, by_joints = self._rows(free)
            across = by_joints.transpose(0, 2, 1)
            normal = across @ by_joints + _RIDGE * np.eye(by_joints.shape[2])
            step = np.linalg.solve(normal, across @ rows[..., None]).reshape(self.xyz.shape)
            self.xyz = self.xyz - np.clip(step, -_LONGEST_M, _LONGEST_M)
            if np.abs(step).max() < _SETTLED_M:
                break
        self._at = free.copy()

    def _rows(self, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Per time: residuals of pixels and bones (T, R), derivative by the joints (T, R, 3 J)."""
        count, times, joints = self.shape
        moves, biases, bones = self.split(free)
        uv, by_xyz, _ = self._cameras.project(self.xyz, moves)
        white = (self.whiten @ (uv + biases[:, None] - self._uv)[..., None])[..., 0]
        by_pixels = np.zeros((times, count, joints, 2, joints, 3))
        each = np.arange(joints)
        by_pixels[:, :, each, :, each] = (self.whiten @ by_xyz).transpose(2, 1, 0, 3, 4)
        lengths, direction = bone_lengths(self.xyz)
        stiff = self._stiffness()
        by_bones = np.zeros((times, len(BONES), joints, 3))
        for b, (one, other) in enumerate(BONES):
            by_bones[:, b, one] = direction[:, b] * stiff[:, b, None]
            by_bones[:, b, other] = -by_bones[:, b, one]
        shape = times, -1, 3 * joints
        return (
            np.append(white.transpose(1, 0, 2, 3).reshape(times, -1), (lengths - bones) * stiff, 1),
            np.append(by_pixels.reshape(shape), by_bones.reshape(shape), axis=1),
        )

    def _by_globals(self, free: np.ndarray) -> np.ndarray:
        """Derivative of the residuals of `_rows` by all globals (T, R, G)."""
        count, times, joints = self.shape
        move = self.whiten @ self._cameras.project(self.xyz, self.split(free)[0])[2]
        pixels = np.zeros((times, count, joints, 2, self._free.size))
        for c in range(count):
            pixels[:, c, ..., 6 * c : 6 * c + 6] = move[c]
            for j in range(joints):
                column = self._moves + 2 * (c * joints + j)
                pixels[:, c, j, :, column : column + 2] = self.whiten[c, :, j]
        bones = np.zeros((times, len(BONES), self._free.size))
        each = np.arange(len(BONES))
        bones[:, each, each - len(BONES)] = -self._stiffness()
        return np.append(pixels.reshape(times, -1, self._free.size), bones, axis=1)

    def _stiffness(self) -> np.ndarray:
        """(T, B) one over a bone's standard deviation; 0 where an end is not seen."""
        seen = np.asarray(self.whiten.any(axis=(0, 3, 4)))
        return np.all(seen[:, BONES], axis=-1) / self._bone_std
