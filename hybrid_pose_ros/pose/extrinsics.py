"""Where a camera is: rotations written as quaternions or vectors, and the matrix [R | t]."""

from __future__ import annotations

import numpy as np


def rotation_of_quaternion(xyzw: np.ndarray) -> np.ndarray:
    """Rotation matrix (3, 3) of a quaternion x, y, z, w (ROS's order), of any length but zero."""
    x, y, z, w = np.asarray(xyzw, np.float64) / np.linalg.norm(xyzw)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def rotation_of_vector(vector: np.ndarray) -> np.ndarray:
    """Rotation matrix (3, 3) of a rotation vector: axis times angle in radians (Rodrigues)."""
    vector = np.asarray(vector, np.float64)
    angle = float(np.linalg.norm(vector))
    # sin(a) / a and (1 - cos(a)) / a^2, also where a is zero
    sine, rest = np.sinc(angle / np.pi), 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    x, y, z = vector
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + sine * cross + rest * cross @ cross


def angle_of_rotation(rotation: np.ndarray) -> float:
    """Angle of a rotation matrix (3, 3), radians in 0..pi."""
    twice_sine = np.linalg.norm(
        [
            rotation[2, 1] - rotation[1, 2],
            rotation[0, 2] - rotation[2, 0],
            rotation[1, 0] - rotation[0, 1],
        ]
    )
    return float(np.arctan2(twice_sine, np.trace(rotation) - 1.0))


def world_to_camera(rotation: np.ndarray, position: np.ndarray) -> np.ndarray:
    """[R | t] (3, 4) of a camera that stands in the world.

    Args:
        rotation: (3, 3) optical frame to world, as a transform of TF has it.
        position: (3,) of the optical centre in the world, m.
    """
    inverse = np.asarray(rotation, np.float64).T
    return np.column_stack([inverse, -inverse @ position])
