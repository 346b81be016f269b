"""Tables of what `simulator_judge` says of the shipped world: movements, people, motion capture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from simulator_judge import Errors, Judge
from tqdm import tqdm

from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.movements.catalogue import MOVEMENTS
from hybrid_pose_ros.simulator.performance import Performance, perform_mocap, perform_movement
from hybrid_pose_ros.simulator.simulate import record

SUBJECT = 13
PEOPLE_MOVEMENTS = (3, 9, 14, 19, 24, 31)  # none of them was looked at while people were designed
# Seconds of each recording and frames of each camera that are looked at.
OURS, PEOPLE, CLIPS = (10.0, 12), (1.2, 2), (3.0, 6)
CAMERAS = ("cam2", "cam3")


def judged(performance: Performance, judge: Judge, frames: int) -> list[Errors]:
    """Errors on camera 2 and on camera 3."""
    cameras = list(load_rig(share_path("config", "dhp19_rig.yaml"), CAMERAS).cameras.values())
    recording = record(performance, 0, cameras)
    return [judge.errors(recording, camera, recording.truth_xyz, frames) for camera in CAMERAS]


def table(name: str, rows: Iterable[tuple[str, list[list[Errors]]]]) -> Iterator[str]:
    """One row of each named group, cameras beside one another, then all together."""
    yield f"| {name}, median / mean px | camera 2 | camera 3 |"
    yield "|---|---|---|"
    every: list[list[Errors]] = []
    for label, found in tqdm(rows, desc=name):
        every += found
        yield f"| {label} | {' | '.join(_cells(found))} |"
    swapped = Errors.of([errors for pair in every for errors in pair]).swapped_median()
    yield f"| all (left and right exchanged: median {swapped:.0f}) | {' | '.join(_cells(every))} |"
    yield ""


def _cells(found: list[list[Errors]]) -> list[str]:
    return [Errors.of([pair[i] for pair in found]).cell() for i in range(len(CAMERAS))]


def realism_lines(judge: Judge, mocap: Path) -> Iterator[str]:
    """Lines of the three tables."""
    seconds, frames = OURS
    ours = (
        (
            f"{m.number} {m.name}",
            [judged(perform_movement(SUBJECT, m.number, 0, seconds), judge, frames)],
        )
        for m in MOVEMENTS
    )
    yield from table(f"subject {SUBJECT}", ours)
    people = (
        (
            f"subject {number}",
            [
                judged(perform_movement(number, movement, 0, PEOPLE[0]), judge, PEOPLE[1])
                for movement in PEOPLE_MOVEMENTS
            ],
        )
        for number in range(1, 18)
    )
    yield from table(f"movements {', '.join(map(str, PEOPLE_MOVEMENTS))}", people)
    clips = (
        (path.stem, [judged(perform_mocap(SUBJECT, path, None, CLIPS[0]), judge, CLIPS[1])])
        for path in sorted(mocap.glob("*.amc"))
    )
    yield from table(f"CMU clips on subject {SUBJECT}", clips)
