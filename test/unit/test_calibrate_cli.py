"""`hybrid_pose calibrate`: what it says, what it writes, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import yaml

from hybrid_pose_ros.cli import main as cli
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.pose.extrinsics import angle_of_rotation, rotation_of_vector
from hybrid_pose_ros.pose.rig import Rig, load_rig, save_rig
from hybrid_pose_ros.pose.views import Track, common_views
from hybrid_pose_ros.resources import share_path

CAMERAS = ["cam1", "cam2", "cam3"]
RIG = load_rig(share_path("config", "dhp19_rig.yaml"))
STEPS = 400


def person(t_s):
    """(n, 13, 3) metres: a stick figure that turns, waves and walks about."""
    stand = np.array(
        [[0, 0, 1.7], [-0.2, 0, 1.4], [0.2, 0, 1.4], [-0.3, 0.1, 1.1], [0.3, 0.1, 1.1]]
        + [[-0.1, 0, 0.9], [0.1, 0, 0.9], [-0.3, 0.3, 1.2], [0.3, 0.3, 1.2]]
        + [[-0.1, 0.05, 0.5], [0.1, 0.05, 0.5], [-0.1, 0, 0.1], [0.1, 0, 0.1]]
    )
    c, s, zero, one = np.cos(t_s), np.sin(t_s), np.zeros_like(t_s), np.ones_like(t_s)
    turn = np.array([[c, -s, zero], [s, c, zero], [zero, zero, one]]).transpose(2, 0, 1)
    walk = np.stack([0.3 * np.sin(0.7 * t_s), 0.3 * np.cos(0.9 * t_s), 0.1 * s * s], axis=-1)
    return stand @ turn.transpose(0, 2, 1) + walk[:, None]


@pytest.fixture(scope="module")
def keypoints(tmp_path_factory):
    """A file as `hybrid_pose infer --out` writes it: 20 s of three cameras."""
    rng, arrays = np.random.default_rng(4), {}
    t_ns = np.arange(STEPS, dtype=np.int64) * 50_000_000
    for name in CAMERAS:
        uv = RIG.cameras[name].project(person(t_ns * 1e-9))
        arrays[f"{name}_ros_time_ns"] = t_ns + 1_700_000_000_000_000_000
        arrays[f"{name}_uv"] = (uv + rng.normal(0, 1.0, uv.shape)).astype(np.float32)
        arrays[f"{name}_covariance"] = np.tile(np.float32([9, 0, 9]), (STEPS, 13, 1))
        arrays[f"{name}_confidence"] = np.full((STEPS, 13), 0.9, np.float32)
    path = tmp_path_factory.mktemp("poses") / "poses.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def bumped(tmp_path_factory):
    """The DHP19 rig, cam3 turned by two degrees."""
    camera = RIG.cameras["cam3"]
    rotation = rotation_of_vector(np.radians([1.4, 1.4, 0.28])) @ camera.rotation
    pose = np.column_stack([rotation, -rotation @ camera.center])
    wrong = replace(camera, projection=camera.intrinsics @ pose)
    path = tmp_path_factory.mktemp("rigs") / "bumped.yaml"
    save_rig(Rig("world", {**RIG.cameras, "cam3": wrong}), path)
    return path


def calibrate(*words):
    return cli.main(["calibrate", *map(str, words)])


def test_check_says_that_all_fits(keypoints, tmp_path, capsys):
    out = tmp_path / "check"
    given = ("--keypoints", keypoints, "--cameras", "cam1,cam2,cam3", "--json", "--out", out)
    assert calibrate("check", *given) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["does_not_fit"] == []
    assert answer["verdict"].startswith("All cameras fit each other")
    assert list(answer["cameras"]) == CAMERAS
    for found in answer["cameras"].values():
        # Two of three views' noise lands in the joint's position.
        assert found["median_px"] == pytest.approx(0.85, abs=0.2)
        assert len(found["joints_px"]) == 13
    picture = cv2.imread(str(out / "residuals.png"))
    assert picture.shape == (2 * (2 * 260 + 58 + 12) + 12, 2 * (2 * 346 + 12) + 12, 3)
    assert (picture.reshape(-1, 3).max(axis=1) > 200).sum() > 500


def test_check_names_the_camera_that_does_not_fit(keypoints, bumped, capsys):
    given = ("--keypoints", keypoints, "--cameras", "cam1,cam2,cam3", "--rig", bumped)
    assert calibrate("check", *given) == 0
    text = capsys.readouterr().out
    assert "cam3 (turned by 2.0 degrees) does not fit the others" in text


def test_refine_brings_it_back_and_keeps_the_rest(keypoints, bumped, tmp_path, capsys):
    out = tmp_path / "new.yaml"
    given = ("--keypoints", keypoints, "--cameras", "cam1,cam2,cam3", "--rig", bumped)
    assert calibrate("refine", *given, "--out", out, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["moved"] == ["cam3"]
    cam3 = answer["cameras"]["cam3"]
    assert cam3["turned_deg"] == pytest.approx(2.0, abs=0.2)
    assert cam3["median_px_after"] < 0.5 * cam3["median_px_before"]
    new = load_rig(out).cameras
    assert list(new) == list(RIG.cameras)  # cam0 was not asked for, and is still there
    for name, camera in RIG.cameras.items():
        off = np.degrees(angle_of_rotation(new[name].rotation @ camera.rotation.T))
        assert off < (0.2 if name == "cam3" else 1e-9)
    assert "cam3 moved" in out.read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["new.yaml"]


def test_nothing_is_overwritten(keypoints, tmp_path, capsys):
    out = tmp_path / "rig.yaml"
    out.write_text("mine")
    given = ("--keypoints", keypoints, "--cameras", "cam1,cam2", "--moved", "cam1", "--out", out)
    assert calibrate("refine", *given) == 2
    assert "exists already; choose another name or give --force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert calibrate("refine", *given, "--force") == 0
    assert yaml.safe_load(out.read_text())["world_frame"] == "world"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give either a recording or --keypoints FILE.npz"),
        (("bag", "--keypoints", "x.npz"), "not both"),
        (("--keypoints", "nowhere.npz"), "nowhere.npz has no poses of cam0, cam1"),
        (("--keypoints", "KEYPOINTS"), "has no poses of cam0, cam1, cam2, cam3"),
        (("--keypoints", "KEYPOINTS", "--cameras", "cam2"), "two cameras or more, got cam2"),
        (("nowhere_bag", "--cameras", "cam2,cam3"), "nowhere_bag"),
    ],
)
def test_what_check_cannot_do(keypoints, capsys, words, message):
    assert calibrate("check", *[keypoints if w == "KEYPOINTS" else w for w in words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("moved", "message"),
    [
        ("cam7", "--moved cam7: choose from the cameras cam1, cam2"),
        ("cam1,cam2", "one at least must hold the world frame"),
    ],
)
def test_what_refine_cannot_do(keypoints, tmp_path, capsys, moved, message):
    given = ("--keypoints", keypoints, "--cameras", "cam1,cam2", "--out", tmp_path / "rig.yaml")
    assert calibrate("refine", *given, "--moved", moved) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def track(t_ns, uv=100.0, confidence=1.0):
    n = len(t_ns)
    return Track(
        np.asarray(t_ns, np.int64), np.full((n, 13, 2), uv) + np.asarray(t_ns)[:, None, None] / 1e7,
        np.ones((n, 13, 3)) * [1, 0, 1], np.full((n, 13), confidence),
    )  # fmt: skip


def test_views_are_taken_at_the_same_times():
    cameras = [RIG.cameras["cam2"], RIG.cameras["cam3"]]
    ms = 1_000_000
    one = track(np.arange(0, 1000 * ms, 10 * ms))
    other = track(
        np.r_[np.arange(203 * ms, 500 * ms, 10 * ms), np.arange(700 * ms, 2000 * ms, 10 * ms)]
    )
    views = common_views({"cam2": one, "cam3": other}, cameras, 100 * ms)
    assert views.t_ns.tolist() == [203 * ms + 100 * ms * k for k in range(8)]
    # Both move alike, so interpolation makes them equal; the gap is missing.
    same = np.isfinite(views.uv[1, :, 0, 0])
    assert same.tolist() == [True, True, True, False, False, True, True, True]
    assert views.uv[1][same] == pytest.approx(views.uv[0][same], abs=1e-9)
    assert len(views.thinned(3).t_ns) == 3


def test_views_without_a_common_time_are_refused():
    cameras = [RIG.cameras["cam2"], RIG.cameras["cam3"]]
    with pytest.raises(RecordingError, match="cam2, cam3 have no poses at the same time"):
        common_views({"cam2": track([0, 10**7]), "cam3": track([10**12, 10**12 + 10**7])}, cameras)
    with pytest.raises(RecordingError, match="no poses at the same time"):
        common_views({"cam2": track([0, 10**7]), "cam3": track([])}, cameras)
