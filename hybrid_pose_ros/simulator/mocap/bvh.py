"""Biovision files (.bvh): a hierarchy of joints with channels, and one line of values a frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hybrid_pose_ros.simulator.mocap.skeleton import AXES, Clip, Skeleton, make_clip, turn
from hybrid_pose_ros.simulator.mocap.text import Line, Lines

_CHANNELS = {
    f"{axis}{kind}": (axis.lower(), kind) for axis in "XYZ" for kind in ("rotation", "position")
}


@dataclass
class _Joint:
    name: str
    parent: int
    offset: np.ndarray = field(default_factory=lambda: np.zeros(3))
    channels: list[tuple[str, str]] = field(default_factory=list)


def read_bvh(path: Path) -> Clip:
    """Read skeleton and motion; angles are degrees, channels turn in the order in which they stand.

    Raises:
        MotionError: naming file, line and problem.
    """
    lines = Lines(path)
    joints = _read_hierarchy(lines)
    values, rate_hz = _read_motion(lines, sum(len(joint.channels) for joint in joints))
    local, moves = (
        np.empty((len(values), len(joints), 3, 3)),
        np.empty((len(values), len(joints), 3)),
    )
    column = 0
    for j, joint in enumerate(joints):
        turned, moves[:, j] = np.eye(3), joint.offset
        for axis, kind in joint.channels:
            if kind == "rotation":
                turned = turned @ turn(axis, np.radians(values[:, column]))
            else:  # a position stands in place of the offset
                moves[:, j, AXES.index(axis)] = values[:, column]
            column += 1
        local[:, j] = turned
    offsets = np.array([joint.offset for joint in joints])
    skeleton = Skeleton(
        tuple(joint.name for joint in joints),
        tuple(joint.parent for joint in joints),
        offsets,
        np.zeros_like(offsets),
    )
    return make_clip(path, rate_hz, skeleton, moves, local)


def _read_hierarchy(lines: Lines) -> list[_Joint]:
    """The joints up to the line MOTION, End Sites included."""
    joints: list[_Joint] = []
    open_joints: list[int] = []
    first = lines.next("HIERARCHY")
    if first.words[0].upper() != "HIERARCHY":
        lines.fail(first.number, f"a BVH file begins with HIERARCHY, not with {first.words[0]}")
    for line in lines:
        word = line.words[0].upper()
        if word in ("ROOT", "JOINT", "END"):
            _begin(lines, line, joints, open_joints)
        elif word == "OFFSET":
            joint = _current(lines, line, joints, open_joints)
            joint.offset = lines.numbers(line, line.words[1:], 3, f"the offset of {joint.name}")
        elif word == "CHANNELS":
            _take_channels(lines, line, _current(lines, line, joints, open_joints))
        elif word == "}":
            _current(lines, line, joints, open_joints)
            open_joints.pop()
        elif word == "MOTION":
            if open_joints:
                lines.fail(line.number, f"joint {joints[open_joints[-1]].name} is not closed")
            if not joints:
                lines.fail(line.number, "there is no joint before MOTION")
            return joints
        else:
            lines.fail(line.number, f"'{line.words[0]}' is not understood")
    lines.fail(lines.last_number, "there is no MOTION")


def _begin(lines: Lines, line: Line, joints: list[_Joint], open_joints: list[int]) -> None:
    parent = open_joints[-1] if open_joints else -1
    kind = line.words[0].upper()
    if (kind == "ROOT") != (parent < 0) or (kind == "ROOT" and joints):
        lines.fail(line.number, f"{kind} does not belong here; one ROOT holds all joints")
    words = [word for word in line.words[1:] if word != "{"]
    name = f"{joints[parent].name} end" if kind == "END" else " ".join(words)
    if not name or any(joint.name == name for joint in joints):
        lines.fail(line.number, f"a joint without a name or a second '{name}'")
    if line.words[-1] != "{":
        brace = lines.next("{")
        if brace.words != ["{"]:
            lines.fail(brace.number, f"{{ must follow {name}")
    joints.append(_Joint(name, parent))
    open_joints.append(len(joints) - 1)


def _current(lines: Lines, line: Line, joints: list[_Joint], open_joints: list[int]) -> _Joint:
    if not open_joints:
        lines.fail(line.number, f"'{line.words[0]}' outside of a joint")
    return joints[open_joints[-1]]


def _take_channels(lines: Lines, line: Line, joint: _Joint) -> None:
    words = line.words[2:]
    unknown = [word for word in words if word not in _CHANNELS]
    if unknown:
        lines.fail(line.number, f"unknown channel {unknown[0]} of {joint.name}")
    if line.words[1:2] != [str(len(words))]:
        lines.fail(line.number, f"the number of channels of {joint.name} is not {len(words)}")
    joint.channels = [_CHANNELS[word] for word in words]


def _read_motion(lines: Lines, width: int) -> tuple[np.ndarray, float]:
    """Values (n, width) and frames per second."""
    line = lines.next("Frames:")
    if line.words[0].lower() != "frames:":
        lines.fail(line.number, f"'Frames:' must follow MOTION, got {line.words[0]}")
    count = int(lines.number(line, line.words[1:], "the number of frames"))
    line = lines.next("Frame Time:")
    if [word.lower() for word in line.words[:2]] != ["frame", "time:"]:
        lines.fail(line.number, f"'Frame Time:' must follow, got {' '.join(line.words[:2])}")
    seconds = lines.number(line, line.words[2:], "the frame time")
    if not 1e-4 <= seconds <= 1.0:
        lines.fail(line.number, f"the frame time must be in 0.0001..1 s, got {seconds}")
    rows: list[np.ndarray] = []
    for line in lines:
        rows.append(lines.numbers(line, line.words, width, f"frame {len(rows) + 1}"))
    if len(rows) != count or count == 0:
        lines.fail(lines.last_number, f"{count} frames are announced but {len(rows)} are there")
    return np.array(rows), 1.0 / seconds
