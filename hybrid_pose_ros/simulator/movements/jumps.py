"""Jumps and hops: crouch, flight along a parabola, landing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hybrid_pose_ros.simulator.movements.limbs import Builder
from hybrid_pose_ros.simulator.pose import OUTWARD, Pose, planted, standing
from hybrid_pose_ros.simulator.rhythm import Rhythm, keyed, smoothstep

GRAVITY = 9.81  # m/s^2


def flight(phase: np.ndarray, start: float, end: float, height: float | np.ndarray) -> np.ndarray:
    """Height in metres over a parabola between two phases, 0 outside."""
    x = np.clip((phase - start) / (end - start), 0.0, 1.0)
    return 4.0 * height * x * (1.0 - x)


def crouched(pose: Pose, depth: np.ndarray) -> None:
    """Bend both legs and the trunk of `pose` in place; depth (n,), 1 is a deep crouch."""
    pose.hip_flexion += 0.9 * depth[:, None]
    pose.knee += 1.7 * depth[:, None]
    pose.ankle += 0.8 * depth[:, None]
    pose.lean += 0.4 * depth


class Hops:
    """Small jumps of somebody who does other things; 2 to 8 s lie between two of them."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._starts = np.cumsum(rng.uniform(2.0, 8.0, 1024)) - 3.0
        self._heights = rng.uniform(0.03, 0.12, 1024)

    def add(self, pose: Pose, t: np.ndarray) -> None:
        """Crouch, fly and land in `pose`, at times (n,) in seconds."""
        index = np.clip(np.searchsorted(self._starts - 1.0, t, side="right") - 1, 0, 1023)
        since, height = t - self._starts[index], self._heights[index]
        down = np.sqrt(8.0 * height / GRAVITY)
        crouch = keyed(since, (-0.4, -0.15, 0.0), (0.0, 1.0, 0.0))
        landing = keyed(since - down, (-0.02, 0.07, 0.3), (0.0, 0.8, 0.0))
        crouched(pose, 0.35 * (crouch + landing))
        pose.jump += height * flight(since / down, 0.0, 1.0, 1.0)


def single_jump(reach_m: float = 0.0) -> Builder:
    """One jump, up or forwards, then a pause (and steps back to the place)."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm = Rhythm(rng, 2.6 if reach_m else 2.2)
        height, depth = rng.uniform(0.16, 0.28), rng.uniform(0.5, 0.8)
        air = 2.0 * np.sqrt(2.0 * height / GRAVITY) / 2.4

        def pose_at(t: np.ndarray) -> Pose:
            pose = planted(len(t))
            pose.soft += 1.0
            x, size = rhythm.phase(t)
            end = 0.3 + air
            crouch = keyed(x, (0.05, 0.2, 0.3), (0, 1, 0)) * depth
            landing = keyed(x, (end - 0.02, end + 0.07, end + 0.22), (0, 0.7, 0)) * depth
            crouched(pose, size * (crouch + landing))
            pose.jump += flight(x, 0.3, end, height * size)
            arms = keyed(x, (0.05, 0.19, 0.34, end + 0.1), (0, -0.7, 1.1, 0))
            pose.arm_flexion += (arms * size)[:, None]
            pose.ankle -= (flight(x, 0.28, end, 0.5))[:, None]
            if reach_m:
                _jump_ahead(pose, x, end, reach_m * size)
            return pose

        return pose_at

    return build


def _jump_ahead(pose: Pose, x: np.ndarray, end: float, reach: np.ndarray) -> None:
    """Fly forwards by `reach` (n,) metres between the shares 0.3 and `end`, then step back."""
    flown = np.clip((x - 0.3) / (end - 0.3), 0.0, 1.0)
    pose.forward += reach * (flown - smoothstep((x - 0.66) / 0.32))
    pose.lean += 0.12 * keyed(x, (0.15, 0.32, end), (0, 1, 0))
    pose.shift_forward += 0.06 * keyed(x, (0.2, 0.3, end), (0, 1, 0))
    for side, start in ((0, 0.66), (1, 0.82)):
        back = smoothstep((x - start - 0.02) / 0.12)
        pose.stride[:, side] += reach * (flown - back) - pose.forward
        step = flight(x, start, start + 0.16, 1.0)
        pose.hip_flexion[:, side] += 0.5 * step
        pose.knee[:, side] += 1.0 * step


def repeated_jumps() -> Builder:
    """Small jumps on both feet without a pause."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm, height = Rhythm(rng, 0.62, jitter=0.03), rng.uniform(0.06, 0.12)

        def pose_at(t: np.ndarray) -> Pose:
            pose = planted(len(t))
            pose.soft += 1.0
            x, size = rhythm.phase(t)
            ground = np.sin(np.pi * np.clip(x / 0.45, 0, 1)) ** 2
            crouched(pose, 0.3 * ground)
            pose.jump += flight(x, 0.45, 1.0, height * size)
            swing = np.sin(2 * np.pi * x)[:, None]
            pose.arm_flexion += 0.15 - 0.2 * swing
            pose.elbow += 0.3 - 0.15 * swing
            return pose

        return pose_at

    return build


def hop(side: int) -> Builder:
    """Hops on one foot with the other leg bent."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm, height = Rhythm(rng, 0.55, jitter=0.03), rng.uniform(0.05, 0.10)
        lift, bend = rng.uniform(0.1, 0.6), rng.uniform(1.2, 1.6)

        def pose_at(t: np.ndarray) -> Pose:
            pose = standing(len(t))
            pose.soft += 1.0
            x, size = rhythm.phase(t)
            ground = np.sin(np.pi * np.clip(x / 0.5, 0, 1)) ** 2
            crouched(pose, 0.22 * ground)
            swing = np.sin(2 * np.pi * x)
            pose.hip_flexion[:, 1 - side] += lift + 0.1 * swing
            pose.knee[:, 1 - side] += bend
            pose.jump += flight(x, 0.5, 1.0, height * size)
            pose.roll += OUTWARD[side] * 0.05
            pose.stance -= 0.05  # the foot comes below the middle
            pose.arm_abduction += 0.2 + 0.1 * swing[:, None]
            pose.elbow += 0.4
            return pose

        return pose_at

    return build


def star_jumps() -> Builder:
    """Arms and legs spread and close with every jump; the hands almost meet above the head."""

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm = Rhythm(rng, 1.1, jitter=0.03)
        arms, legs = rng.uniform(2.2, 2.7), rng.uniform(0.28, 0.4)
        height = rng.uniform(0.06, 0.11)
        uneven = rng.normal(0.0, 0.06, 2)

        def pose_at(t: np.ndarray) -> Pose:
            pose = planted(len(t))
            pose.soft += 1.0
            angle, size = rhythm.angle(t)
            spread = (0.5 - 0.5 * np.cos(angle))[:, None]
            pose.arm_abduction += arms * size[:, None] * spread * (1.0 + uneven)
            pose.arm_flexion += 0.25 * spread
            pose.elbow += 0.35 * spread
            half = angle / np.pi % 2.0  # the first flight opens, the second closes
            apart = smoothstep((half - 0.15) / 0.7) - smoothstep((half - 1.15) / 0.7)
            pose.hip_abduction += (legs * apart)[:, None]
            pose.stance += 0.84 * np.sin(legs * apart)
            crouched(pose, 0.14 * (1.0 - np.sin(np.pi * (half % 1.0))))
            pose.jump += flight(half % 1.0, 0.15, 0.85, height * size)
            return pose

        return pose_at

    return build
