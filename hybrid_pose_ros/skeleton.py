"""The 13 DHP19 joints: their order, the limbs between them and the left-right pairs.

Every array of joints in this package, in messages and in files, follows JOINTS.
"""

from __future__ import annotations

JOINTS: tuple[str, ...] = (
    "head",
    "shoulder_right",
    "shoulder_left",
    "elbow_right",
    "elbow_left",
    "hip_right",
    "hip_left",
    "hand_right",
    "hand_left",
    "knee_right",
    "knee_left",
    "foot_right",
    "foot_left",
)
NUM_JOINTS = len(JOINTS)
INDEX: dict[str, int] = {name: i for i, name in enumerate(JOINTS)}

LIMBS: tuple[tuple[int, int], ...] = tuple(
    (INDEX[a], INDEX[b])
    for a, b in (
        ("head", "shoulder_right"),
        ("head", "shoulder_left"),
        ("shoulder_right", "shoulder_left"),
        ("shoulder_right", "elbow_right"),
        ("elbow_right", "hand_right"),
        ("shoulder_left", "elbow_left"),
        ("elbow_left", "hand_left"),
        ("shoulder_right", "hip_right"),
        ("shoulder_left", "hip_left"),
        ("hip_right", "hip_left"),
        ("hip_right", "knee_right"),
        ("knee_right", "foot_right"),
        ("hip_left", "knee_left"),
        ("knee_left", "foot_left"),
    )
)

LEFT_RIGHT: tuple[tuple[int, int], ...] = tuple(
    (i, INDEX[name.replace("_right", "_left")])
    for i, name in enumerate(JOINTS)
    if name.endswith("_right")
)
# joints[SWAP] is the same pose with left and right exchanged.
SWAP: tuple[int, ...] = tuple(
    INDEX[n.replace("_right", "_L").replace("_left", "_right").replace("_L", "_left")]
    for n in JOINTS
)
