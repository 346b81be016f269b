"""Which simulated people networks are judged on."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.eval.simulated_set import SetConfig, performances
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
