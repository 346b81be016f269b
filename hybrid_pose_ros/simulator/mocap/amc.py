"""Acclaim motion files (.amc): the values of every bone of an .asf skeleton, frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hybrid_pose_ros.errors import MotionError
from hybrid_pose_ros.simulator.mocap.asf import ROOT, AsfSkeleton, Bone, read_asf
from hybrid_pose_ros.simulator.mocap.skeleton import AXES, Clip, make_clip, turn
from hybrid_pose_ros.simulator.mocap.text import Line, Lines

RATE_HZ = 120.0  # the format does not tell; the CMU database has 120


def find_skeleton(path: Path) -> Path:
    """The .asf that belongs to an .amc: of the same name or subject, or the only one there.

    Raises:
        MotionError: there is none, or several.
    """
    for stem in (path.stem, path.stem.split("_")[0]):  # 02_01.amc belongs to 02.asf
        candidate = path.with_name(f"{stem}.asf")
        if candidate.exists():
            return candidate
    found = sorted(path.parent.glob("*.asf")) if path.parent.is_dir() else []
    if len(found) != 1:
        raise MotionError(
            f"{path} needs its skeleton: found {len(found)} .asf files beside it; name the right "
            "one with --skeleton"
        )
    return found[0]


def read_amc(path: Path, skeleton: Path | None = None) -> Clip:
    """Read a motion.

    Args:
        path: .amc file.
        skeleton: .asf file; None for the one beside it.

    Raises:
        MotionError: naming file, line and problem.
    """
    lines = Lines(path)
    asf = read_asf(skeleton or find_skeleton(path))
    values, radians = _read_frames(lines, asf)
    local = np.empty((len(values[ROOT]), len(asf.bones), 3, 3))
    for j, bone in enumerate(asf.bones):
        local[:, j] = _rotations(bone, values.get(bone.name), radians)
    moves = np.zeros((len(local), len(asf.bones), 3))
    for i, dof in enumerate(asf.bones[0].dofs):
        if dof.startswith("t"):
            moves[:, 0, AXES.index(dof[1])] = values[ROOT][:, i] * asf.unit_m
    return make_clip(path, RATE_HZ, asf.skeleton, moves, local)


def _read_frames(lines: Lines, asf: AsfSkeleton) -> tuple[dict[str, np.ndarray], bool]:
    """Values (n, dofs) of every bone that has any, and whether angles are radians."""
    wanted = {bone.name: len(bone.dofs) for bone in asf.bones if bone.dofs}
    known = {bone.name for bone in asf.bones}
    frames: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
    radians, number, start, seen = asf.radians, None, 0, set[str]()
    for line in lines:
        word = line.words[0]
        if word.startswith(":"):
            radians = {":RADIANS": True, ":DEGREES": False}.get(word.upper(), radians)
        elif len(line.words) == 1 and word.isdigit():
            if number is not None:
                _check_complete(lines, wanted, seen, number, start)
                if int(word) != number + 1:
                    lines.fail(line.number, f"frame {word} follows frame {number}")
            number, start, seen = int(word), line.number, set()
        else:
            if number is None:
                lines.fail(line.number, f"'{word}' before the first frame number")
            _take(lines, line, wanted, known, seen, number, frames)
    if number is None:
        lines.fail(lines.last_number, "there is no frame")
    _check_complete(lines, wanted, seen, number, start)
    return {name: np.array(rows) for name, rows in frames.items()}, radians


def _take(
    lines: Lines,
    line: Line,
    wanted: dict[str, int],
    known: set[str],
    seen: set[str],
    number: int,
    frames: dict[str, list[np.ndarray]],
) -> None:
    """Store the values of one bone in one frame."""
    name = line.words[0]
    if name not in wanted:
        reason = "has no degrees of freedom" if name in known else "is not in the skeleton"
        lines.fail(line.number, f"bone {name} of frame {number} {reason}")
    if name in seen:
        lines.fail(line.number, f"bone {name} comes twice in frame {number}")
    what = f"{name} in frame {number}"
    frames[name].append(lines.numbers(line, line.words[1:], wanted[name], what))
    seen.add(name)


def _check_complete(
    lines: Lines, wanted: dict[str, int], seen: set[str], number: int, start: int
) -> None:
    missing = [name for name in wanted if name not in seen]
    if missing:
        lines.fail(start, f"frame {number} lacks {', '.join(missing)}")


def _rotations(bone: Bone, values: np.ndarray | None, radians: bool) -> np.ndarray:
    """Rotation of a bone against its parent: (n, 3, 3), or (3, 3) if it cannot turn."""
    turned = np.eye(3)
    if values is None:
        return turned
    for axis in bone.order:
        if f"r{axis}" in bone.dofs:
            angle = values[:, bone.dofs.index(f"r{axis}")]
            turned = turn(axis, angle if radians else np.radians(angle)) @ turned
    return bone.axis @ turned @ bone.axis.T
