"""From joint angles to points in the world: the bones and the axes of trunk and head.

A subject faces world -y, its left is +x, z is up, the floor is z = 0. Lengths are those of an
average body of 1.75 m, scaled to the subject.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.simulator.legs import Legs, stand
from hybrid_pose_ros.simulator.pose import OUTWARD, Pose
from hybrid_pose_ros.simulator.subjects import Subject

_HEADING = -0.5 * np.pi  # world angle of "forward"
_FRONT = np.array([np.cos(_HEADING), np.sin(_HEADING), 0.0])
_LEFT = np.array([-np.sin(_HEADING), np.cos(_HEADING), 0.0])
_UP = np.array([0.0, 0.0, 1.0])
# The acromion is at 0.82 of the height (ANSUR II), the joint 4 cm below; shoes lift both.
_SHOULDER_DROP = 0.05


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
            forearm=0.265 * s * subject.arms,
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


def carried(v: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """`v` turned by the smallest rotation that takes `start` to `end`, all units (..., 3)."""
    axis = np.cross(start, end)
    once = np.cross(axis, v)
    cosine = np.sum(start * end, axis=-1, keepdims=True)
    return np.asarray(v + once + np.cross(axis, once) / np.maximum(1.0 + cosine, 1e-2))


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
    toes = _foot_way(pose, shank, _turned(forward, thigh, pose.knee))
    legs = Legs(
        thigh=thigh @ base,
        shank=shank @ base,
        toes=toes @ base,
        knee_front=forward @ base,
        sides=OUTWARD[None, :, None] * pelvis_left[:, None] * size.hip_half,
        thigh_m=size.thigh,
        shank_m=size.shank,
        ankle_m=size.ankle,
        unit=size.unit,
    )
    hips, hip, knee, ankle, toes = stand(pose, legs, _FRONT, _LEFT)

    upper, forward, outward = _limb(pose.arm_flexion, pose.arm_abduction)
    fore = _turned(upper, _turned(forward, outward, pose.arm_twist), pose.elbow)
    upper, fore = upper @ chest, fore @ chest
    neck = hips + up * size.trunk
    shoulder = shoulders_of(neck, chest, upper, pose.breath, size)
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


def _foot_way(pose: Pose, shank: np.ndarray, shank_front: np.ndarray) -> np.ndarray:
    """Direction of the toes (n, 2, 3) in (front, left, up): square to the shank, turned out."""
    ahead = _turned(shank_front, -shank, pose.ankle)
    return unit(ahead + [0.0, 0.15, 0.0] * OUTWARD[:, None])


def shoulders_of(
    neck: np.ndarray, chest: np.ndarray, upper: np.ndarray, breath: np.ndarray, size: Lengths
) -> np.ndarray:
    """Shoulder joints (n, 2, 3): the shoulder blades rise and reach forward with the arms.

    Args:
        neck: (n, 3).
        chest: (n, 3, 3) front, left and up of the chest.
        upper: (n, 2, 3) directions of the upper arms.
        breath: (n,) -1..1; size: of the person.
    """
    front, left, up = (chest[:, None, i] for i in range(3))
    raised = np.clip((np.sum(upper * up, -1) + 0.6) / 1.4, 0.0, 1.0) ** 2
    ahead = np.clip(np.sum(upper * front, -1), -0.5, 1.0)
    lift = (0.06 * raised - _SHOULDER_DROP + 0.003 * breath[:, None]) * size.unit
    out = size.shoulder_half - 0.025 * raised * size.unit
    return (
        neck[:, None]
        + OUTWARD[:, None] * left * out[..., None]
        + up * lift[..., None]
        + front * (0.03 * ahead * size.unit)[..., None]
    )


def _head_axes(
    pose: Pose, front: np.ndarray, left: np.ndarray, up: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    ahead = _turned(front, left, pose.head_yaw)
    return _turned(ahead, -up, pose.head_pitch), _turned(up, ahead, pose.head_pitch)
