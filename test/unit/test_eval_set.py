"""Which simulated people networks are judged on."""

from __future__ import annotations

import dataclasses

import numpy as np

from hybrid_pose_ros.eval.simulated_set import (
    SetConfig,
    _kept,
    folder_name,
    make_set,
    performances,
)
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.dhp19_file import write_dhp19_h5
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.performance import perform_movement
from hybrid_pose_ros.simulator.simulate import record

OTHER = 1  # number of a movement; with this seed it is another motion even where the set has it


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


def test_more_recordings_than_movements_are_of_other_people():
    stems = [
        p.stem for p in performances(SetConfig(("movements",), 12, 1.0, 3, (7, 8, 22, 27, 28)))
    ]
    assert len(set(stems)) == len(stems) == 12
    first = [p.stem for p in performances(SetConfig(("movements",), 5, 1.0, 3, (7, 8, 22, 27, 28)))]
    assert stems[:5] == first


def test_a_recording_is_kept_if_it_shows_the_same_motion(tmp_path):
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), ("cam2",))
    config = SetConfig(("subjects",), 1, 0.3, 3, (7, 8, 22))
    (stem,) = make_set(config, rig, tmp_path)
    events = tmp_path / f"{stem}_events.h5"
    first = events.stat().st_ino
    assert make_set(config, rig, tmp_path) == {stem}
    assert events.stat().st_ino == first
    # Another motion of the same name, as two motion capture files may have.
    (planned,) = performances(config)
    other = perform_movement(planned.person.number, OTHER, 99, 0.3)
    same_name = dataclasses.replace(other, stem=stem)
    assert not _kept(same_name, tmp_path)
    assert not events.exists()
    write_dhp19_h5(record(same_name, 1, list(rig.cameras.values())), tmp_path)
    assert _kept(same_name, tmp_path) and events.exists()
