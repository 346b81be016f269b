"""Which simulated people networks are judged on."""

from __future__ import annotations

import dataclasses

import numpy as np

from hybrid_pose_ros.eval.simulated_set import SetConfig, folder_name, performances
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.markers import markers_of


def test_a_set_is_of_held_out_people_and_grows_without_changing():
    small = SetConfig(("subjects", "movements"), 2, 1.0, 3, (7, 8, 22))
    large = SetConfig(("subjects", "movements"), 3, 1.0, 3, (7, 8, 22))
    stems = [p.stem for p in performances(small)]
    assert len(stems) == 4 and all(13 <= p.person.number <= 17 for p in performances(large))
    assert set(stems) <= {p.stem for p in performances(large)}
    t = np.linspace(0, 1, 5)
    again = {p.stem: p for p in performances(large)}
    for one in performances(small):
        expected, found = (markers_of(p.bones(t)) for p in (one, again[one.stem]))
        np.testing.assert_array_equal(found, expected)


def test_recordings_that_differ_are_kept_apart(monkeypatch):
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), ("cam2", "cam3"))
    config = SetConfig(("subjects",), 2, 1.0, 3, (7, 8, 22))
    name = folder_name(config, rig)
    assert name == folder_name(dataclasses.replace(config, recordings=9, left_out=()), rig)
    moved = dataclasses.replace(rig.cameras["cam3"], projection=np.eye(3, 4))
    names = {
        name,
        folder_name(config, dataclasses.replace(rig, cameras={**rig.cameras, "cam3": moved})),
        folder_name(config, load_rig(share_path("config", "dhp19_rig.yaml"), ("cam2",))),
        folder_name(dataclasses.replace(config, seed=4), rig),
        folder_name(dataclasses.replace(config, seconds=1.5), rig),
    }
    monkeypatch.setattr("hybrid_pose_ros.eval.simulated_set.LOOK", 1000)
    names.add(folder_name(config, rig))
    assert len(names) == 6
