import numpy as np
import pytest

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.simulator.bones import bones_of
from hybrid_pose_ros.simulator.legs import TOE, TOE_DROP
from hybrid_pose_ros.simulator.lengths import Lengths
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.motion import make_motion
from hybrid_pose_ros.simulator.movements.catalogue import EXTRA, MOVEMENTS, find_movement
from hybrid_pose_ros.simulator.rhythm import Rhythm, keyed
from hybrid_pose_ros.simulator.subjects import Subject, find_subject
from hybrid_pose_ros.skeleton import INDEX

ALL = [m.name for m in MOVEMENTS + EXTRA]
T = np.arange(0.0, 6.0, 0.005)


def bones(name: str, subject: int = 3, seed: int = 1, t: np.ndarray = T):
    who = find_subject(subject)
    return bones_of(make_motion([find_movement(name)], subject, seed, 6.0)(t), who)


def joints(name: str, **how) -> np.ndarray:
    return markers_of(bones(name, **how))


@pytest.mark.parametrize("name", ALL)
def test_bones_keep_their_lengths(name):
    found = bones(name)
    size = Lengths.of(find_subject(3))
    for a, b, length in (
        (found.hip, found.knee, size.thigh),
        (found.knee, found.ankle, size.shank),
        (found.shoulder, found.elbow, size.upper_arm),
        (found.elbow, found.hand, size.forearm),
    ):
        np.testing.assert_allclose(np.linalg.norm(b - a, axis=-1), length, atol=1e-9)
    trunk = np.linalg.norm(found.neck - found.hips, axis=-1)
    np.testing.assert_allclose(trunk, size.trunk, atol=1e-9)


@pytest.mark.parametrize("name", ALL)
def test_one_foot_touches_the_floor_and_none_is_below(name):
    found = bones(name)
    sole = np.minimum(
        found.ankle[..., 2] - found.lengths.ankle,
        found.ankle[..., 2] + (TOE * found.toe_way[..., 2] - TOE_DROP) * found.lengths.unit,
    )
    lowest = sole.min(axis=1)
    assert lowest.min() > -1e-9
    assert lowest.min() < 1e-3
    grounded = ("jump", "hop", "jog", "free")
    if not any(word in name for word in grounded):
        assert lowest.max() < 5e-3


@pytest.mark.parametrize("name", [m.name for m in MOVEMENTS if m.session in (1, 3, 5)])
def test_a_foot_that_stands_does_not_slide(name):
    found = bones(name)
    low = found.ankle[..., 2] - found.lengths.ankle < 1e-6
    speed = np.linalg.norm(np.diff(found.ankle, axis=0), axis=-1) / 0.005
    standing = low[1:] & low[:-1]
    assert standing.mean() > 0.4
    assert np.percentile(speed[standing], 99) < 0.02  # m/s


def test_a_walking_foot_moves_with_the_belt():
    found = bones("walk")
    velocity = np.diff(found.ankle[..., 1], axis=0) / 0.005  # backwards is +y
    flat = np.abs(found.toe_way[1:, :, 2]) < 1e-6
    flat &= found.ankle[1:, :, 2] - found.lengths.ankle < 1e-3
    assert flat.sum() > 100
    assert np.median(velocity[flat]) == pytest.approx(0.97, rel=0.1)


@pytest.mark.parametrize("name", ALL)
def test_motion_is_smooth_and_near_the_origin(name):
    xyz = joints(name)
    speed = np.linalg.norm(np.diff(xyz, axis=0), axis=-1) / 0.005
    assert speed.max() < 15.0  # m/s; a jump in the angles would give far more
    assert np.abs(xyz[..., :2]).max() < 1.6
    assert -1e-3 < xyz[..., 2].min() < xyz[..., 2].max() < 2.6


@pytest.mark.parametrize("movement", MOVEMENTS, ids=lambda m: m.name)
def test_named_side_moves_more(movement):
    side = [s for s in ("left", "right") if s in movement.name]
    if not side:
        return
    other = {"left": "right", "right": "left"}[side[0]]
    leg = any(word in movement.name for word in ("leg", "knee", "kick", "hop"))
    part = "foot" if leg else "hand"
    if "hop" in movement.name:  # the other leg is held up
        side[0], other = other, side[0]
        height = joints(movement.name)[:, [INDEX[f"foot_{s}"] for s in (side[0], other)], 2]
        assert height[:, 0].mean() > height[:, 1].mean() + 0.1
        return
    path = np.ptp(joints(movement.name), axis=0)
    moved = {s: np.linalg.norm(path[INDEX[f"{part}_{s}"]]) for s in (side[0], other)}
    assert moved[side[0]] > 2.0 * moved[other]


