"""What a bundle adjustment needs to know of cameras and bones: predictions and derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.extrinsics import rotation_of_vector
from hybrid_pose_ros.skeleton import INDEX

# Limbs whose length does not change while a person moves.
BONES = np.array(
    [
        (INDEX[f"{a}_{side}"], INDEX[f"{b}_{side}"])
        for side in ("right", "left")
        for a, b in (("shoulder", "elbow"), ("elbow", "hand"), ("hip", "knee"), ("knee", "foot"))
    ]
    + [(INDEX["hip_right"], INDEX["hip_left"])]
)
_NEAREST_M = 0.1  # a step too far must not turn the picture around


class MovingCameras:
    """C cameras without lenses that may turn about their centres and be shifted."""

    def __init__(self, cameras: Sequence[Camera]) -> None:
        self._focal = np.stack([camera.intrinsics for camera in cameras])
        self._rotation = np.stack([camera.rotation for camera in cameras])
        self._center = np.stack([camera.center for camera in cameras])

    def project(
        self, xyz: np.ndarray, moves: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pixels of joints, and how they change.

        Args:
            xyz: (T, J, 3) metres.
            moves: (C, 6) rotation vector in the optical frame, rad, and shift in the world, m.

        Returns:
            Pixels (C, T, J, 2), derivatives by joints (C, T, J, 2, 3) and moves (C, T, J, 2, 6).
        """
        turned = np.stack([rotation_of_vector(move[:3]) for move in moves]) @ self._rotation
        arms = xyz[None] - (self._center + moves[:, 3:])[:, None, None]
        local = np.einsum("cik,ctjk->ctji", turned, arms)
        depth = np.maximum(local[..., 2], _NEAREST_M)
        flat = local[..., :2] / depth[..., None]
        focal = self._focal[:, :2, :2]
        uv = np.einsum("cik,ctjk->ctji", focal, flat) + self._focal[:, None, None, :2, 2]
        by_local = np.zeros((*local.shape[:3], 2, 3))
        by_local[..., 0, 0] = by_local[..., 1, 1] = 1.0 / depth
        by_local[..., 2] = -flat / depth[..., None]
        by_local = focal[:, None, None] @ by_local
        by_xyz = by_local @ turned[:, None, None]
        # exp(w) p changes by -[p]x J(w) dw
        inner = np.stack([_left_jacobian(move[:3]) for move in moves])
        by_turn = -by_local @ _cross(local) @ inner[:, None, None]
        return uv, by_xyz, np.concatenate([by_turn, -by_xyz], axis=-1)


def bone_lengths(xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bone lengths (T, B) and unit directions (T, B, 3) towards the first joint."""
    between = xyz[:, BONES[:, 0]] - xyz[:, BONES[:, 1]]
    lengths = np.linalg.norm(between, axis=-1)
    return lengths, between / np.maximum(lengths, 1e-6)[..., None]


def _cross(p: np.ndarray) -> np.ndarray:
    """Matrices [p]x of vectors (..., 3)."""
    out = np.zeros((*p.shape, 3))
    out[..., 2, 1], out[..., 0, 2], out[..., 1, 0] = p[..., 0], p[..., 1], p[..., 2]
    return out - np.swapaxes(out, -1, -2)


def _left_jacobian(w: np.ndarray) -> np.ndarray:
    """How exp(w) turns further when w grows, up to the third order of w."""
    cross = _cross(w)
    return np.eye(3) + cross / 2 + cross @ cross / 6
