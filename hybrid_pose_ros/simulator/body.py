"""The flesh and clothes of the body: a list of tapered capsules around the bones.

A part is the hull of two spheres on an axis, squeezed across the axis, with a material.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.simulator.bones import Bones
from hybrid_pose_ros.simulator.pose import OUTWARD
from hybrid_pose_ros.simulator.subjects import Subject

# Columns of a part: axes x, y (each over its squeeze), z, start point, length, two radii, bound.
PART_SIZE = 16
# Kinds of material: one reflectance; two along the axis; a face with hair; a collar; stripes.
PLAIN, BORDER, FACE, COLLAR, STRIPES = range(5)
# Columns of a material: kind, reflectance, second reflectance, where it begins, texture, offset.
MATERIAL_SIZE = 6


@dataclass(frozen=True)
class Body:
    """n instants of p parts: parts (n, p, PART_SIZE), materials (p, MATERIAL_SIZE)."""

    parts: np.ndarray
    materials: np.ndarray


class _Builder:
    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []
        self.materials: list[tuple[float, ...]] = []

    def add(
        self,
        start: np.ndarray,
        end: np.ndarray,
        radii: tuple[float, float],
        across: np.ndarray,
        material: tuple[float, float, float, float, float],
        squeeze: tuple[float, float] = (1.0, 1.0),
        along: np.ndarray | None = None,
    ) -> None:
        """One part; `across` orients its x axis, `along` its z axis where start equals end."""
        axis = end - start
        length = np.linalg.norm(axis, axis=-1, keepdims=True)
        z = along if along is not None else axis / length
        if along is not None:
            length = np.zeros_like(length)
        x = across - z * np.sum(across * z, -1, keepdims=True)
        x = x / np.linalg.norm(x, axis=-1, keepdims=True)
        y = np.cross(z, x)
        sizes = np.broadcast_to([radii[0], radii[1], max(*squeeze, 1.0)], (len(start), 3))
        self.parts.append(
            np.concatenate([x / squeeze[0], y / squeeze[1], z, start, length, sizes], axis=-1)
        )
        self.materials.append((*material, 1.7 * len(self.materials)))


def body_of(bones: Bones, subject: Subject) -> Body:
    """Dress the bones of one subject."""
    builder = _Builder()
    _add_head(builder, bones, subject)
    _add_trunk(builder, bones, subject)
    for side in (0, 1):
        _add_arm(builder, bones, subject, side)
        _add_leg(builder, bones, subject, side)
    return Body(np.stack(builder.parts, axis=1), np.array(builder.materials, dtype=np.float64))


def _add_head(b: _Builder, bones: Bones, who: Subject) -> None:
    s, up, front = bones.lengths.unit, bones.head_up, bones.head_front
    right = -np.cross(up, front)
    head = bones.head
    hair = who.hair if who.hair_length > 0 else who.skin
    face = (FACE, who.skin, hair, 0.0, 0.15)
    b.add(head, head, (0.105 * s, 0.105 * s), right, face, (0.76, 0.93), along=up)
    skin = (PLAIN, who.skin, 0.0, 0.0, 0.0)
    if who.hair_length > 0:
        crown = head + (0.022 * up - 0.018 * front) * s
        scalp = (PLAIN, hair, 0.0, 0.0, 0.4)
        b.add(crown, crown, (0.108 * s, 0.108 * s), right, scalp, (0.80, 0.90), along=up)
    if who.hair_length > 1:
        nape = head - 0.055 * s * front
        b.add(nape, nape - 0.13 * s * up, (0.075 * s, 0.06 * s), right, scalp, (1.05, 0.7))
    nose = head + (0.095 * front - 0.015 * up) * s
    b.add(nose, nose - 0.025 * s * up, (0.012 * s, 0.018 * s), right, skin)
    for sign in (-1.0, 1.0):
        ear = head + (sign * 0.08 * right - 0.03 * up) * s
        b.add(ear, ear + 0.045 * s * up, (0.012 * s, 0.016 * s), front, skin)
    throat = (PLAIN, who.skin, 0.0, 0.0, 0.1)
    b.add(
        head - (0.02 * front + 0.05 * up) * s,
        bones.neck - (0.02 * bones.up + 0.02 * bones.front) * s,
        (0.052 * s, 0.058 * s),
        right,
        throat,
    )


def _add_trunk(b: _Builder, bones: Bones, who: Subject) -> None:
    s, g, up, neck = bones.lengths.unit, who.girth, bones.up, bones.neck
    right = -bones.left
    shirt = (PLAIN, who.shirt, 0.0, 0.0, 1.0)
    chest = (COLLAR, who.shirt, who.skin, 0.9, 1.0)
    if who.print_contrast > 0:
        chest = (STRIPES, who.shirt, _printed(who), 0.9, 1.0)
    breath = 1.0 + 0.01 * bones.breath[:, None]
    b.add(
        neck - 0.30 * s * up * breath,
        neck - 0.12 * s * up,
        (0.105 * s * g, 0.115 * s * g),
        right,
        chest,
        (1.38 * who.shoulders, 0.95),
    )
    yoke = neck - 0.055 * s * up
    wide = 0.13 * s * who.shoulders * bones.left
    b.add(yoke - wide, yoke + wide, (0.062 * s * g, 0.062 * s * g), bones.front, shirt)
    pelvis_right = -bones.pelvis_left
    b.add(
        bones.hips,
        neck - 0.26 * s * up,
        (0.105 * s * g, 0.10 * s * g),
        pelvis_right,
        (BORDER, who.trousers, who.shirt, -0.12, 1.0),
        (1.42 * who.hips, 0.98),
    )
    b.add(
        bones.hips - 0.03 * s * up,
        bones.hips + 0.05 * s * up,
        (0.10 * s * g, 0.10 * s * g),
        pelvis_right,
        (PLAIN, who.trousers, 0.0, 0.0, 0.6),
        (1.55 * who.hips, 1.0),
    )


def _printed(who: Subject) -> float:
    """Reflectance of the stripes: darker on a bright shirt, brighter on a dark one."""
    return who.shirt * float(np.exp(-who.print_contrast if who.shirt > 0.3 else who.print_contrast))


def _add_arm(b: _Builder, bones: Bones, who: Subject, side: int) -> None:
    s, g, front = bones.lengths.unit, who.girth, bones.front
    shoulder, elbow, wrist = bones.shoulder[:, side], bones.elbow[:, side], bones.hand[:, side]
    fore = (wrist - elbow) / bones.lengths.forearm
    covered = min(who.sleeve, 1.0)
    upper = (BORDER, who.shirt, who.skin, 1.05 * covered, 0.5)
    b.add(shoulder, elbow, (0.048 * s * g, 0.038 * s * g), front, upper)
    sleeve = (PLAIN, who.shirt, 0.0, 0.0, 1.0)
    cuff = shoulder + (elbow - shoulder) * (covered - 0.06)
    b.add(shoulder, cuff, (0.058 * s * g, (0.058 - 0.012 * covered) * s * g), front, sleeve)
    below = (BORDER, who.shirt if who.sleeve > 1 else who.skin, who.skin, who.sleeve - 1.0, 0.4)
    b.add(elbow, wrist, (0.038 * s * g, 0.026 * s * g), front, below)
    hand = (PLAIN, who.skin, 0.0, 0.0, 0.5)
    b.add(
        wrist + 0.03 * s * fore,
        wrist + 0.12 * s * fore,
        (0.034 * s, 0.024 * s),
        front,
        hand,
        (1.0, 0.55),
    )


def _add_leg(b: _Builder, bones: Bones, who: Subject, side: int) -> None:
    s, g = bones.lengths.unit, who.girth
    front, right = bones.pelvis_front, -bones.pelvis_left
    hip, knee, ankle = bones.hip[:, side], bones.knee[:, side], bones.ankle[:, side]
    covered = min(who.trouser_leg, 1.0)
    thigh = (BORDER, who.trousers, who.skin, covered, 0.5)
    b.add(hip, knee, (0.082 * s * g, 0.055 * s * g), right, thigh)
    hem = hip + (knee - hip) * (covered - 0.05)
    wide = 0.088 - 0.02 * covered
    b.add(hip, hem, (0.088 * s * g, wide * s * g), right, (PLAIN, who.trousers, 0.0, 0.0, 0.8))
    long = who.trouser_leg > 1.2
    cloth = who.trousers if long else who.skin
    b.add(knee, ankle, (0.056 * s * g, 0.038 * s * g), right, (BORDER, cloth, who.shoe, 0.88, 0.5))
    calf = (PLAIN, cloth, 0.0, 0.0, 0.5)
    down = ankle - knee
    b.add(
        knee + down * 0.15 - 0.015 * s * front,
        knee + down * (0.85 if long else 0.45) - 0.012 * s * front,
        (0.05 * s * g, (0.045 if long else 0.042) * s * g),
        right,
        calf,
    )
    shank, toes = down / bones.lengths.shank, bones.toe_way[:, side]
    b.add(
        ankle - (0.045 * toes - 0.045 * shank) * s,
        ankle + (0.155 * toes + 0.055 * shank) * s,
        (0.042 * s, 0.036 * s),
        bones.left * OUTWARD[side],
        (PLAIN, who.shoe, 0.0, 0.0, 0.5),
        (1.05, 0.8),
    )
