"""From joint angles to points in the world: the bones and the axes of trunk and head.

A subject faces world -y, its left is +x, z is up, the floor is z = 0. Lengths are those of an
average body of 1.75 m, scaled to the subject.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.simulator.pose import OUTWARD, Pose
from hybrid_pose_ros.simulator.subjects import Subject

_HEADING = -0.5 * np.pi  # world angle of "forward"
_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Lengths:
    """Bone lengths of one subject in metres; `unit` scales everything that is not named."""

    unit: float
    thigh: float
    shank: float
    upper_arm: float
    forearm: float
    trunk: float
    hip_half: float
    shoulder_half: float
    ankle: float

    @classmethod
    def of(cls, subject: Subject) -> Lengths:
        """Lengths for a subject; longer legs make a shorter trunk, so that the height stays."""
        s = subject.height / 1.75
        return cls(
            unit=s,
            thigh=0.43 * s * subject.legs,
            shank=0.41 * s * subject.legs,
            upper_arm=0.30 * s * subject.arms,
            forearm=0.26 * s * subject.arms,
            trunk=0.545 * s - 0.84 * s * (subject.legs - 1.0),
            hip_half=0.09 * s * subject.hips,
            shoulder_half=0.175 * s * subject.shoulders,
            ankle=0.09 * s,
        )


@dataclass(frozen=True)
class Bones:
    """Points (n, 3) or, for pairs, (n, 2, 3) with the columns right, left; directions are units."""

    lengths: Lengths
    hips: np.ndarray  # centre of the pelvis
    neck: np.ndarray
    head: np.ndarray  # centre of the head
    up: np.ndarray  # of the trunk
    front: np.ndarray  # of the chest
    left: np.ndarray
    pelvis_front: np.ndarray
    pelvis_left: np.ndarray
    head_up: np.ndarray
    head_front: np.ndarray
    shoulder: np.ndarray
    elbow: np.ndarray
    hand: np.ndarray  # wrist
    hip: np.ndarray
    knee: np.ndarray
    ankle: np.ndarray
    toe_way: np.ndarray  # direction of the foot
    breath: np.ndarray  # (n,)


def unit(v: np.ndarray) -> np.ndarray:
    """Vectors of length 1 along the last axis."""
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def _limb(flexion: np.ndarray, abduction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Axis of a limb, its forward and its outward normal; (n, 2, 3) in (front, left, up)."""
    sf, cf, sa, ca = np.sin(flexion), np.cos(flexion), np.sin(abduction), np.cos(abduction)
    zero = np.zeros_like(sf)
    axis = np.stack([sf * ca, OUTWARD * sa, -cf * ca], axis=-1)
    forward = np.stack([cf, zero, sf], axis=-1)
    outward = np.stack([-sf * sa, OUTWARD * ca, cf * sa], axis=-1)
    return axis, forward, outward


def _turned(v: np.ndarray, w: np.ndarray, angle: np.ndarray) -> np.ndarray:
    return np.cos(angle)[..., None] * v + np.sin(angle)[..., None] * w


def bones_of(pose: Pose, subject: Subject) -> Bones:
    """Place the skeleton so that its lowest foot is `pose.jump` above the floor."""
    size = Lengths.of(subject)
    heading = _HEADING + pose.yaw
    zero = np.zeros_like(heading)
    front0 = np.stack([np.cos(heading), np.sin(heading), zero], axis=-1)
    left0 = np.stack([-np.sin(heading), np.cos(heading), zero], axis=-1)
    base = np.stack([front0, left0, np.broadcast_to(_UP, front0.shape)], axis=-2)

    up = unit(front0 * np.sin(pose.lean)[:, None] + left0 * np.sin(pose.roll)[:, None] + _UP)
    pelvis_front = unit(front0 - up * np.sum(front0 * up, -1, keepdims=True))
    pelvis_left = np.cross(up, pelvis_front)
    front = _turned(pelvis_front, pelvis_left, pose.twist)
    left = np.cross(up, front)
    chest = np.stack([front, left, up], axis=-2)

    thigh, forward, _ = _limb(pose.hip_flexion, pose.hip_abduction)
    shank = _turned(thigh, -forward, pose.knee)
    toes = _foot_way(pose, shank)
    thigh, shank, toes = (v @ base for v in (thigh, shank, toes))
    hips = _standing(pose, size, thigh, shank, toes, pelvis_left, front0, left0)
    sides = OUTWARD[None, :, None] * pelvis_left[:, None]
    hip = hips[:, None] + sides * size.hip_half
    knee = hip + thigh * size.thigh
    ankle = knee + shank * size.shank

    upper, forward, outward = _limb(pose.arm_flexion, pose.arm_abduction)
    fore = _turned(upper, _turned(forward, outward, pose.arm_twist), pose.elbow)
    upper, fore = upper @ chest, fore @ chest
    neck = hips + up * size.trunk
    # The shoulder rises with the arm.
    raised = np.clip((np.sum(upper * up[:, None], -1) + 0.6) / 1.4, 0.0, 1.0) ** 2
    lift = (0.05 * raised - 0.035 + 0.002 * pose.breath[:, None]) * size.unit
    shoulder = (
        neck[:, None]
        + OUTWARD[None, :, None] * left[:, None] * size.shoulder_half
        + up[:, None] * lift[..., None]
    )
    elbow = shoulder + upper * size.upper_arm
    head_front, head_up = _head_axes(pose, front, left, up)
    return Bones(
        lengths=size,
        hips=hips,
        neck=neck,
        head=neck + (head_up * 0.145 + head_front * 0.02) * size.unit,
        up=up,
        front=front,
        left=left,
        pelvis_front=pelvis_front,
        pelvis_left=pelvis_left,
        head_up=head_up,
        head_front=head_front,
        shoulder=shoulder,
        elbow=elbow,
        hand=elbow + fore * size.forearm,
        hip=hip,
        knee=knee,
        ankle=ankle,
        toe_way=toes,
        breath=pose.breath,
    )


def _foot_way(pose: Pose, shank: np.ndarray) -> np.ndarray:
    """Direction of the toes (n, 2, 3) in (front, left, up): with the shank, a little outwards."""
    ahead = np.broadcast_to(np.stack([np.ones(2), 0.15 * OUTWARD, np.zeros(2)], -1), shank.shape)
    ahead = ahead + _UP * np.tan(np.clip(pose.ankle, -1.0, 1.0))[..., None]
    return unit(ahead - 0.7 * shank * np.sum(ahead * shank, -1, keepdims=True))


def _standing(
    pose: Pose,
    size: Lengths,
    thigh: np.ndarray,
    shank: np.ndarray,
    toes: np.ndarray,
    pelvis_left: np.ndarray,
    front0: np.ndarray,
    left0: np.ndarray,
) -> np.ndarray:
    """Centre of the pelvis (n, 3) such that the lowest sole or toe touches the floor."""
    drop = OUTWARD * pelvis_left[:, None, 2] * size.hip_half
    ankle = drop + thigh[..., 2] * size.thigh + shank[..., 2] * size.shank
    heel = ankle - size.ankle
    toe = ankle + toes[..., 2] * 0.172 * size.unit - 0.085 * size.unit
    lowest = np.minimum(heel, toe).min(axis=-1)
    place = front0 * pose.forward[:, None] + left0 * pose.left[:, None]
    return place + _UP * (pose.jump - lowest)[:, None]


def _head_axes(
    pose: Pose, front: np.ndarray, left: np.ndarray, up: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    ahead = _turned(front, left, pose.head_yaw)
    return _turned(ahead, -up, pose.head_pitch), _turned(up, ahead, pose.head_pitch)
