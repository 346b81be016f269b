"""Session 1: one arm or leg moves slowly, the rest of the body balances."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hybrid_pose_ros.simulator.pose import OUTWARD, Pose, standing
from hybrid_pose_ros.simulator.rhythm import Rhythm

Builder = Callable[[np.random.Generator], Callable[[np.ndarray], Pose]]


def arm_abduction(side: int) -> Builder:
    """The straight arm rises sideways to the horizontal and sinks again."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm, top = Rhythm(rng, 2.4), rng.uniform(1.3, 1.6)

        def pose_at(t: np.ndarray) -> Pose:
            pose, k = standing(len(t)), rhythm.bump(t)
            pose.arm_abduction[:, side] += top * k
            pose.elbow[:, side] -= 0.1 * k
            pose.yaw += OUTWARD[side] * 0.04 * k
            return pose

        return pose_at

    return build


def leg_abduction(side: int) -> Builder:
    """The straight leg swings sideways, the trunk leans the other way."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm, top = Rhythm(rng, 2.1), rng.uniform(0.45, 0.7)

        def pose_at(t: np.ndarray) -> Pose:
            pose, k = standing(len(t)), rhythm.bump(t)
            pose.hip_abduction[:, side] += top * k
            pose.knee[:, side] -= 0.05 * k
            pose.roll -= OUTWARD[side] * 0.12 * k
            pose.arm_abduction += 0.12 * k[:, None]
            return pose

        return pose_at

    return build


def biceps_curl(side: int) -> Builder:
    """The forearm bends up to the shoulder, the upper arm stays."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm, top = Rhythm(rng, 1.9), rng.uniform(1.8, 2.2)

        def pose_at(t: np.ndarray) -> Pose:
            pose, k = standing(len(t)), rhythm.bump(t)
            pose.elbow[:, side] += top * k
            pose.arm_flexion[:, side] += 0.08 * k
            pose.arm_twist[:, side] += 0.2 * k
            pose.lean -= 0.03 * k
            pose.yaw += OUTWARD[side] * 0.03 * k
            return pose

        return pose_at

    return build


def knee_lift(side: int) -> Builder:
    """The thigh rises to the horizontal with the shank hanging down."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm, top = Rhythm(rng, 1.8), rng.uniform(1.3, 1.6)

        def pose_at(t: np.ndarray) -> Pose:
            pose, k = standing(len(t)), rhythm.bump(t)
            pose.hip_flexion[:, side] += top * k
            pose.knee[:, side] += (top + 0.15) * k
            pose.lean -= 0.05 * k
            pose.roll -= OUTWARD[side] * 0.05 * k
            pose.arm_flexion[:, 1 - side] += 0.12 * k
            pose.arm_flexion[:, side] -= 0.08 * k
            return pose

        return pose_at

    return build
