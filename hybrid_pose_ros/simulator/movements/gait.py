"""Walking and jogging on the spot of a treadmill."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hybrid_pose_ros.simulator.movements.limbs import Builder
from hybrid_pose_ros.simulator.pose import Pose, resting
from hybrid_pose_ros.simulator.rhythm import Rhythm


def walk() -> Builder:
    """3.5 km/h: 0.85 strides a second, arms swinging against the legs."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm, reach = Rhythm(rng, 1.18, jitter=0.02), rng.uniform(0.36, 0.46)
        swing = rng.uniform(0.6, 1.0)

        def pose_at(t: np.ndarray) -> Pose:
            pose = resting(len(t))
            angle, size = rhythm.angle(t)
            for side in (0, 1):
                phase = angle + np.pi * side
                thigh = reach * size * np.sin(phase) + 0.08
                bend = 0.9 * np.maximum(0.0, np.cos(phase + 0.2)) ** 1.5 + 0.08
                pose.hip_flexion[:, side] = thigh
                pose.knee[:, side] = bend
                pose.ankle[:, side] = 0.15 * np.sin(phase + 0.6)
                pose.arm_flexion[:, side] = -swing * reach * size * np.sin(phase)
                pose.elbow[:, side] = 0.3 - 0.12 * np.sin(phase)
            pose.lean += 0.05
            pose.yaw += 0.06 * np.sin(angle)
            pose.twist -= 0.10 * np.sin(angle)
            pose.left += 0.02 * np.sin(angle)
            pose.roll += 0.02 * np.sin(angle + 0.4)
            return pose

        return pose_at

    return build


def jog() -> Builder:
    """7 km/h: 1.35 strides a second, bent elbows, short flight after every step."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm, reach = Rhythm(rng, 0.74, jitter=0.02), rng.uniform(0.5, 0.65)
        elbow = rng.uniform(1.3, 1.65)

        def pose_at(t: np.ndarray) -> Pose:
            pose = resting(len(t))
            angle, size = rhythm.angle(t)
            for side in (0, 1):
                phase = angle + np.pi * side
                pose.hip_flexion[:, side] = reach * size * np.sin(phase) + 0.2
                pose.knee[:, side] = 1.5 * np.maximum(0.0, np.cos(phase + 0.2)) ** 1.5 + 0.25
                pose.ankle[:, side] = 0.2 * np.sin(phase + 0.6)
                pose.arm_flexion[:, side] = -0.8 * reach * size * np.sin(phase)
                pose.elbow[:, side] = elbow - 0.15 * np.sin(phase)
            pose.arm_twist -= 0.25
            pose.lean += 0.12
            pose.yaw += 0.06 * np.sin(angle)
            pose.twist -= 0.12 * np.sin(angle)
            pose.left += 0.02 * np.sin(angle)
            pose.jump += 0.04 * np.abs(np.sin(angle))
            return pose

        return pose_at

    return build
