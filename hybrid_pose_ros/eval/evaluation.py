"""The whole comparison: scenes times cameras times contenders, as one plain result."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.eval.camera_events import CameraEvents
from hybrid_pose_ros.eval.contenders import compare, left_out
from hybrid_pose_ros.eval.examples import Example, take_example
from hybrid_pose_ros.eval.judge import Judged
from hybrid_pose_ros.eval.reliability import Reliability
from hybrid_pose_ros.eval.scene import SECTIONS, Scene, grid_of
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.unfinished import write_text

FORMAT = "hybrid_pose_ros/evaluation/1"


@dataclass(frozen=True)
class Protocol:
    """How it is compared.

    Attributes:
        rates_hz: steps per second.
        horizon_ms: how long late windows run without a new keyframe.
        late_every: every so many windows is a late one.
        judged: 2D errors are of the first so many cameras; so is the smaller number of views.
        batch: windows at a time.
    """

    rates_hz: tuple[int, ...] = (100, 200)
    horizon_ms: int = 400
    late_every: int = 4
    judged: int = 2
    batch: int = 16


def evaluate(
    networks: dict[str, PoseNetwork], scenes: Iterable[Scene], count: int, protocol: Protocol
) -> tuple[dict[str, Any], list[Example]]:
    """Figures of every section, and a few poses for pictures.

    Args:
        networks: by name, in eval mode.
        scenes: read one at a time.
        count: of the scenes, for the progress bar.

    Raises:
        RecordingError: no scene is long enough for one window.
    """
    collected: dict[str, dict[tuple[int, str], Judged]] = {}
    names: dict[str, list[str]] = {}
    examples: list[Example] = []
    for scene in tqdm(scenes, "comparing networks", count, disable=None):
        section = collected.setdefault(scene.section, {})
        names.setdefault(scene.section, []).append(scene.name)
        for rate in protocol.rates_hz:
            example = _judge_scene(networks, scene, rate, protocol, section)
            if example is not None and not any(e.section == scene.section for e in examples):
                examples.append(example)
    if not any(collected.values()):
        raise RecordingError("no recording is long enough: 0.4 s with events and truth are needed")
    sections = {
        section: {
            "about": SECTIONS[section],
            "recordings": names[section],
            "rows": [judged.row(round(1e9 / rate)) for (rate, _), judged in rows.items()],
        }
        for section, rows in collected.items()
        if rows
    }
    return nothing(networks) | {"sections": sections}, examples


def nothing(networks: dict[str, PoseNetwork]) -> dict[str, Any]:
    """A result in which nothing has been judged yet."""
    return {
        "format": FORMAT,
        "networks": sorted(networks),
        "left_out": left_out(networks),
        "sections": {},
    }


def _judge_scene(
    networks: dict[str, PoseNetwork], scene: Scene, rate: int, protocol: Protocol,
    section: dict[tuple[int, str], Judged],
) -> Example | None:  # fmt: skip
    grid = grid_of(scene, round(1e9 / rate), protocol.horizon_ms * 1_000_000, protocol.late_every)
    if not len(grid.starts_ns):
        return None
    cameras = list(scene.rig.cameras.values())
    found = [
        compare(networks, CameraEvents(scene.events[c.name], c), grid, protocol.batch)
        for c in cameras
    ]
    for one_each in zip(*found, strict=True):
        contender = one_each[0][0]
        judged = section.setdefault((rate, contender.label), Judged(contender))
        if judged.reliability is None and not contender.variant and contender.name in networks:
            judged.reliability = Reliability.of(networks[contender.name])
        views = [(c, poses) for c, (_, poses, _) in zip(cameras, one_each, strict=True)]
        for camera, (_, poses, firing) in list(zip(cameras, one_each, strict=True))[
            : protocol.judged
        ]:
            judged.add_camera(scene, grid, camera, poses, firing)
        for number in {protocol.judged, len(cameras)} - {1}:
            judged.add_views(scene, grid, views[:number])
    poses = {one_each[0][0].label: one_each[0][1] for one_each in zip(*found, strict=True)}
    both = [{c.label: poses for c, poses, _ in camera} for camera in found[: protocol.judged]]
    return take_example(scene, grid, cameras[: protocol.judged], both) if poses else None


def write_json(result: dict[str, Any], path: Path) -> None:
    """Write a result; it appears only when it is complete."""
    write_text(path, json.dumps(result, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a result back.

    Raises:
        RecordingError: it is missing or not a result.
    """
    try:
        result = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordingError(
            f"{path} cannot be read: {error}; make one with evaluate --out"
        ) from error
    if not isinstance(result, dict) or result.get("format") != FORMAT:
        raise RecordingError(f"{path} is not a result of `hybrid_pose evaluate`")
    return result
