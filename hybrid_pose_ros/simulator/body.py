"""The flesh and clothes of the body: a list of tapered capsules around the bones.

A part is the hull of two spheres on an axis, squeezed across the axis, with a material.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.simulator.bones import Bones
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.pose import OUTWARD
from hybrid_pose_ros.simulator.subjects import Subject
from hybrid_pose_ros.simulator.vectors import carried, unit

_MARKER_M = 0.009
_MARKER_SHINE = 1.2  # they throw the light back to their lamps, near which the camera is not
# Columns of a part: axes x, y (each over its squeeze), z, start point, length, two radii, bound.
PART_SIZE = 16
# Kinds of material: one reflectance; two along the axis; a face with hair; a collar; stripes; one
# reflectance on the part that casts a foot's shadow.
PLAIN, BORDER, FACE, COLLAR, STRIPES, SHOE = range(6)
# Columns of a material: kind, reflectance, second reflectance, where it begins, texture, offset.
MATERIAL_SIZE = 6


@dataclass(frozen=True)
class Body:
    """n instants of p parts: parts (n, p, PART_SIZE), materials (p, MATERIAL_SIZE)."""

    parts: np.ndarray
    materials: np.ndarray


class _Builder:
    """Gathers the parts one by one and works out their columns together, which is much faster."""

    def __init__(self) -> None:
        self.materials: list[tuple[float, ...]] = []
        self._starts: list[np.ndarray] = []
        self._axes: list[np.ndarray] = []
        self._across: list[np.ndarray] = []
        self._sizes: list[tuple[float, ...]] = []

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
        self._starts.append(start)
        self._axes.append(end - start if along is None else along)
        self._across.append(across)
        self._sizes.append((*radii, max(*squeeze, 1.0), *squeeze, along is None))
        self.materials.append((*material, 1.7 * len(self.materials)))

    def parts(self) -> np.ndarray:
        """(n, p, PART_SIZE)."""
        start, axis, across = (np.stack(v, 1) for v in (self._starts, self._axes, self._across))
        sizes = np.array(self._sizes, dtype=np.float64)
        length = np.linalg.norm(axis, axis=-1, keepdims=True)
        long = sizes[:, 5:] > 0.0
        z = axis / np.where(long, length, 1.0)
        x = across - z * np.sum(across * z, -1, keepdims=True)
        x = x / np.linalg.norm(x, axis=-1, keepdims=True)
        y = np.cross(z, x)
        return np.concatenate(
            [
                *(x / sizes[:, 3:4], y / sizes[:, 4:5], z, start, np.where(long, length, 0.0)),
                np.broadcast_to(sizes[:, :3], (*start.shape[:2], 3)),
            ],
            axis=-1,
        )


def body_of(bones: Bones, subject: Subject) -> Body:
    """Dress the bones of one subject."""
    builder = _Builder()
    _add_head(builder, bones, subject)
    _add_trunk(builder, bones, subject)
    for side in (0, 1):
        _add_arm(builder, bones, subject, side)
        _add_leg(builder, bones, subject, side)
    if subject.wears_markers:
        _add_markers(builder, bones)
    return Body(builder.parts(), np.array(builder.materials, dtype=np.float64))


def _add_markers(b: _Builder, bones: Bones) -> None:
    """Vicon's reflecting spheres, of 14 mm, whose bright traces real DHP19 frames show."""
    points = markers_of(bones)
    for joint in range(points.shape[1]):
        at = points[:, joint]
        shine = (PLAIN, _MARKER_SHINE, 0.0, 0.0, 0.0)
        b.add(at, at, (_MARKER_M, _MARKER_M), bones.left, shine, along=bones.up)


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
    right, pelvis_right = -bones.left, -bones.pelvis_left
    shirt = (PLAIN, who.shirt, 0.0, 0.0, 1.0)
    chest = (COLLAR, who.shirt, who.skin, 0.9, 1.0)
    if who.print_contrast > 0:
        chest = (STRIPES, who.shirt, _printed(who), 0.9, 1.0)
    # The ribs rise and widen by some millimetres with every breath.
    breath = 0.004 * s * bones.breath[:, None]
    b.add(
        neck - 0.30 * s * up + breath * bones.front,
        neck - 0.13 * s * up + breath * (bones.front + up),
        (0.104 * s * g, 0.114 * s * g),
        right,
        chest,
        (1.36 * who.shoulders, 0.95),
    )
    for side in (0, 1):  # from the neck down to the shoulders
        b.add(
            neck - 0.035 * s * up - 0.01 * s * bones.front,
            bones.shoulder[:, side] - 0.002 * s * up,
            (0.054 * s * g, 0.054 * s * g),
            bones.front,
            shirt,
            (1.15, 1.0),
        )
    b.add(
        bones.hips + 0.10 * s * up,
        neck - 0.26 * s * up,
        (0.108 * s * g, 0.10 * s * g),
        pelvis_right,
        shirt,
        (1.38 * who.hips, 0.98),
    )
    # The hem of the shirt hangs over the trousers.
    low, high = -0.03, 0.12
    b.add(
        bones.hips + low * s * up,
        bones.hips + high * s * up,
        (0.108 * s * g, 0.108 * s * g),
        pelvis_right,
        (BORDER, who.trousers, who.shirt, (who.hem - low) / (high - low), 1.0),
        (1.58 * who.hips, 1.02),
    )


