"""Legs on the floor: how high the hips are, and feet that keep their place while they stand.

The angles of a movement say roughly what the legs do. Where they leave a planted foot down, the
ankle is put at its place and the knee follows from both ends; where they lift it, it goes free.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.simulator.pose import OUTWARD, Pose
from hybrid_pose_ros.simulator.rhythm import smoothstep
from hybrid_pose_ros.simulator.vectors import unit

TOE = 0.172  # metres from the ankle to the toe marker of an average body
TOE_DROP = 0.085  # of the toe's underside below the ankle
_BALL = 0.13  # metres from the ankle to where the foot rolls over, because toes bend
_FREED_M = 0.10  # height at which a lifted foot has left its place
_FIRM_M, _HEEL_M = 0.003, 0.08  # how far hips sink before they pull a heel up, and how far that
_STRETCH = 0.9995  # most of a leg's length that is used


@dataclass(frozen=True)
class Legs:
    """What is known of the legs before they stand: directions (n, 2, 3), lengths in metres."""

    thigh: np.ndarray
    shank: np.ndarray
    toes: np.ndarray
    knee_front: np.ndarray
    sides: np.ndarray  # from the middle of the hips to the hip joints
    thigh_m: float
    shank_m: float
    ankle_m: float  # height of the ankle above the sole
    unit: float

    def soles(self) -> np.ndarray:
        """Height (n, 2) of the lower one of heel and ball against the hip joint."""
        ankle = self.thigh[..., 2] * self.thigh_m + self.shank[..., 2] * self.shank_m
        ball = ankle + (_BALL * self.toes[..., 2] - TOE_DROP) * self.unit
        return np.minimum(ankle - self.ankle_m, ball)

    def height(self, jump: np.ndarray) -> np.ndarray:
        """Height (n,) of the hips at which the lower foot is `jump` (n,) above the floor."""
        return np.asarray(jump - (self.soles() + self.sides[..., 2]).min(axis=-1))


def stand(
    pose: Pose, legs: Legs, front: np.ndarray, left: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Put the legs on the floor.

    Args:
        pose: where the person stands, and how firmly.
        legs: as the angles have them.
        front, left: (3,) horizontal directions of the person's place.

    Returns:
        hips (n, 3), then hip joints, knees, ankles and directions of the toes (n, 2, 3).
    """
    soles = legs.soles()
    z = np.array([0.0, 0.0, 1.0])
    place = front * pose.forward[:, None] + left * pose.left[:, None]
    shift = front * pose.shift_forward[:, None] + left * pose.shift_left[:, None]
    height = legs.height(pose.jump) + legs.unit * pose.rise
    hips = place + shift + z * height[:, None]

    air = soles - soles.min(axis=-1, keepdims=True) + pose.jump[:, None]
    held = (pose.planted * (1.0 - smoothstep(air / _FREED_M)))[..., None]
    home = place[:, None] + z * (legs.ankle_m + air)[..., None]
    home = home + front * pose.stride[..., None]
    aside = OUTWARD * pose.stance[:, None] * legs.unit + pose.aside
    home = home + left * aside[..., None]
    # Where the hips may not jerk, they pull the heels up; otherwise they must sink.
    high = _too_high(hips[:, None] + legs.sides, home, held, legs)
    heel = legs.unit * pose.soft * np.clip(high / legs.unit - _FIRM_M, 0.0, _HEEL_M)
    hips = hips - z * (high - heel)[:, None]
    home = home + z * heel[:, None, None]

    hip = hips[:, None] + legs.sides
    free = hip + legs.thigh * legs.thigh_m + legs.shank * legs.shank_m
    level = unit(front + 0.15 * OUTWARD[:, None] * left)
    # The sine of the pitch that keeps the toes down, which are a little above the sole's level.
    dip = heel + np.minimum(heel, legs.ankle_m - TOE_DROP * legs.unit)
    pitch = (dip / (TOE * legs.unit))[:, None, None]
    level = np.sqrt(1.0 - pitch**2) * level - pitch * z
    toes = unit((1.0 - held) * legs.toes + held * level)
    ankle = free + held * (home - free)
    # Neither lowered hips nor toes that do not bend may push a free foot into the floor.
    lowest = np.maximum(legs.ankle_m, (TOE_DROP - TOE * toes[..., 2]) * legs.unit)
    ankle[..., 2] = np.maximum(ankle[..., 2], lowest)
    knee, ankle = _bent(hip, ankle, legs)
    return hips, hip, knee, ankle, toes


def _too_high(hip: np.ndarray, home: np.ndarray, held: np.ndarray, legs: Legs) -> np.ndarray:
    """How far (n,) the hips must sink for the planted feet to be within reach."""
    away = hip - home
    reach = _STRETCH * (legs.thigh_m + legs.shank_m)
    most = np.sqrt(np.maximum(reach**2 - np.sum(away[..., :2] ** 2, axis=-1), 0.01))
    return np.max(held[..., 0] * np.maximum(away[..., 2] - most, 0.0), axis=-1)


def _bent(hip: np.ndarray, ankle: np.ndarray, legs: Legs) -> tuple[np.ndarray, np.ndarray]:
    """Knees between hips and ankles, bending to the front; ankles no farther than the leg is."""
    way = ankle - hip
    length = np.linalg.norm(way, axis=-1, keepdims=True)
    shortest, longest = abs(legs.thigh_m - legs.shank_m) + 1e-4, legs.thigh_m + legs.shank_m
    axis = way / length
    length = np.clip(length, shortest, longest * (1.0 - 1e-9))
    along = (legs.thigh_m**2 - legs.shank_m**2 + length**2) / (2.0 * length)
    across = np.sqrt(np.maximum(legs.thigh_m**2 - along**2, 0.0))
    front = legs.knee_front - axis * np.sum(legs.knee_front * axis, -1, keepdims=True)
    return hip + axis * along + unit(front) * across, hip + axis * length
