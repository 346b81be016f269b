"""Session 5: the hands wave, circle, draw figure eights and clap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hybrid_pose_ros.simulator.movements.limbs import Builder
from hybrid_pose_ros.simulator.pose import OUTWARD, Pose, standing
from hybrid_pose_ros.simulator.rhythm import Rhythm


def wave(side: int) -> Builder:
    """The upper arm is held out, the raised forearm swings left and right."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm = Rhythm(rng, 0.68, jitter=0.05)
        lift, swing = rng.uniform(1.2, 1.6), rng.uniform(0.35, 0.55)

        def pose_at(t: np.ndarray) -> Pose:
            pose = standing(len(t))
            angle, size = rhythm.angle(t)
            pose.arm_flexion[:, side] = 0.1
            pose.arm_abduction[:, side] = lift + 0.05 * np.sin(angle - 0.6)
            pose.arm_twist[:, side] = 1.4
            pose.elbow[:, side] = 1.5 + swing * size * np.sin(angle)
            pose.roll += 0.02 * np.sin(angle - 1.0)
            pose.yaw += 0.03 * np.sin(angle - 0.5)
            return pose

        return pose_at

    return build


def circle(side: int) -> Builder:
    """The hand draws a circle in front of the shoulder."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm, radius = Rhythm(rng, 1.15, jitter=0.05), rng.uniform(0.35, 0.5)

        def pose_at(t: np.ndarray) -> Pose:
            pose = standing(len(t))
            angle, size = rhythm.angle(t)
            pose.arm_flexion[:, side] = 1.1 + radius * size * np.sin(angle)
            pose.arm_abduction[:, side] = 0.3 + radius * size * np.cos(angle)
            pose.elbow[:, side] = 0.5 - 0.2 * np.sin(angle)
            pose.twist += OUTWARD[side] * 0.04 * np.cos(angle)
            return pose

        return pose_at

    return build


def figure_eight(side: int) -> Builder:
    """The hand draws a lying eight in front of the body."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm, radius = Rhythm(rng, 1.7, jitter=0.05), rng.uniform(0.4, 0.6)

        def pose_at(t: np.ndarray) -> Pose:
            pose = standing(len(t))
            angle, size = rhythm.angle(t)
            pose.arm_flexion[:, side] = 1.15 + 0.6 * radius * size * np.sin(2.0 * angle)
            pose.arm_abduction[:, side] = 0.25 + radius * size * np.sin(angle)
            pose.elbow[:, side] = 0.5 - 0.15 * np.sin(2.0 * angle)
            pose.twist += OUTWARD[side] * 0.06 * np.sin(angle)
            pose.yaw += OUTWARD[side] * 0.03 * np.sin(angle)
            return pose

        return pose_at

    return build


def clap() -> Builder:
    """Both hands meet in front of the chest."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm, lift = Rhythm(rng, 0.62, jitter=0.05), rng.uniform(0.35, 0.6)

        def pose_at(t: np.ndarray) -> Pose:
            pose = standing(len(t))
            angle, size = rhythm.angle(t)
            together = (0.5 + 0.5 * np.cos(angle))[:, None]
            apart = (1.0 - together) * size[:, None]
            pose.arm_flexion[:] = lift + 0.05 * together
            pose.arm_abduction[:] = 0.15 + 0.3 * apart
            pose.elbow[:] = 1.45 - 0.1 * apart
            pose.arm_twist[:] = -0.62 + 0.5 * apart
            return pose

        return pose_at

    return build
