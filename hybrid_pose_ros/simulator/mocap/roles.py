"""Which joint of a motion capture file is a knee: the names that the usual skeletons have."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.errors import MotionError
from hybrid_pose_ros.simulator.mocap.skeleton import Clip

# Names without their side, the first found counts. ASF bones are named after their upper end and
# give the point of their lower end: the femur's point is the knee.
_ASF_NAMES = {
    "hip": ("hipjoint",),
    "knee": ("femur",),
    "ankle": ("tibia",),
    "toe": ("toes", "foot"),
    "shoulder": ("clavicle",),
    "elbow": ("humerus",),
    "wrist": ("wrist", "radius"),
}
# BVH joints give the point of their upper end. "Shoulder" is the collar bone where there is an
# "Arm", and the shoulder where there is an "Elbow".
_BVH_NAMES = {
    "hip": ("upleg", "upperleg", "thigh", "femur", "hip"),
    "knee": ("leg", "lowerleg", "knee", "shin", "calf", "shank", "tibia"),
    "ankle": ("ankle", "foot"),
    "toe": ("toebase", "toes", "toe", "footend", "ankleend", "foot"),
    "shoulder": ("arm", "uparm", "upperarm", "humerus", "shoulder"),
    "elbow": ("forearm", "lowarm", "lowerarm", "elbow", "radius"),
    "wrist": ("wrist", "hand"),
}
_SIDES = (("right", "r"), ("left", "l"))
_HEADS = ("head", "neck1", "neck")


@dataclass(frozen=True)
class Roles:
    """Joint indices by meaning.

    Attributes:
        pairs: role -> (right, left).
        head: the joint that turns with the head.
    """

    pairs: dict[str, tuple[int, int]]
    head: int


def find_roles(clip: Clip) -> Roles:
    """Find the joints that the body needs.

    Raises:
        MotionError: naming the joint that is missing, and those that are there.
    """
    plain = {_plain(name): i for i, name in reversed(list(enumerate(clip.skeleton.names)))}
    names = _ASF_NAMES if np.any(clip.skeleton.tips) else _BVH_NAMES
    pairs = {}
    for role, words in names.items():
        found = []
        for side in _SIDES:
            index = _find(plain, words, side)
            if index is None:
                raise MotionError(
                    f"{clip.path} has no {side[0]} {role}: none of its joints "
                    f"{', '.join(clip.skeleton.names)} is called {side[0]} or {side[1]} "
                    f"{' or '.join(words)}; rename the joint in the file"
                )
            found.append(index)
        pairs[role] = (found[0], found[1])
    head = next((plain[name] for name in _HEADS if name in plain), None)
    if head is None:
        raise MotionError(
            f"{clip.path} has no joint 'head' or 'neck' among {', '.join(clip.skeleton.names)}; "
            "rename the joint in the file"
        )
    return Roles(pairs, head)


def _plain(name: str) -> str:
    """Without name space, case and separators: mixamorig:Left_UpLeg -> leftupleg."""
    return re.sub(r"^bip\d+|[^a-z0-9]", "", name.split(":")[-1].lower())


def _find(plain: dict[str, int], words: tuple[str, ...], side: tuple[str, str]) -> int | None:
    for word in words:
        for mark in side:
            for name in (f"{mark}{word}", f"{word}{mark}"):
                if name in plain:
                    return plain[name]
    return None
