"""Walking and jogging on the spot of a treadmill.

Joint angles over the gait cycle follow the published normal curves (Perry and Burnfield, Gait
Analysis, 2010; Novacheck, The biomechanics of running, 1998); the knee of the jog bends by 45
degrees on the floor (44 and spread 6: Roos et al., J. Biomech. 45, 2012). A standing foot moves
backwards with the belt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from hybrid_pose_ros.simulator.movements.limbs import Builder
from hybrid_pose_ros.simulator.pose import Pose, resting
from hybrid_pose_ros.simulator.rhythm import Rhythm, smoothstep


@dataclass(frozen=True)
class Gait:
    """One way to go; curves are (share of the cycle after the heel strike, degrees).

    Attributes:
        speed: of the belt in m/s; period_s: of two steps.
        hip, knee, ankle: flexion, flexion, lift of the toes.
        middle: share of the cycle at which the standing foot is below the hips.
        firm: shares at which the foot is flat, and at which its heel begins to rise.
        flight: shares at which the toes leave and the other heel strikes.
        arm, elbow: swing of the upper arm and bend of the elbow in radians.
        lean: of the trunk in radians.
    """

    speed: float
    period_s: float
    hip: tuple[tuple[float, float], ...]
    knee: tuple[tuple[float, float], ...]
    ankle: tuple[tuple[float, float], ...]
    middle: float
    firm: tuple[float, float]
    flight: tuple[float, float]
    arm: tuple[float, float]
    elbow: tuple[float, float]
    lean: float


_WALK = Gait(
    speed=0.97,
    period_s=1.18,
    hip=((0.0, 24), (0.1, 20), (0.2, 13), (0.3, 5), (0.4, -3), (0.5, -9), (0.6, -4), (0.7, 11))
    + ((0.8, 22), (0.9, 26)),
    knee=((0.0, 6), (0.06, 11), (0.14, 17), (0.25, 12), (0.35, 7), (0.42, 7), (0.5, 13))
    + ((0.6, 36), (0.71, 59), (0.8, 50), (0.9, 20), (0.96, 6)),
    ankle=((0.0, 2), (0.06, -5), (0.15, 1), (0.3, 6), (0.43, 9), (0.52, 3), (0.58, -8))
    + ((0.63, -16), (0.72, -8), (0.82, 0), (0.92, 3)),
    middle=0.27,
    firm=(0.08, 0.42),
    flight=(0.5, 0.5),
    arm=(0.18, 0.34),
    elbow=(0.3, 0.16),
    lean=0.04,
)
_JOG = Gait(
    speed=1.94,
    period_s=0.74,
    hip=((0.0, 24), (0.1, 19), (0.2, 9), (0.3, -1), (0.4, -9), (0.5, -4), (0.62, 16), (0.75, 32))
    + ((0.88, 31),),
    knee=((0.0, 14), (0.08, 34), (0.15, 45), (0.25, 34), (0.35, 18), (0.45, 34), (0.58, 78))
    + ((0.66, 88), (0.78, 66), (0.9, 24)),
    ankle=(
        (0.0, 4),
        (0.08, 6),
        (0.2, 20),
        (0.28, 12),
        (0.4, -22),
        (0.5, -14),
        (0.65, 0),
        (0.85, 6),
    ),
    middle=0.18,
    firm=(0.08, 0.26),
    flight=(0.4, 0.5),
    arm=(0.4, 0.6),
    elbow=(1.45, 0.3),
    lean=0.1,
)


def walk() -> Builder:
    """3.5 km/h: 0.85 strides a second, arms swinging against the legs."""
    return _going(_WALK)


def jog() -> Builder:
    """7 km/h: 1.35 strides a second, bent elbows, a short flight after every step."""
    return _going(_JOG)


def _going(gait: Gait) -> Builder:
    curves = [_periodic(points) for points in (gait.hip, gait.knee, gait.ankle)]

    def build(rng: np.random.Generator) -> Callable[[np.ndarray], Pose]:
        rhythm = Rhythm(rng, gait.period_s, jitter=0.02)
        reach, bend = rng.uniform(0.92, 1.08), rng.uniform(0.92, 1.08)
        arm = rng.uniform(*gait.arm) * rng.uniform(0.85, 1.15, 2)
        elbow = gait.elbow[0] + rng.normal(0.0, 0.1, 2)
        late = rng.normal(0.0, 0.01)  # nobody steps quite evenly
        width, sway = rng.uniform(0.05, 0.08), rng.uniform(0.015, 0.03)

        def pose_at(t: np.ndarray) -> Pose:
            pose = resting(len(t))
            angle, size = rhythm.angle(t)
            for side in (0, 1):
                cycle = (angle / (2.0 * np.pi) + (0.5 + late) * side) % 1.0
                hip, knee, ankle = (curve(cycle) for curve in curves)
                pose.hip_flexion[:, side] = reach * size * hip
                pose.knee[:, side] = bend * knee
                pose.ankle[:, side] = ankle
                _stand_on_belt(pose, side, cycle, gait)
                swing = np.cos(2.0 * np.pi * (cycle - 0.03))
                pose.arm_flexion[:, side] = 0.05 - arm[side] * size * swing
                pose.elbow[:, side] = elbow[side] - gait.elbow[1] * swing
                pose.jump += _flight(cycle, gait)
            pose.soft += gait.flight[1] > gait.flight[0]
            pose.hip_abduction[:] = 0.0
            pose.stance[:] = width
            stride = np.cos(angle)  # 1 where the right heel strikes
            over = np.sin(angle - 0.5)  # 1 in the middle of the right foot's stance
            pose.shift_left -= sway * over
            pose.roll += 0.02 * over
            pose.yaw += 0.07 * stride
            pose.twist -= 0.13 * stride
            pose.lean += gait.lean + 0.01 * np.cos(2.0 * angle)
            pose.arm_twist -= 0.25 * (gait.elbow[0] > 1.0)
            pose.head_yaw += 0.05 * stride
            return pose

        return pose_at

    return build


def _periodic(points: tuple[tuple[float, float], ...]) -> CubicSpline:
    """Smooth curve in radians through (share of the cycle, degrees)."""
    x, y = np.array([*points, (1.0, points[0][1])]).T
    return CubicSpline(x, np.radians(y), bc_type="periodic")


def _stand_on_belt(pose: Pose, side: int, cycle: np.ndarray, gait: Gait) -> None:
    """The place of a standing foot moves back; from heel strike to rise it holds ever firmer."""
    length = gait.speed * gait.period_s
    pose.stride[:, side] = (gait.middle - np.minimum(cycle, gait.firm[1] + 0.1)) * length
    on = smoothstep(cycle / gait.firm[0])
    off = smoothstep((cycle - gait.firm[1]) / 0.1)
    pose.planted[:, side] = on * (1.0 - off)


def _flight(cycle: np.ndarray, gait: Gait) -> np.ndarray:
    """Height in metres of the parabola after one foot has pushed off."""
    start, end = gait.flight
    if end <= start:
        return np.zeros_like(cycle)
    x = np.clip((cycle - start) / (end - start), 0.0, 1.0)
    air_s = (end - start) * gait.period_s
    return 9.81 * air_s**2 / 2.0 * x * (1.0 - x)
