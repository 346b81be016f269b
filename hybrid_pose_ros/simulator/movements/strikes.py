"""Punches and kicks: a fast way out, a slower way back, the other limbs on guard."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hybrid_pose_ros.simulator.movements.limbs import Builder
from hybrid_pose_ros.simulator.pose import OUTWARD, Pose, standing
from hybrid_pose_ros.simulator.rhythm import Rhythm, keyed

# flexion, abduction, elbow, twist of the arm at the end of the punch
_TARGETS = {
    "straight": (1.5, -0.05, 0.12, -0.1),
    "up": (2.15, 0.05, 0.25, -0.1),
    "down": (0.85, -0.02, 0.15, -0.1),
}


def punch(side: int, way: str) -> Builder:
    """A punch straight ahead, up or down, both fists on guard in between."""
    target = _TARGETS[way]

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm = Rhythm(rng, 1.05)
        guard = np.array([0.42, 0.32, 2.25, -0.35]) + rng.normal(0, 0.08, 4)
        aim = np.array(target) + rng.normal(0, 0.06, 4)
        # The force of a punch comes from the floor: hips and shoulders turn into it.
        turn, step = rng.uniform(0.25, 0.45), rng.uniform(0.02, 0.05)
        stagger = rng.uniform(0.0, 0.14) * -OUTWARD[side] * np.array([-1.0, 1.0])

        def pose_at(t: np.ndarray) -> Pose:
            pose = standing(len(t))
            x, size = rhythm.phase(t)
            k = keyed(x, (0.05, 0.3, 0.36, 0.7), (0, 1, 1, 0)) * np.minimum(size, 1.1)
            arm = guard + k[:, None] * (aim - guard)
            columns = (pose.arm_flexion, pose.arm_abduction, pose.elbow, pose.arm_twist)
            for i, column in enumerate(columns):
                column[:, side] = arm[:, i]
                column[:, 1 - side] = guard[i]
            pose.twist -= OUTWARD[side] * (turn * k - 0.08)
            pose.yaw -= OUTWARD[side] * 0.12 * k
            pose.lean += 0.06 * k
            pose.shift_forward += step * k
            pose.stride[:] = stagger
            pose.hip_flexion += 0.14
            pose.knee += 0.28 + 0.06 * k[:, None]
            return pose

        return pose_at

    return build


def kick_forward(side: int) -> Builder:
    """The leg swings back, then forwards and up with the knee stretching."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm, top = Rhythm(rng, 1.7), rng.uniform(0.9, 1.25)

        def pose_at(t: np.ndarray) -> Pose:
            pose = standing(len(t))
            pose.soft += 1.0
            x, size = rhythm.phase(t)
            swing = keyed(x, (0.05, 0.22, 0.45, 0.75), (0, -0.25, 1, 0)) * size
            bend = keyed(x, (0.05, 0.25, 0.48, 0.62, 0.82), (0, 1.2, 0.1, 0.5, 0))
            # The foot clears the floor as it swings through.
            pose.planted[:, side] = 1.0 - keyed(x, (0.03, 0.15, 0.7, 0.85), (0, 1, 1, 0))
            pose.hip_flexion[:, side] += top * swing
            pose.knee[:, side] += bend
            pose.lean -= 0.12 * swing
            pose.arm_flexion[:, 1 - side] += 0.4 * swing
            pose.arm_flexion[:, side] -= 0.25 * swing
            pose.arm_abduction += 0.15
            return pose

        return pose_at

    return build


def kick_side(side: int) -> Builder:
    """The knee is drawn up, then the leg stretches sideways while the trunk leans away."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm, top = Rhythm(rng, 1.8), rng.uniform(0.7, 1.05)

        def pose_at(t: np.ndarray) -> Pose:
            pose = standing(len(t))
            pose.soft += 1.0
            x, size = rhythm.phase(t)
            out = keyed(x, (0.08, 0.42, 0.5, 0.8), (0, 1, 1, 0)) * size
            draw = keyed(x, (0.05, 0.25, 0.43, 0.55, 0.65, 0.8), (0, 1, 0.05, 0.1, 0.5, 0))
            pose.hip_abduction[:, side] += top * out
            pose.hip_flexion[:, side] += 0.6 * draw
            pose.knee[:, side] += 1.2 * draw
            pose.roll -= OUTWARD[side] * 0.28 * out
            pose.arm_abduction += 0.25 * out[:, None]
            pose.elbow += 0.4 * out[:, None]
            return pose

        return pose_at

    return build
