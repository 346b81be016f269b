"""Calibrations of every kind of file: poses, lenses, DHP19's folder, aniposelib; and saving."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation

from hybrid_pose_ros.errors import CalibrationError
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.distortion import Distortion
from hybrid_pose_ros.pose.rig import Rig, is_live, load_rig, save_rig

ROOT = Path(__file__).resolve().parents[2]
RIG_FILE = ROOT / "config" / "dhp19_rig.yaml"
DHP19 = ROOT.parent / "shared" / "data" / "dhp19_rig"

needs_dhp19 = pytest.mark.skipif(not DHP19.is_dir(), reason=f"no calibration data in {DHP19}")

QUATERNION = [-0.63, 0.29, -0.28, 0.66]  # about what a camera of the rig has
INTRINSICS = {"fx": 340.0, "fy": 341.0, "cx": 160.0, "cy": 130.0}


def own_tree(**camera):
    entry = {"width": 346, "height": 260, "intrinsics": INTRINSICS, **camera}
    return {"world_frame": "world", "cameras": {"cam2": entry}}


def load_tree(tmp_path, tree):
    path = tmp_path / "rig.yaml"
    path.write_text(yaml.safe_dump(tree))
    return load_rig(path).cameras["cam2"]


def unit(xyzw):
    return (np.array(xyzw) / np.linalg.norm(xyzw)).tolist()


def test_pose_can_be_written_in_three_ways(tmp_path):
    turn = Rotation.from_quat(QUATERNION)
    position = np.array([-2.1, -2.3, 2.0])
    inverse = turn.inv().as_matrix()
    matrix = np.column_stack([inverse, -inverse @ position])
    ways = [
        {"position": position.tolist(), "quaternion": unit(QUATERNION)},
        {"position": position.tolist(), "rotation_vector": turn.as_rotvec().tolist()},
        {"world_to_camera": matrix.tolist()},
    ]
    K = np.array([[340.0, 0, 160], [0, 341.0, 130], [0, 0, 1]])
    for pose in ways:
        camera = load_tree(tmp_path, own_tree(pose=pose))
        assert camera.projection == pytest.approx(K @ matrix, abs=1e-9)
        assert camera.center == pytest.approx(position)
        assert camera.rotation == pytest.approx(inverse, abs=1e-9)
    as_matrix = own_tree(pose=ways[0])
    as_matrix["cameras"]["cam2"]["intrinsics"] = K.tolist()
    assert load_tree(tmp_path, as_matrix).intrinsics == pytest.approx(K, abs=1e-9)


def test_distortion_is_read(tmp_path):
    pose = {"position": [0, 0, 0], "quaternion": [0, 0, 0, 1]}
    lens = {"model": "equidistant", "coefficients": [0.1, 0, 0, 0]}
    camera = load_tree(tmp_path, own_tree(pose=pose, distortion=lens))
    assert camera.distortion == Distortion("fisheye", (0.1, 0.0, 0.0, 0.0))
    none = {"model": "plumb_bob", "coefficients": [0, 0, 0, 0, 0]}
    assert load_tree(tmp_path, own_tree(pose=pose, distortion=none)).distortion is None


POSE = {"position": [0, 0, 0], "quaternion": [0, 0, 0, 1]}


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        ({}, "`intrinsics` with `pose`, and not both; got intrinsics"),
        ({"pose": {}}, "give `world_to_camera` (3 rows of 4), or `position`"),
        ({"pose": {"position": [0, 0, 0]}}, "got position"),
        ({"pose": {**POSE, "rotation_vector": [0, 0, 0]}}, "got position, quaternion"),
        ({"pose": {"position": [0, 0, np.nan], "quaternion": [0, 0, 0, 1]}}, "3 finite numbers"),
        ({"pose": {**POSE, "quaternion": [0, 0, 0, 0]}}, "x, y, z, w of length 1"),
        ({"pose": {"world_to_camera": [[2, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]}}, "a rotation"),
        ({"pose": POSE, "intrinsics": {"fx": 1}}, "intrinsics lacks cx, cy, fy"),
        ({"pose": POSE, "intrinsics": {**INTRINSICS, "fx": -1}}, "fx, fy > 0"),
        ({"pose": POSE, "intrinsics": [[1, 2], [3, 4]]}, "3 rows of 3 finite numbers"),
        ({"pose": POSE, "distortion": {"model": "brown", "coefficients": [0]}}, "not known"),
        ({"pose": POSE, "distortion": {"model": "fisheye", "coefficients": [0]}}, "needs 4"),
        ({"pose": POSE, "distortion": {"model": "fisheye", "coefficients": 3}}, "distortion"),
        ({"pose": POSE, "distortion": {"model": "fisheye"}}, "lacks coefficients"),
    ],
)
def test_broken_poses_and_lenses_are_named(tmp_path, camera, message):
    with pytest.raises(CalibrationError, match=r"rig\.yaml: camera cam2") as error:
        load_tree(tmp_path, own_tree(**camera))
    assert message in str(error.value)


def test_saved_rig_is_the_same_to_the_last_digit(tmp_path):
    rng = np.random.default_rng(5)
    cameras = dict(load_rig(RIG_FILE).cameras)
    for i in range(40):
        name = f"other{i}"
        K = np.array([[300 + i, 0.1, 150], [0, 310, 120], [0, 0, 1]]) * rng.uniform(0.1, 9)
        R = Rotation.random(random_state=i).as_matrix()
        lens = Distortion("plumb_bob", tuple(rng.normal(0, 0.1, 5))) if i % 2 else None
        matrix = K @ np.column_stack([R, rng.normal(0, 3, 3)])
        crop = cameras["cam2"].crop
        cameras[name] = Camera(name, 346, 260, matrix, f"{name}_frame", crop, lens)
    path = tmp_path / "saved.yaml"
    save_rig(Rig("map", cameras), path, "first line\nsecond line")
    again = load_rig(path)
    assert path.read_text().startswith("# first line\n# second line\nworld_frame: map\n")
    assert again.world_frame == "map"
    assert list(again.cameras) == list(cameras)
    for name, camera in cameras.items():
        other = again.cameras[name]
        assert np.array_equal(other.projection, camera.projection), name
        assert other.distortion == camera.distortion
        assert (other.width, other.height, other.frame_id) == (346, 260, camera.frame_id)
        assert other.crop == camera.crop
    assert [p.name for p in tmp_path.iterdir()] == ["saved.yaml"]


def test_a_rig_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CalibrationError, match=r"cannot write .*file/rig\.yaml: .*another path"):
        save_rig(load_rig(RIG_FILE), tmp_path / "file" / "rig.yaml")
    save_rig(load_rig(RIG_FILE), tmp_path / "new" / "rig.yaml")
    assert list(load_rig(tmp_path / "new" / "rig.yaml").cameras) == list(load_rig(RIG_FILE).cameras)


@needs_dhp19
def test_folder_of_dhp19_is_the_shipped_rig(tmp_path):
    folder, shipped = load_rig(DHP19), load_rig(RIG_FILE)
    assert list(folder.cameras) == list(shipped.cameras)
    for name, camera in shipped.cameras.items():
        assert np.array_equal(folder.cameras[name].projection, camera.projection)
        assert folder.cameras[name].crop == camera.crop
    assert list(load_rig(DHP19, ["cam3"]).cameras) == ["cam3"]


def test_folders_without_matrices_are_refused(tmp_path):
    with pytest.raises(CalibrationError, match=r"holds no calibration; .*P1\.npy"):
        load_rig(tmp_path)
    np.save(tmp_path / "P3.npy", np.eye(3))
    with pytest.raises(CalibrationError, match=r"P3\.npy must be 3 rows of 4 finite numbers"):
        load_rig(tmp_path)
    (tmp_path / "P3.npy").write_bytes(b"no matrix")
    with pytest.raises(CalibrationError, match=r"P3\.npy is not a NumPy matrix"):
        load_rig(tmp_path)


# As aniposelib writes it; the second camera looks along world -x from x = 2.
TOML = """
[cam_0]
name = "front"
size = [ 346, 260,]
matrix = [ [ 340.0, 0.0, 160.0,], [ 0.0, 340.0, 130.0,], [ 0.0, 0.0, 1.0,],]
distortions = [ -0.3, 0.1, 0.0, 0.0, 0.0,]
rotation = [ 0.0, 0.0, 0.0,]
translation = [ 0.0, 0.0, 2000.0,]

