"""Limb lengths: learnt with the right weight, used where depth is unknown, refused if wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hybrid_pose_ros.eval.simulated_poses import SimulatedPoses
from hybrid_pose_ros.pose.bones import Bones
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.skeleton import INDEX, LIMBS

RIG = load_rig(Path(__file__).resolve().parents[2] / "config" / "dhp19_rig.yaml", ["cam2"])
XYZ = SimulatedPoses(RIG, 1).truth(0)
ENDS = np.array(LIMBS)
TRUE = np.linalg.norm(XYZ[ENDS[:, 0]] - XYZ[ENDS[:, 1]], axis=1)
SURE = np.ones(13, bool)
ELBOW, HAND = INDEX["elbow_left"], INDEX["hand_left"]


def taught(std=0.02, looks=400, seed=0, scale=1.0):
    bones, rng = Bones(), np.random.default_rng(seed)
    covariance = np.tile(np.eye(3) * std**2, (13, 1, 1))
    for _ in range(looks):
        bones.learn(XYZ * scale + rng.normal(0, std, XYZ.shape), covariance, SURE, 0.01)
    return bones


def test_learns_without_bias():
    """Noise across a limb makes it look longer: by 3 mm here, which must not be believed."""
    assert np.abs(taught(0.02, 2000).lengths - TRUE).max() < 0.003
    assert np.isnan(taught(0.02, 20).lengths).all()  # a fifth of a second is one look


def test_a_known_length_gives_the_depth_of_a_hand():
    bones = taught()
    covariance = np.tile(np.eye(3) * 1e-4, (13, 1, 1))
    ray = (XYZ[HAND] - XYZ[ELBOW]) / np.linalg.norm(XYZ[HAND] - XYZ[ELBOW])
    covariance[HAND] += 0.2**2 * np.outer(ray, ray)
    wrong = XYZ.copy()
    wrong[HAND] += 0.15 * ray
    xyz, after = bones.apply(wrong, covariance, SURE)
    assert np.linalg.norm(xyz[HAND] - XYZ[HAND]) < 0.04
    assert ray @ after[HAND] @ ray < 0.25 * (ray @ covariance[HAND] @ ray)
    assert np.linalg.eigvalsh(after).min() > 0
    assert np.abs(xyz - wrong)[: INDEX["hip_right"]].max() < 0.1


def test_agrees_with_the_normal_equations_of_one_limb():
    bones = taught(0.001)
    known = np.zeros(13, bool)
    known[[ELBOW, HAND]] = True
    covariance = np.tile(np.diag([1e-4, 2e-4, 3e-4]), (13, 1, 1))
    start = XYZ + 0.01
    start[HAND, 2] -= 0.03
    xyz, after = bones.apply(start, covariance, known)
    unit = start[ELBOW] - start[HAND]
    raw = np.linalg.norm(unit)
    h = np.concatenate([unit, -unit]) / raw
    total = np.diag(np.tile([1e-4, 2e-4, 3e-4], 2))
    limb = LIMBS.index((ELBOW, HAND))
    variance = 1 / bones._information[limb] + 0.08**2
    information = np.linalg.inv(total) + np.outer(h, h) / variance
    expected = np.linalg.inv(information)
    assert after[ELBOW] == pytest.approx(expected[:3, :3], rel=0.01, abs=1e-7)
    shift = expected @ h * (bones.lengths[limb] - raw) / variance
    assert xyz[ELBOW] - start[ELBOW] == pytest.approx(shift[:3], abs=1.5e-4)


def test_a_contradicting_length_is_not_used_and_later_forgotten():
    bones = taught()
    covariance = np.tile(np.eye(3) * 1e-4, (13, 1, 1))
    other = XYZ * 2.2
    xyz, _ = bones.apply(other, covariance, SURE)
    assert np.array_equal(xyz, other)
    for _ in range(3000):
        bones.learn(other, covariance, SURE, 0.01)
    assert np.nanmax(np.abs(bones.lengths - 2.2 * TRUE)) < 0.05


def test_impossible_limbs():
    far = XYZ.copy()
    far[HAND] += [0, 0, -1.2]
    assert np.flatnonzero(Bones().impossible(far)).tolist() == [ELBOW, HAND]
    assert not Bones().impossible(XYZ).any()
    unknown = far.copy()
    unknown[HAND] = np.nan
    assert not Bones().impossible(unknown).any()
    longer = XYZ.copy()
    longer[HAND] += 0.7 * (XYZ[HAND] - XYZ[ELBOW])
    assert not Bones().impossible(longer).any()
    assert taught().impossible(longer)[HAND]