def test_the_subject_faces_minus_y_with_its_left_at_plus_x():
    xyz = joints("stand").mean(axis=0)
    for name in ("shoulder", "elbow", "hip", "hand", "knee", "foot"):
        assert xyz[INDEX[f"{name}_left"], 0] > xyz[INDEX[f"{name}_right"], 0] + 0.05
    toes, knees = xyz[INDEX["foot_left"]], xyz[INDEX["knee_left"]]
    assert toes[1] < knees[1] - 0.05


def test_the_head_is_as_high_as_the_subject():
    for number in (1, 2, 13, 14, 101):
        top = joints("stand", subject=number)[:, INDEX["head"], 2].mean()
        assert top == pytest.approx(find_subject(number).height, abs=0.06)


def test_seed_and_subject_decide():
    first = joints("walk", seed=1)
    np.testing.assert_array_equal(first, joints("walk", seed=1))
    assert np.abs(first - joints("walk", seed=2)).max() > 0.05
    assert np.abs(first - joints("walk", subject=4, seed=1)).max() > 0.02
    # A pose at one time does not depend on which other times were asked for.
    np.testing.assert_allclose(joints("walk", t=T[700:701])[0], first[700], atol=1e-12)


def test_movements_in_turn_blend_without_a_jump():
    parts = [find_movement(key) for key in (8, 27, 22)]
    xyz = markers_of(bones_of(make_motion(parts, 3, 1, 6.0)(T), find_subject(3)))
    speed = np.linalg.norm(np.diff(xyz, axis=0), axis=-1) / 0.005
    assert speed.max() < 12.0
    foot, hand = xyz[:, INDEX["foot_right"], 2], xyz[:, INDEX["hand_left"], 2]
    assert foot[T < 1.6].max() > 0.3 > foot[(T > 2.4) & (T < 3.6)].max()
    assert hand[(T > 2.4) & (T < 3.6)].min() > 1.2


def test_catalogue_follows_the_sessions():
    assert [m.number for m in MOVEMENTS] == list(range(1, 34))
    counts = [sum(m.session == s for m in MOVEMENTS) for s in range(1, 6)]
    assert counts == [8, 6, 6, 6, 7]
    assert find_movement(1).name == "left_arm_abduction"
    assert find_movement("9").name == "walk"
    assert (find_movement(22).session, find_movement(22).index) == (4, 2)
    assert find_movement(33).name == "clap"
    assert find_movement("free").number == 0


@pytest.mark.parametrize("key", [0, 34, -1, "walkk", ""])
def test_unknown_movement_is_named(key):
    with pytest.raises(ConfigError, match=f"'{key}'.*1 to 33"):
        find_movement(key)


@pytest.mark.parametrize("number", [0, -3, 18, 100])
def test_unknown_subject_is_named(number):
    with pytest.raises(ConfigError, match=str(number)):
        find_subject(number)


def test_subjects_differ_and_stay():
    people = [find_subject(n) for n in (*range(1, 18), 101, 102)]
    looks = {(p.height, p.shirt, p.trousers, p.sleeve, p.hair) for p in people}
    assert len(looks) == len(people)
    assert sum(p.female for p in people[:17]) == 12  # as in DHP19
    assert all(1.5 <= p.height <= 2.0 for p in people)
    assert find_subject(7) == find_subject(7)
    assert isinstance(people[0], Subject)


def test_people_stand_nearer_and_farther_but_hardly_beside_the_middle():
    now = np.array([0.0])
    feet = [bones("stand", 101 + n, t=now).ankle[0, :, :2].mean(axis=0) for n in range(200)]
    aside, ahead = np.std(feet, axis=0)
    assert ahead == pytest.approx(0.12, rel=0.2)
    assert aside == pytest.approx(0.04, rel=0.25)


def test_rhythm_repeats_about_its_period():
    rhythm = Rhythm(np.random.default_rng(0), 2.0)
    t = np.arange(0.0, 60.0, 0.01)
    k = rhythm.bump(t)
    starts = np.flatnonzero((k[1:] > 0) & (k[:-1] == 0))
    assert 22 <= len(starts) <= 40
    assert k.min() == 0.0
    assert 0.75 <= k.max() <= 1.25
    angle, _ = rhythm.angle(t)
    assert np.diff(angle).min() > 0


def test_keyed_passes_through_its_values():
    x = np.array([0.0, 0.1, 0.2, 0.5, 1.0])
    np.testing.assert_allclose(keyed(x, (0.1, 0.2, 0.5), (1.0, -1.0, 3.0)), [1, 1, -1, 3, 3])
