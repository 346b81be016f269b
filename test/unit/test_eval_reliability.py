"""Reliability and the keyframe curve: closed forms, and errors that are known."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_pose_ros.eval.accuracy import Truth
from hybrid_pose_ros.eval.keyframe_curve import CurveProtocol, _Point, _rows
from hybrid_pose_ros.eval.keyframe_curve_table import curve_markdown
from hybrid_pose_ros.eval.poses import Poses
from hybrid_pose_ros.eval.reliability import Reliability
from hybrid_pose_ros.eval.reliability_table import reliability_markdown
from hybrid_pose_ros.eval.scene import Grid, Scene
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path

MS = 1_000_000
SIGMA = 3.0  # sensor pixels


@pytest.fixture(scope="module")
def scene():
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), ("cam2",))
    t_ns = np.arange(0, 3001 * MS, 10 * MS)
    joint = np.array([0.0, 0.0, 1.0]) + np.linspace(-0.1, 0.1, 13)[:, None]
    return Scene("still", "subjects", {}, Truth(t_ns, np.tile(joint, (len(t_ns), 1, 1))), rig)


@pytest.fixture(scope="module")
def grid():
    starts = np.arange(200, 2200, 20) * MS
    return Grid(starts, np.ones(len(starts), bool), 10 * MS, 400 * MS)


def guesses(scene, grid, rng, told=SIGMA, confidence=0.9):
    """Normal errors around the truth, with what the network says of them."""
    camera = scene.rig.cameras["cam2"]
    truth = camera.project(scene.truth.xyz[0])
    uv = truth + rng.normal(0, SIGMA, (*grid.times_ns.shape, 13, 2))
    covariance = np.full((*uv.shape[:-1], 3), (told**2, 0, told**2), np.float32)
    sure = np.full(uv.shape[:-1], confidence, np.float32)
    return camera, Poses(uv.astype(np.float32), covariance, sure)


@pytest.mark.parametrize("told", [SIGMA, 2 * SIGMA])
def test_ellipses_hold_what_a_normal_distribution_says(scene, grid, told):
    camera, poses = guesses(scene, grid, np.random.default_rng(0), told)
    found = Reliability(window_px=8.0)
    found.add(scene, grid, camera, poses)
    row = found.row()
    for share in (0.5, 0.9, 0.95):
        held = 1 - (1 - share) ** (told / SIGMA) ** 2
        for name in ("all", "keyframe", "201-400 ms"):
            assert row["coverage"][name][f"{share:g}"] == pytest.approx(held, abs=0.04)
    scale = 256 / camera.crop.width
    for part in row["sigma"]:
        assert part["sigma_px"] == pytest.approx(told * scale)
        assert part["error_px"] == pytest.approx(SIGMA * scale, rel=0.1)


def test_the_share_of_right_joints_stands_beside_their_confidence(scene, grid):
    rng = np.random.default_rng(1)
    camera, poses = guesses(scene, grid, rng)
    wrong = rng.random(poses.confidence.shape) > 0.7
    poses.uv[wrong] += 50
    poses.confidence[...] = 0.75
    poses.confidence[0] = 0  # missing: does not count
    found = Reliability(window_px=20.0)
    found.add(scene, grid, camera, poses)
    (part,) = found.row()["confidence"]
    assert part["confidence"] == pytest.approx(0.75)
    assert part["right"] == pytest.approx(0.7, abs=0.02)
    assert part["joints"] == poses.confidence[1:].size


def test_the_window_is_that_of_the_networks_decoder():
    assert Reliability.of(build("lite/cnn")).window_px == pytest.approx(3.5 * 4)


def points(protocol, errors, keyframes):
    """Settings with a constant error and so many keyframes in one second."""
    return [
        _Point(config, [np.full((100, 13), error)], [np.zeros((100, 13), bool)], count, 10**6, 1.0)
        for config, error, count in zip(protocol.settings(), errors, keyframes, strict=True)
    ]


def test_the_curve_is_held_against_the_fixed_rate_at_the_same_cost():
    network = build("lite/hybrid_cnn_snn")
    protocol = CurveProtocol(intervals=(5, 10, 20), drifts_px=(2.0,))
    rows = _rows(points(protocol, (2.0, 3.0, 5.0, 3.5), (20, 10, 5, 7)), network)
    expected = np.interp(np.log(7), np.log([5, 10, 20]), [5.0, 3.0, 2.0])
    assert rows[-1]["fixed_error_px"] == pytest.approx(expected)
    assert rows[-1]["relative_to_10_hz"] == pytest.approx(3.5 / 3)
    assert rows[1]["fixed_error_px"] == pytest.approx(3.0)
    cnn = build("lite/cnn").macs_per_keyframe * 100
    share = (7 * network.macs_per_keyframe * 1.69 + 1e6 * 0.38) / (cnn * 1.69)
    assert rows[-1]["share_of_cnn"]["7nm"] == pytest.approx(share)
    curve = {"subjects": {"about": "people", "networks": {"lite/hybrid_cnn_snn": rows}}}
    text = curve_markdown({"keyframes": curve})
    assert "| on demand, 2 px | 7.0 | 3.50 |" in text and "| fixed, every 50 ms | 20.0 |" in text


def test_a_step_that_does_not_spike_costs_its_multiplications():
    network = build("lite/hybrid_cnn_rnn")
    protocol = CurveProtocol(intervals=(10,), drifts_px=())
    (point,) = points(protocol, (1.0,), (10,))
    point.additions = 0
    (row,) = _rows([point], network)
    macs = 10 * network.macs_per_keyframe + 100 * network.macs_per_step
    assert row["power_mw"]["7nm"] == pytest.approx(macs * 1.69e-9)


def test_tables_of_a_result_without_either_are_empty():
    result = {"sections": {"subjects": {"about": "people", "rows": [{"name": "x"}]}}}
    assert reliability_markdown(result) == "" and curve_markdown(result) == ""


def test_the_people_to_fit_settings_on_are_a_section_of_their_own():
    from hybrid_pose_ros.eval.scenes import section_of
    from hybrid_pose_ros.eval.simulated_set import SetConfig, performances

    assert section_of("S3_session1_mov7", (7,)) == "training"
    assert section_of("S3_session1_mov7", (7,), (3,)) == "fitting"
    assert section_of("S13_session1_mov7", (7,)) == "movements"
    made = performances(SetConfig(("fitting",), 5, 1.0, 1, (7, 8)))
    assert {p.person.number for p in made} == set(range(101, 106)) and len(made) == 5
    assert {section_of(p.stem, (7, 8)) for p in made} == {"fitting"}