def _printed(who: Subject) -> float:
    """Reflectance of the stripes: darker on a bright shirt, brighter on a dark one."""
    return who.shirt * float(np.exp(-who.print_contrast if who.shirt > 0.3 else who.print_contrast))


def _add_arm(b: _Builder, bones: Bones, who: Subject, side: int) -> None:
    s, g, front = bones.lengths.unit, who.girth, bones.front
    shoulder, elbow, wrist = bones.shoulder[:, side], bones.elbow[:, side], bones.hand[:, side]
    covered = min(who.sleeve, 1.0)
    upper = (BORDER, who.shirt, who.skin, 1.05 * covered, 0.5)
    b.add(shoulder, elbow, (0.050 * s * g, 0.040 * s * g), front, upper)
    sleeve = (PLAIN, who.shirt, 0.0, 0.0, 1.0)
    cuff = shoulder + (elbow - shoulder) * (covered - 0.12)
    b.add(shoulder, cuff, (0.060 * s * g, (0.060 - 0.010 * covered) * s * g), front, sleeve)
    below = (BORDER, who.shirt if who.sleeve > 1 else who.skin, who.skin, who.sleeve - 1.0, 0.4)
    b.add(elbow, wrist, (0.042 * s * g, 0.027 * s * g), front, below)
    fore = (wrist - elbow) / bones.lengths.forearm
    # A loose hand: the thumb to the front, the back of the hand outwards.
    out = unit(carried(OUTWARD[side] * bones.left, -bones.up, fore))
    ahead = unit(carried(front, -bones.up, fore))
    hand = (PLAIN, who.skin, 0.0, 0.0, 0.5)
    knuckles = wrist + 0.095 * s * fore
    b.add(wrist + 0.02 * s * fore, knuckles, (0.033 * s, 0.038 * s), ahead, hand, (1.0, 0.5))
    curl = unit(fore - 0.45 * out)
    b.add(knuckles, knuckles + 0.06 * s * curl, (0.034 * s, 0.022 * s), ahead, hand, (1.0, 0.55))
    thumb = wrist + (0.035 * fore + 0.028 * ahead) * s
    b.add(thumb, thumb + (0.045 * fore + 0.02 * ahead) * s, (0.014 * s, 0.011 * s), out, hand)


def _add_leg(b: _Builder, bones: Bones, who: Subject, side: int) -> None:
    s, g = bones.lengths.unit, who.girth
    front, right = bones.pelvis_front, -bones.pelvis_left
    hip, knee, ankle = bones.hip[:, side], bones.knee[:, side], bones.ankle[:, side]
    covered = min(who.trouser_leg, 1.0)
    thigh = (BORDER, who.trousers, who.skin, covered, 0.5)
    b.add(hip, knee, (0.086 * s * g, 0.057 * s * g), right, thigh)
    # Short trousers stand off the leg at their hem, long ones less.
    end = hip + (knee - hip) * (covered - 0.12)
    wide = 0.092 - 0.018 * covered
    b.add(hip, end, (0.090 * s * g, wide * s * g), right, (PLAIN, who.trousers, 0.0, 0.0, 0.8))
    long = who.trouser_leg > 1.2
    cloth = who.trousers if long else who.skin
    b.add(knee, ankle, (0.056 * s * g, 0.037 * s * g), right, (BORDER, cloth, who.shoe, 0.9, 0.5))
    calf = (PLAIN, cloth, 0.0, 0.0, 0.5)
    down = ankle - knee
    b.add(
        knee + down * 0.15 - 0.015 * s * front,
        knee + down * (0.85 if long else 0.48) - 0.012 * s * front,
        (0.050 * s * g, (0.046 if long else 0.043) * s * g),
        right,
        calf,
    )
    _add_shoe(b, bones, who, side)


def _add_shoe(b: _Builder, bones: Bones, who: Subject, side: int) -> None:
    s, ankle, toes = bones.lengths.unit, bones.ankle[:, side], bones.toe_way[:, side]
    shank = (ankle - bones.knee[:, side]) / bones.lengths.shank
    sole = unit(shank - toes * np.sum(shank * toes, -1, keepdims=True))
    across = bones.left * OUTWARD[side]
    heel = ankle + (0.050 * sole - 0.035 * toes) * s
    tip = ankle + (0.054 * sole + 0.155 * toes) * s
    b.add(heel, tip, (0.038 * s, 0.034 * s), across, (SHOE, who.shoe, 0.0, 0.0, 0.5), (1.15, 1.0))
    instep = ankle + (0.03 * sole + 0.07 * toes) * s
    tongue = (PLAIN, who.shoe, 0.0, 0.0, 0.5)
    b.add(ankle + 0.012 * s * sole, instep, (0.040 * s, 0.034 * s), across, tongue)
