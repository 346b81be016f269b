"""Feet on the floor, places that somebody steps to, and hips that cannot jerk."""

import numpy as np
import pytest

from hybrid_pose_ros.simulator.bones import bones_of
from hybrid_pose_ros.simulator.motion import make_motion
from hybrid_pose_ros.simulator.movements.catalogue import find_movement
from hybrid_pose_ros.simulator.movements.places import Places
from hybrid_pose_ros.simulator.pose import planted
from hybrid_pose_ros.simulator.spring import eased
from hybrid_pose_ros.simulator.subjects import find_subject

T = np.arange(0.0, 20.0, 0.005)


def bones(name: str, subject: int, seed: int):
    who = find_subject(subject)
    return bones_of(make_motion([find_movement(name)], subject, seed, 20.0)(T), who)


@pytest.mark.parametrize(("subject", "seed"), [(3, 0), (14, 1), (101, 2), (1007, 3), (1203, 4)])
def test_free_motion_keeps_feet_that_are_down_in_their_places_and_steps(subject, seed):
    found = bones("free", subject, seed)
    down = found.ankle[..., 2] - found.lengths.ankle < 1e-6
    assert 0.3 < down.mean() < 0.9
    assert down.any(axis=1).mean() > 0.6  # it seldom hops or stands on its toes
    speed = np.linalg.norm(np.diff(found.ankle, axis=0), axis=-1) / 0.005
    assert speed[down[1:] & down[:-1]].max() < 1e-3  # m/s
    # Nor does a foot that is about to land or to leave scrape along the floor.
    near = found.ankle[..., 2] - found.lengths.ankle < 5e-3
    aside = np.linalg.norm(np.diff(found.ankle[..., :2], axis=0), axis=-1) / 0.005
    assert np.percentile(aside[near[1:] & near[:-1]], 99.5) < 0.05
    for side in (0, 1):  # several places within reach, between them it was in the air
        places = np.unique(found.ankle[down[:, side], side, :2].round(2), axis=0)
        assert len(places) >= 3
        assert np.ptp(places, axis=0).max() > 0.1
    assert speed.max() < 15.0


def test_one_foot_steps_after_the_other_and_both_arrive():
    footing = Places(np.random.default_rng(3), 0.2)(np.arange(0.0, 60.0, 0.005), 0.5)
    moving = np.any(np.abs(np.diff(footing.feet, axis=0)) > 1e-9, axis=-1)
    assert moving.any(axis=0).all()
    assert not moving.all(axis=1).any()
    # A foot moves only while it is lifted, and legs do nothing else meanwhile.
    assert footing.swing[1:][moving].min() > 0.05
    assert footing.calm[1:][moving.any(axis=1)].max() == 0.0
    rests = footing.calm == 1.0
    assert rests.mean() > 0.2
    both = np.stack([footing.body, footing.body], axis=1)
    np.testing.assert_allclose(footing.feet[rests], both[rests], atol=1e-12)
    assert np.abs(footing.feet).max() <= 0.2
    # The first foot is the one on the side to which the body goes: legs never cross.
    apart = 0.24 + footing.feet[:, 1, 1] - footing.feet[:, 0, 1]
    assert apart.min() >= 0.24 - 1e-12
    whole = Places(np.random.default_rng(3), 0.2)(np.arange(30.0, 40.0, 0.005), 0.5)
    np.testing.assert_allclose(whole.body, footing.body[6000:8000], atol=1e-9)


def flying(height):
    """Pose of somebody whose lower foot is at a height that depends on time."""

    def part(t: np.ndarray):
        pose = planted(len(t))
        pose.soft += 1.0
        pose.planted[:] = 0.0
        pose.jump += height(t)
        return pose

    return part


def test_hips_follow_a_parabola_but_not_a_jerk():
    t = np.arange(-0.5, 0.5, 0.001)
    level = eased(flying(lambda t: 0.0 * t + 0.3), t)
    np.testing.assert_allclose(level.rise, 0.0, atol=1e-12)
    # A normal curve of 40 ms moves a parabola by half its curvature times 0.04^2.
    thrown = eased(flying(lambda t: 5.0 + 0.5 * -9.81 * t**2), t)
    np.testing.assert_allclose(thrown.rise, -0.5 * 9.81 * 0.04**2, rtol=0.03)
    # Stopped at once from 2 m/s it feels 2 / (0.04 sqrt(2 pi)) m/s^2 at most.
    landed = eased(flying(lambda t: 2.0 * np.abs(np.minimum(t, 0.0))), t)
    felt = np.diff(landed.jump + landed.rise, 2) / 0.001**2
    assert np.percentile(felt, 99.5) == pytest.approx(2.0 / (0.04 * np.sqrt(2 * np.pi)), rel=0.05)
    still = flying(lambda t: 2.0 * np.abs(np.minimum(t, 0.0)))(t)
    still.soft[:] = 0.0
    assert not eased(lambda _: still, t).rise.any()


@pytest.mark.parametrize("name", ["slow_jog", "jump_up", "hop_left", "star_jumps", "walk"])
def test_nothing_shakes_the_hips(name):
    height = bones(name, 13, 0).hips[::2, 2]  # every 10 ms, as motion capture has it
    felt = np.gradient(np.gradient(height, 0.01), 0.01)
    assert np.abs(np.percentile(felt, [1, 99])).max() < 30.0  # CMU 02_03 and 02_04: 22 m/s^2


@pytest.mark.parametrize(
    ("name", "least_m", "most_m"), [("walk", 0.02, 0.05), ("slow_jog", 0.04, 0.09)]
)
def test_the_hips_rise_and_sink_as_far_as_those_of_real_people(name, least_m, most_m):
    # Walking, 27 mm at 0.7 m/s and 48 at 1.6 (Orendurff et al. 2004). Running as a symmetric
    # bounce (Cavagna et al. 1988) of 2.7 steps a second needs 2 g / (2 pi 2.7)^2 = 68 mm.
    for subject in (3, 13, 102):
        height = bones(name, subject, 1).hips[:, 2]
        assert least_m < np.ptp(np.percentile(height, [2, 98])) < most_m
