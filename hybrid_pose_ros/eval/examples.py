"""A few moments of an evaluation, kept for pictures: events, estimates and truth."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.eval.judge import in_3d
from hybrid_pose_ros.eval.poses import Poses
from hybrid_pose_ros.eval.scene import Grid, Scene
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.unfinished import renewed

SHOWN_NS = 30_000_000  # of events in one picture
FILE = "examples.npz"


@dataclass(frozen=True)
class Example:
    """One moment, 100 ms after a keyframe, of a person who moves.

    Attributes:
        section, name: of the recording.
        camera: that it was seen by; size: (width, height) of its sensor.
        events: EVENT_DTYPE of the last 30 ms.
        truth_uv: (13, 2) sensor pixels; truth_xyz: (13, 3) metres.
        labels: of the contenders.
        uv: (contenders, 13, 2) and confidence (contenders, 13).
        xyz: (contenders, 13, 3) metres from the judged views.
    """

    section: str
    name: str
    camera: str
    size: tuple[int, int]
    events: np.ndarray
    truth_uv: np.ndarray
    truth_xyz: np.ndarray
    labels: tuple[str, ...]
    uv: np.ndarray
    confidence: np.ndarray
    xyz: np.ndarray


def take_example(
    scene: Scene, grid: Grid, cameras: list[Camera], poses: list[dict[str, Poses]]
) -> Example:
    """The last moment of the window in which the joints move farthest; poses per camera."""
    step = grid.short_steps
    times = grid.times_ns[:, [0, step]]
    uv = cameras[0].project(scene.truth.at(times.ravel())).reshape(*times.shape, -1, 2)
    moved = np.nan_to_num(np.linalg.norm(uv[:, 1] - uv[:, 0], axis=-1)).max(1)
    window = int(moved.argmax())
    t_ns = int(grid.times_ns[window, step])
    events = scene.events[cameras[0].name]
    first, end = np.searchsorted(events["t"], [t_ns - SHOWN_NS, t_ns])
    labels = tuple(poses[0])
    here = np.zeros_like(grid.wanted)
    here[window, step] = True
    xyz = [
        in_3d([(c, p[label]) for c, p in zip(cameras, poses, strict=True)], here)[window, step]
        for label in labels
    ]
    shown = [poses[0][label][window, step] for label in labels]
    return Example(
        scene.section, scene.name, cameras[0].name, (cameras[0].width, cameras[0].height),
        events[first:end], uv[window, 1], scene.truth.at(np.array([t_ns]))[0], labels,
        np.stack([p.uv for p in shown]), np.stack([p.confidence for p in shown]), np.stack(xyz),
    )  # fmt: skip


def write_examples(examples: list[Example], path: Path) -> None:
    """Write them into one .npz; it appears only when it is complete."""
    arrays: dict[str, Any] = {
        f"{i}_{name}": np.array(value)
        for i, example in enumerate(examples)
        for name, value in vars(example).items()
    }
    with renewed(path) as file:
        np.savez_compressed(file, **arrays)


def read_examples(path: Path) -> list[Example]:
    """Read them back.

    Raises:
        RecordingError: the file is damaged.
    """
    try:
        with np.load(path) as file:
            count = 1 + max((int(key.split("_")[0]) for key in file), default=-1)
            return [_example(file, i) for i in range(count)]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise RecordingError(f"{path} cannot be read: {error}; evaluate again") from error


def _example(file: Any, i: int) -> Example:
    values = {name: file[f"{i}_{name}"] for name in Example.__dataclass_fields__}
    for name in ("section", "name", "camera"):
        values[name] = str(values[name])
    values["size"] = tuple(values["size"].tolist())
    values["labels"] = tuple(values["labels"].tolist())
    return Example(**values)