[cam_1]
name = "side"
size = [ 640, 480,]
matrix = [ [ 500.0, 0.0, 320.0,], [ 0.0, 500.0, 240.0,], [ 0.0, 0.0, 1.0,],]
distortions = [ 0.01, 0.0, 0.0, 0.0,]
fisheye = true
rotation = [ 0.0, 1.5707963267948966, 0.0,]
translation = [ 0.0, 0.0, 2000.0,]

[metadata]
adjusted = false
error = 0.4
unit = "mm"
"""


def test_aniposelib(tmp_path):
    path = tmp_path / "calibration.toml"
    path.write_text(TOML)
    rig = load_rig(path)
    front, side = rig.cameras["front"], rig.cameras["side"]
    assert front.center == pytest.approx([0, 0, -2.0])
    assert side.center == pytest.approx([2.0, 0, 0])
    assert front.project([0.0, 0.0, 0.0]) == pytest.approx([160, 130])
    assert (side.width, side.height, side.distortion.model) == (640, 480, "fisheye")
    point = np.array([0.3, -0.2, 0.4])
    turn, shift = np.array([0.0, np.pi / 2, 0.0]), np.array([0.0, 0.0, 2.0])
    k = np.array([0.01, 0, 0, 0])
    expected = cv2.fisheye.projectPoints(point.reshape(1, 1, 3), turn, shift, side.intrinsics, k)
    assert side.project(point) == pytest.approx(expected[0].reshape(2), abs=1e-6)
    assert list(load_rig(path, ["side"]).cameras) == ["side"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('unit = "mm"', "", 'm apart if the file\'s unit is 1 m; write `unit = "mm"`'),
        ('unit = "mm"', 'unit = "ft"', "must be one of m, cm, mm, got 'ft'"),
        ("size = [ 346, 260,]", "", "camera front lacks size"),
        ("size = [ 346, 260,]", "size = [ 346.5, 260,]", "whole number of pixels, got 346.5"),
        ("rotation = [ 0.0, 0.0, 0.0,]", "rotation = [ 0.0, nan, 0.0,]", "rotation must be 3"),
        ("[cam_0]", "[cam_0", "not valid TOML"),
    ],
)
def test_broken_toml_is_named(tmp_path, old, new, message):
    path = tmp_path / "calibration.toml"
    path.write_text(TOML.replace(old, new))
    with pytest.raises(CalibrationError, match=r"calibration\.toml") as error:
        load_rig(path)
    assert message in str(error.value)


def test_what_asks_for_the_running_system():
    assert is_live("camera_info")
    assert is_live("camera_info:map")
    assert not is_live("")
    assert not is_live("rigs/camera_info.yaml")


def test_the_example_of_the_documentation(tmp_path):
    text = (ROOT / "docs" / "calibration.md").read_text(encoding="utf-8")
    block = text[text.index("    world_frame: world") : text.index("      right:")]
    path = tmp_path / "rig.yaml"
    path.write_text("\n".join(line[4:] for line in block.splitlines()))
    camera = load_rig(path).cameras["left"]
    assert camera.center == pytest.approx([-2.1, -2.3, 2.0])
    assert camera.distortion is not None
    (_, v_head), (_, v_foot) = camera.project([[0, 0, 1.7], [0, 0, 0.0]])
    assert v_head < v_foot  # it looks at the origin, upright
