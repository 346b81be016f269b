"""The bones of a motion capture file, and where they are in every frame (forward kinematics)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

AXES = "xyz"


@dataclass(frozen=True)
class Skeleton:
    """Joints, each after its parent.

    The formats differ in what a name means: the point of a BVH joint is where its bone begins,
    the point of an ASF bone is where it ends. Both are here: a joint's point is the parent's
    point, plus `offsets` turned with the parent, plus `tips` turned with the joint itself.

    Attributes:
        names: as in the file.
        parents: index of each joint's parent; -1 for the first.
        offsets, tips: (j, 3), in the unit of the file.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: np.ndarray
    tips: np.ndarray


@dataclass(frozen=True)
class Clip:
    """A motion capture file in the form that the retargeting reads.

    Attributes:
        path: of the file, for messages.
        rate_hz: frames per second.
        skeleton: its joints.
        points: (n, j, 3) of each joint; metres, or the unit of a BVH file, which does not tell.
        frames: (n, j, 3, 3) rotations from the rest pose to the frame, in the file's axes.
        rest: (j, 3) points of the rest pose.
    """

    path: Path
    rate_hz: float
    skeleton: Skeleton
    points: np.ndarray
    frames: np.ndarray
    rest: np.ndarray


def turn(axis: str, angle: np.ndarray) -> np.ndarray:
    """Rotations about the axis "x", "y" or "z": angles (n,) in radians -> (n, 3, 3)."""
    angle = np.asarray(angle, np.float64)
    i = AXES.index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    out = np.zeros((*angle.shape, 3, 3))
    out[..., i, i] = 1.0
    out[..., j, j] = out[..., k, k] = np.cos(angle)
    out[..., k, j] = np.sin(angle)
    out[..., j, k] = -out[..., k, j]
    return out


def turn_in_order(angles: np.ndarray, order: str) -> np.ndarray:
    """Rotation by angles (3,) given in the sequence of `order`, its first axis first."""
    out = np.eye(3)
    for axis, angle in zip(order, angles, strict=True):
        out = turn(axis, angle) @ out
    return out


def place(
    skeleton: Skeleton, moves: np.ndarray, local: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, j, 3) and rotations (n, j, 3, 3) of all joints.

    Args:
        skeleton: with j joints.
        moves: (n or 1, j, 3) each joint's place against its parent, in the parent's axes; the
            first joint's in the world.
        local: (n, j, 3, 3) rotation of each joint against its parent.
    """
    points, frames = np.empty((*local.shape[:2], 3)), np.empty(local.shape)
    for j, parent in enumerate(skeleton.parents):
        if parent < 0:
            frames[:, j] = local[:, j]
            points[:, j] = moves[:, j]
        else:
            frames[:, j] = frames[:, parent] @ local[:, j]
            moved = np.einsum(
                "nij,nj->ni", frames[:, parent], np.broadcast_to(moves[:, j], (len(local), 3))
            )
            points[:, j] = points[:, parent] + moved
        points[:, j] += frames[:, j] @ skeleton.tips[j]
    return points, frames


def make_clip(
    path: Path, rate_hz: float, skeleton: Skeleton, moves: np.ndarray, local: np.ndarray
) -> Clip:
    """Forward kinematics of all frames and of the rest pose, see `place`."""
    points, frames = place(skeleton, moves, local)
    identity = np.broadcast_to(np.eye(3), (1, *local.shape[1:]))
    rest, _ = place(skeleton, skeleton.offsets[None], identity)
    return Clip(path, rate_hz, skeleton, points, frames, rest[0])
