import numpy as np
import pytest

from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.balance import balanced, foot_height, limb_offsets
from hybrid_pose_ros.simulator.bones import bones_of
from hybrid_pose_ros.simulator.motion import make_motion
from hybrid_pose_ros.simulator.movements.catalogue import find_movement
from hybrid_pose_ros.simulator.pose import LEFT, standing
from hybrid_pose_ros.simulator.scene import Optics, backdrop
from hybrid_pose_ros.simulator.subjects import find_subject
from hybrid_pose_ros.simulator.vectors import carried


def test_offset_of_one_horizontal_arm_is_its_mass_times_its_distance():
    pose, hanging = standing(1), standing(1)
    for p in (pose, hanging):
        p.elbow[:] = p.arm_abduction[:] = p.arm_flexion[:] = 0.0
    pose.arm_abduction[:, LEFT] = np.pi / 2
    moved = limb_offsets(pose) - limb_offsets(hanging)
    # upper arm 0.028 at 43 % of 0.30 m, forearm and hand 0.022 at 0.30 + half of 0.30 m
    expected = 0.028 * 0.43 * 0.30 + 0.022 * (0.30 + 0.15)
    np.testing.assert_allclose(moved, [[0.0, expected]], atol=1e-12)


def test_the_rest_of_the_body_goes_the_other_way():
    def raised(t):
        pose = standing(len(t))
        pose.arm_abduction[:, LEFT] = 1.5
        return pose

    pose = balanced(raised, np.zeros(1))
    assert pose.shift_left[0] < -0.005
    assert pose.roll[0] < -0.01
    still = standing(1).shift_forward
    np.testing.assert_allclose(pose.shift_forward, still, atol=2e-3)


def test_somebody_who_stands_has_the_hips_before_the_ankles():
    who = find_subject(13)
    bones = bones_of(
        make_motion([find_movement("stand")], 13, 0, 20.0)(np.arange(0.0, 20.0, 0.1)), who
    )
    before = bones.ankle[..., 1].mean() - bones.hips[:, 1].mean()  # the front is -y
    assert 0.03 < before < 0.07  # Woodhull et al.: hips 62, shoulders 38 mm


def test_the_weight_goes_over_before_a_foot_is_lifted():
    part = find_movement("left_leg_abduction").build(np.random.default_rng(0))
    t = np.arange(0.0, 8.0, 0.01)
    pose = balanced(part, t)
    lifted = foot_height(part(t))[:, LEFT] > 0.1
    assert lifted.any()
    assert pose.shift_left[lifted].max() < 0.0  # over the right foot
    starts = np.flatnonzero(np.diff((foot_height(part(t))[:, LEFT] > 0.002).astype(int)) == 1)
    assert np.all(pose.shift_left[starts[1:]] < -0.008)


def test_the_hips_stay_above_a_standing_foot():
    who = find_subject(13)
    motion = make_motion([find_movement("right_knee_lift")], 13, 0, 8.0)
    bones = bones_of(motion(np.arange(0.0, 8.0, 0.01)), who)
    alone = bones.ankle[:, 0, 2] > bones.ankle[:, 1, 2] + 0.15
    away = np.abs(bones.hips[alone, 0] - bones.ankle[alone, 1, 0])
    both = np.abs(bones.hips[~alone, 0] - bones.ankle[~alone, 1, 0])
    assert np.median(away) < 0.7 * np.median(both)


def test_carried_turns_a_vector_with_its_axis():
    down, side, up = np.array([0, 0, -1.0]), np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
    np.testing.assert_allclose(carried(side, down, side), up, atol=1e-12)
    np.testing.assert_allclose(carried(side, down, down), side, atol=1e-12)
    rng = np.random.default_rng(0)
    a, b, v = (w / np.linalg.norm(w, axis=-1, keepdims=True) for w in rng.normal(size=(3, 50, 3)))
    kept = np.sum(a * b, axis=-1) > -0.9
    np.testing.assert_allclose(carried(a, a, b)[kept], b[kept], atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(carried(v, a, b)[kept], axis=-1), 1.0, atol=1e-9)


@pytest.mark.parametrize("name", ["cam0", "cam1", "cam2", "cam3"])
def test_the_floor_is_below_the_wall_and_darker(name):
    camera = load_rig(share_path("config", "dhp19_rig.yaml")).cameras[name]
    shape = (camera.height, camera.width)
    light = backdrop(Optics.of(camera), shape, np.random.default_rng(1))
    assert light[-20:].mean() < 0.9 * light[:20].mean()
    assert 0.1 < light.min() < light.max() < 0.8


def test_the_people_of_dhp19_wear_reflecting_spheres_and_others_need_not():
    assert all(find_subject(n).wears_markers for n in range(1, 18))
    assert {find_subject(n).wears_markers for n in range(101, 121)} == {True, False}
