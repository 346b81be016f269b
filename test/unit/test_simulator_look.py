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
from hybrid_pose_ros.simulator.performance import perform_movement
from hybrid_pose_ros.simulator.sensor import DAVIS346
from hybrid_pose_ros.simulator.simulate import FRAME_RATE, camera_run, simulate

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
    ("figures", "tolerance"), [(movements, 1e-5), (pictures, 1e-4), (recordings, 5e-3)]
)
def test_a_world_that_looks_different_has_another_version(figures, tolerance):
    found = np.array(list(figures()))
    name = figures.__name__
    same = np.allclose(found, KNOWN[name], rtol=tolerance, atol=0)
    assert same and KNOWN["look"] == LOOK, (
        "the simulated world looks different: raise LOOK in simulator/look.py, and write it and "
        f"these figures into test/data/look.json:\n{name}: {np.round(found, 7).tolist()}"
    )
