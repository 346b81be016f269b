"""Acclaim skeleton files (.asf): bones with rest directions, lengths and degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hybrid_pose_ros.simulator.mocap.skeleton import AXES, Skeleton, turn_in_order
from hybrid_pose_ros.simulator.mocap.text import Line, Lines

ROOT = "root"
_INCH = 0.0254  # lengths are inches divided by the unit: 0.45 in the CMU database
_DOFS = ("rx", "ry", "rz")


@dataclass
class Bone:
    """One bone of the file.

    Attributes:
        name: as in the file.
        dofs: names of its values in the motion file, in their order; the root's include TX.
        order: axes about which it turns, the first first.
        axis: (3, 3) orientation of its own axes in the rest pose.
        direction, length: from its start to its end in the rest pose, in the unit of the file.
        parent: name; empty for the root.
        line: of the file, where it begins.
    """

    name: str
    line: int
    dofs: list[str] = field(default_factory=list)
    order: str = AXES
    axis: np.ndarray = field(default_factory=lambda: np.eye(3))
    direction: np.ndarray = field(default_factory=lambda: np.zeros(3))
    length: float = 0.0
    parent: str = ""


@dataclass(frozen=True)
class AsfSkeleton:
    """A parsed file.

    Attributes:
        bones: in an order in which parents come first; the first is the root.
        unit_m: metres of one unit of length.
        radians: whether angles are radians.
        skeleton: for the forward kinematics, metres.
    """

    bones: tuple[Bone, ...]
    unit_m: float
    radians: bool
    skeleton: Skeleton


def read_asf(path: Path) -> AsfSkeleton:
    """Read a skeleton.

    Raises:
        MotionError: naming file, line and problem.
    """
    lines = Lines(path)
    parser = _Parser(lines)
    for line in lines:
        parser.take(line)
    return parser.result()


class _Parser:
    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._section = ""
        self._bone: Bone | None = None
        self._bones = {ROOT: Bone(ROOT, 1)}
        self._axes: dict[str, np.ndarray] = {ROOT: np.zeros(3)}  # in the unit of the file
        self._unit_m, self._radians = _INCH, False

    def take(self, line: Line) -> None:
        """Sort one line into its section."""
        word = line.words[0]
        if word.startswith(":"):
            self._section = word[1:].lower()
        elif self._section == "units":
            self._take_unit(line)
        elif self._section == "root":
            self._take_root(line)
        elif self._section == "bonedata":
            self._take_bone(line)
        elif self._section == "hierarchy":
            self._take_children(line)

    def _take_unit(self, line: Line) -> None:
        name, value = line.words[0], line.words[-1]
        if name == "length":
            unit = self._lines.number(line, line.words[1:], "the unit of length")
            if unit <= 0.0:
                self._lines.fail(line.number, f"the unit of length must be positive, got {unit}")
            self._unit_m = _INCH / unit
        elif name == "angle":
            if value.lower()[:3] not in ("deg", "rad"):
                self._lines.fail(line.number, f"the unit of angles is deg or rad, got {value}")
            self._radians = value.lower().startswith("rad")

    def _take_root(self, line: Line) -> None:
        root = self._bones[ROOT]
        name, words = line.words[0], line.words[1:]
        if name == "order":
            root.dofs = [word.lower() for word in words]
            unknown = [word for word in root.dofs if word not in ("tx", "ty", "tz", *_DOFS)]
            if unknown:
                self._lines.fail(line.number, f"unknown degree of freedom {unknown[0]} of the root")
        elif name == "axis":
            root.order = self._order(line, words[-1])
        elif name == "orientation":
            self._axes[ROOT] = self._lines.numbers(line, words, 3, "the root's orientation")

    def _take_bone(self, line: Line) -> None:
        name, words = line.words[0], line.words[1:]
        if name == "begin":
            self._bone = Bone("", line.number)
            return
        bone = self._bone
        if bone is None:
            self._lines.fail(line.number, f"'{name}' outside of begin and end")
        if name == "end":
            self._finish(bone)
        elif name == "name":
            bone.name = words[0]
        elif name == "direction":
            bone.direction = self._lines.numbers(line, words, 3, f"direction of {bone.name}")
        elif name == "length":
            bone.length = self._lines.number(line, words, f"length of {bone.name}")
        elif name == "axis":
            bone.order = self._order(line, words[-1])
            self._axes[bone.name] = self._lines.numbers(line, words[:3], 3, f"axis of {bone.name}")
        elif name == "dof":
            bone.dofs = [word.lower() for word in words]
            unknown = [word for word in bone.dofs if word not in _DOFS]
            if unknown:
                self._lines.fail(
                    line.number, f"degree of freedom {unknown[0]} of {bone.name} is not a rotation"
                )

    def _finish(self, bone: Bone) -> None:
        if not bone.name or bone.name in self._bones:
            self._lines.fail(bone.line, f"a bone without a name or a second '{bone.name}'")
        norm = float(np.linalg.norm(bone.direction))
        if norm == 0.0:
            self._lines.fail(bone.line, f"bone {bone.name} has no direction")
        bone.direction = bone.direction / norm
        self._bones[bone.name] = bone
        self._bone = None

    def _order(self, line: Line, word: str) -> str:
        order = word.lower()
        if sorted(order) != sorted(AXES):
            self._lines.fail(line.number, f"the order of axes must be like XYZ, got {word}")
        return order

    def _take_children(self, line: Line) -> None:
        if line.words[0] in ("begin", "end"):
            return
        for name in line.words:
            if name not in self._bones:
                self._lines.fail(line.number, f"bone {name} of the hierarchy is not in :bonedata")
        for name in line.words[1:]:
            self._bones[name].parent = line.words[0]

    def result(self) -> AsfSkeleton:
        """The skeleton, once all lines are taken."""
        if len(self._bones) == 1:
            self._lines.fail(self._lines.last_number, "there is no bone in :bonedata")
        for name, angles in self._axes.items():
            scaled = angles if self._radians else np.radians(angles)
            self._bones[name].axis = turn_in_order(scaled, self._bones[name].order)
        ordered = self._ordered()
        index = {bone.name: i for i, bone in enumerate(ordered)}
        tips = np.array([bone.direction * bone.length for bone in ordered])
        skeleton = Skeleton(
            tuple(index),
            tuple(index.get(bone.parent, -1) for bone in ordered),
            np.zeros_like(tips),
            tips * self._unit_m,
        )
        return AsfSkeleton(tuple(ordered), self._unit_m, self._radians, skeleton)

    def _ordered(self) -> list[Bone]:
        """The bones below the root, parents first."""
        ordered = [self._bones[ROOT]]
        for bone in ordered:  # grows while it is read
            ordered += [b for b in self._bones.values() if b.parent == bone.name]
        loose = [b for b in self._bones.values() if b not in ordered]
        if loose:
            self._lines.fail(loose[0].line, f"bone {loose[0].name} has no place in :hierarchy")
        return ordered
