"""What `simulator_judge` says of worlds in which one thing is different."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any
from unittest.mock import patch

import numpy as np
from simulator_judge import Errors, Judge
from tqdm import tqdm

from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator import body, motion, scene, view
from hybrid_pose_ros.simulator.bones import Bones, bones_of
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.motion import make_motion
from hybrid_pose_ros.simulator.movements.catalogue import find_movement
from hybrid_pose_ros.simulator.performance import Performance
from hybrid_pose_ros.simulator.sensor import DAVIS346, SensorModel
from hybrid_pose_ros.simulator.simulate import record
from hybrid_pose_ros.simulator.subjects import Subject, find_subject

SUBJECTS = (4, 13)
MOVEMENTS = (1, 9, 16, 22, 28, 30)
SECONDS = 1.0
FRAMES = 2  # of every recording and camera
CAMERAS = ("cam2", "cam3")


@dataclass(frozen=True)
class Variant:
    """One change of the world.

    Attributes:
        name: of the row.
        person: what becomes of a subject.
        sensor: the cameras.
        truth: labelled points of bones.
        settings: (module, name, value) that hold while recordings are made.
    """

    name: str
    person: Callable[[Subject], Subject] = lambda who: who
    sensor: SensorModel = DAVIS346
    truth: Callable[[Bones], np.ndarray] = markers_of
    settings: tuple[tuple[ModuleType, str, Any], ...] = ()


def variants() -> Iterator[Variant]:
    """The rows of the table, the unchanged world first."""
    yield Variant("everything as it is")
    yield Variant("joint centres instead of markers", truth=_centres)
    yield Variant("one reflectance for all", person=_plain)
    yield Variant("no reflecting spheres", person=lambda who: replace(who, wears_markers=False))
    yield Variant("no shadows of the shoes", settings=((body, "SHOE", body.PLAIN),))
    yield Variant("half as thick", person=lambda who: replace(who, girth=0.5 * who.girth))
    yield Variant("1.87 m tall", person=lambda who: replace(who, height=1.87))
    yield Variant("darker hair (0.6 times)", person=lambda who: replace(who, hair=0.6 * who.hair))
    yield Variant("no folds nor patterns", person=lambda who: replace(who, texture=0.0))
    yield Variant("no sway", settings=((motion, "_SWAY", 0.0),))
    yield Variant("wall and floor half as bright", settings=((view, "backdrop", _dim(0.5)),))
    for theta in (0.10, 0.25):
        sensor = replace(DAVIS346, threshold_on=theta, threshold_off=theta)
        yield Variant(f"threshold {theta:.2f}", sensor=sensor)
    yield Variant("no low-pass", sensor=replace(DAVIS346, time_constant_s=0.0))
    for hertz in (0.1, 0.4):
        yield Variant(f"noise {hertz:g} Hz a pixel", sensor=replace(DAVIS346, noise_hz=hertz))


def _plain(who: Subject) -> Subject:
    grey = 0.35
    return replace(who, shirt=grey, trousers=grey, skin=grey, hair=grey, shoe=grey)


def _centres(bones: Bones) -> np.ndarray:
    pairs = (bones.shoulder, bones.elbow, bones.hip, bones.hand, bones.knee, bones.ankle)
    return np.concatenate([bones.head[:, None], *pairs], axis=1)


def _dim(times: float) -> Callable[..., np.ndarray]:
    return lambda *args: (scene.backdrop(*args) * np.float32(times)).astype(np.float32)


def row(variant: Variant, judge: Judge) -> tuple[Errors, float]:
    """Errors in a changed world, and its thousand events a second and camera."""
    cameras = list(load_rig(share_path("config", "dhp19_rig.yaml"), CAMERAS).cameras.values())
    parts, events = [], 0
    with ExitStack() as held:
        for module, name, value in variant.settings:
            held.enter_context(patch.object(module, name, value))
        for number in SUBJECTS:
            for movement in MOVEMENTS:
                who = variant.person(find_subject(number))
                pose = make_motion([find_movement(str(movement))], number, 0, SECONDS)
                played = Performance(who, lambda t, m=pose, w=who: bones_of(m(t), w), "", SECONDS)  # type: ignore[misc]
                recording = record(played, 0, cameras, variant.sensor)
                truth = variant.truth(played.bones(recording.truth_t_ns * 1e-9))
                parts += [judge.errors(recording, camera, truth, FRAMES) for camera in CAMERAS]
                events += sum(map(len, recording.cameras.values()))
    count = len(SUBJECTS) * len(MOVEMENTS) * len(CAMERAS)
    return Errors.of(parts), events / count / SECONDS / 1e3


def ablation_lines(judge: Judge) -> Iterator[str]:
    """Lines of the table."""
    yield (
        f"Subjects {' and '.join(map(str, SUBJECTS))}, movements "
        f"{', '.join(map(str, MOVEMENTS))}, {SECONDS:g} s each, cameras 2 and 3 together."
    )
    yield ""
    yield "| world | median / mean px | thousand events a second | frames |"
    yield "|---|---|---|---|"
    for variant in tqdm(list(variants()), unit="world"):
        errors, rate = row(variant, judge)
        yield f"| {variant.name} | {errors.cell()} | {rate:.0f} | {len(errors.weight)} |"
