"""From joint angles to points in the world: the bones and the axes of trunk and head.

A subject faces world -y, its left is +x, z is up, the floor is z = 0. Lengths are those of an
average body of 1.75 m, scaled to the subject.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.simulator.angles import FRONT, LEFT, legs_of, limb, pelvis_of
from hybrid_pose_ros.simulator.legs import stand
from hybrid_pose_ros.simulator.lengths import Lengths
from hybrid_pose_ros.simulator.pose import OUTWARD, Pose
from hybrid_pose_ros.simulator.subjects import Subject
from hybrid_pose_ros.simulator.vectors import turned

# The acromion is at 0.82 of the height (ANSUR II), the joint 4 cm below; shoes lift both.
_SHOULDER_DROP = 0.05


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


def bones_of(pose: Pose, subject: Subject) -> Bones:
    """Place the skeleton so that its lowest foot is `pose.jump` above the floor."""
    size = Lengths.of(subject)
    level, pelvis = pelvis_of(pose)
    pelvis_front, pelvis_left, up = pelvis.swapaxes(0, 1)
    front = turned(pelvis_front, pelvis_left, pose.twist)
    left = np.cross(up, front)
    chest = np.stack([front, left, up], axis=-2)

    legs = legs_of(pose, size, level, pelvis)
    hips, hip, knee, ankle, toes = stand(pose, legs, FRONT, LEFT)

    upper, forward, outward = limb(pose.arm_flexion, pose.arm_abduction)
    fore = turned(upper, turned(forward, outward, pose.arm_twist), pose.elbow)
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
    ahead = turned(front, left, pose.head_yaw)
    return turned(ahead, -up, pose.head_pitch), turned(up, ahead, pose.head_pitch)
