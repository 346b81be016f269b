"""Whoever changes the simulated world must raise its version: recordings are kept under it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.look import LOOK
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.mocap.player import ClipPlayer
from hybrid_pose_ros.simulator.mocap.skeleton import Clip, Skeleton, make_clip, turn
from hybrid_pose_ros.simulator.performance import perform_movement
from hybrid_pose_ros.simulator.sensor import DAVIS346
from hybrid_pose_ros.simulator.simulate import FRAME_RATE, camera_run, simulate
from hybrid_pose_ros.simulator.subjects import find_subject

CAMERAS = list(load_rig(share_path("config", "dhp19_rig.yaml")).cameras.values())
PEOPLE = (*range(1, 18), 101, 102)
KNOWN = json.loads((Path(__file__).parents[1] / "data/look.json").read_text())


def movements():
    """A number for each of the movements: where the joints are at three times, weighted."""
    weights = np.random.default_rng(1).normal(size=(3, 13, 3))
    times_s = np.array([0.4, 1.3, 2.2])
    for i, movement in enumerate([*range(1, 34), "stand", "free"]):
        person = PEOPLE[i % len(PEOPLE)]
        joints = markers_of(perform_movement(person, movement, 5, 3.0).bones(times_s))
        yield np.sum(weights * joints)


def captured() -> Clip:
    """Somebody, one unit a metre and y upwards, who swings legs and arms, turns and hops."""
    bones: list[tuple[str, int, tuple[float, float, float]]] = [
        ("Hips", -1, (0, 0.95, 0)), ("Spine", 0, (0, 0.3, 0.02)), ("Neck", 1, (0, 0.22, 0)),
        ("Head", 2, (0, 0.1, 0)),
    ]  # fmt: skip
    for side, sign in (("Left", 1), ("Right", -1)):
        leg = (("UpLeg", 0, (0.09 * sign, 0, 0)), ("Leg", -1, (0, -0.43, 0.02)))
        leg += (("Foot", -1, (0, -0.41, -0.02)), ("ToeBase", -1, (0, -0.06, 0.15)))
        arm = (("Shoulder", 1, (0.05 * sign, 0.18, 0)), ("Arm", -1, (0.13 * sign, 0, 0)))
        arm += (("ForeArm", -1, (0.29 * sign, 0, 0)), ("Hand", -1, (0.25 * sign, 0, 0)))
        for name, parent, offset in (*leg, *arm):
            bones.append((side + name, len(bones) - 1 if parent < 0 else parent, offset))
    names, parents, offsets = zip(*bones, strict=True)
    skeleton = Skeleton(names, parents, np.array(offsets), np.zeros((len(bones), 3)))
    t = np.arange(150) / 60.0
    local = np.tile(np.eye(3), (len(t), len(bones), 1, 1))
    for i, name in enumerate(names):
        if not name.startswith(("Left", "Right", "Hips")):
            continue
        axis = "z" if name.endswith("Arm") else "xy"[name == "Hips"]
        bend = 0.5 if name.endswith("Leg") and "Up" not in name else 0.0
        local[:, i] = turn(axis, bend + (0.2 + 0.01 * i) * np.sin(2.0 * np.pi * t + i))
    moves = np.tile(skeleton.offsets, (len(t), 1, 1))
    moves[:, 0, 1] += 0.3 * np.clip(np.sin(4.0 * t), 0.0, None)
    moves[:, 0, 2] += t
    return make_clip(Path("captured"), 60.0, skeleton, moves, local)


def clips():
    """A number for motion capture on some of the people, played once and repeated."""
    weights = np.random.default_rng(2).normal(size=(4, 13, 3))
    times_s = np.array([0.3, 0.9, 1.7, 2.4])
    clip = captured()
    for person in PEOPLE[::4]:
        for seconds, late in ((None, 0.0), (8.0, 4.0)):
            bones = ClipPlayer(clip, find_subject(person), seconds).bones(times_s + late)
            yield np.sum(weights * markers_of(bones))


def pictures():
    """Mean and standard deviation of a picture of each of the people."""
    for i, person in enumerate(PEOPLE):
        performance = perform_movement(person, 1, 5, 1.0)
        run = camera_run(performance, CAMERAS[i % 4], DAVIS346, 5, FRAME_RATE)
        picture = run.picture(500_000_000).astype(np.float64)
        yield picture.mean(), picture.std()


def recordings():
    """Numbers of events of both polarities and their mean time in ms."""
    for person, movement, camera in ((1, 3, 0), (9, 24, 1), (16, "free", 2), (101, 12, 3)):
        recording = simulate(person, movement, 5, 0.3, [CAMERAS[camera]])
        (events,) = recording.cameras.values()
        yield np.sum(events["p"] == 1), np.sum(events["p"] == 0), 1e-6 * events["t"].mean()


@pytest.mark.parametrize(
    ("figures", "tolerance"),
    [(movements, 1e-5), (clips, 1e-5), (pictures, 1e-4), (recordings, 5e-3)],
)
def test_a_world_that_looks_different_has_another_version(figures, tolerance):
    found = np.array(list(figures()))
    name = figures.__name__
    same = np.allclose(found, KNOWN[name], rtol=tolerance, atol=0)
    assert same and KNOWN["look"] == LOOK, (
        "the simulated world looks different: raise LOOK in simulator/look.py, and write it and "
        f"these figures into test/data/look.json:\n{name}: {np.round(found, 7).tolist()}"
    )
