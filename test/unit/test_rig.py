"""Rig files: the DHP19 rig against its own measurements, and every kind of bad input."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml

from hybrid_pose_ros.errors import CalibrationError, ConfigError
from hybrid_pose_ros.pose.rig import camera_names, check_sensor, dhp19_camera, load_rig

ROOT = Path(__file__).resolve().parents[2]
RIG_FILE = ROOT / "config" / "dhp19_rig.yaml"
DHP19 = ROOT.parent / "shared" / "data" / "dhp19_rig"
CHANNEL_TO_MATRIX = {"cam0": 4, "cam1": 1, "cam2": 3, "cam3": 2}

needs_dhp19 = pytest.mark.skipif(not DHP19.is_dir(), reason=f"no calibration data in {DHP19}")


@needs_dhp19
@pytest.mark.parametrize("name", CHANNEL_TO_MATRIX)
def test_dhp19_file_holds_the_published_matrices(name):
    matrix = np.load(DHP19 / f"P{CHANNEL_TO_MATRIX[name]}.npy")
    camera = load_rig(RIG_FILE).cameras[name]
    points = np.random.default_rng(0).uniform([-800, -800, 0], [800, 800, 2000], (50, 3))
    image = np.column_stack([points, np.ones(50)]) @ matrix.T
    expected = np.column_stack([image[:, 0] / image[:, 2], 260 - image[:, 1] / image[:, 2]])
    assert np.allclose(camera.project(points / 1000), expected, atol=1e-9)
    positions = np.load(DHP19 / "camera_positions.npy") / 1000
    assert camera.center == pytest.approx(positions[CHANNEL_TO_MATRIX[name] - 1], abs=1e-9)


@pytest.mark.parametrize("name", CHANNEL_TO_MATRIX)
def test_dhp19_cameras_see_a_person_upright(name):
    camera = load_rig(RIG_FILE).cameras[name]
    (u_head, v_head), (_, v_foot) = camera.project([[0, 0, 1.7], [0, 0, 0.0]])
    assert v_head < v_foot
    assert 34 <= u_head < 290
    assert 0 < v_head < 260
    assert 2 < camera.depth([0, 0, 1]) < 5
    # A mirrored image would be left-handed.
    assert np.linalg.det(camera.projection[:, :3]) > 0


def test_names_of_cameras_as_they_are_typed():
    assert camera_names(" cam2, left eye") == ("cam2", "left eye")
    for text in ("", " ", "cam2,", "cam2,cam2"):
        with pytest.raises(ConfigError, match="one or more different names"):
            camera_names(text)


def read_markers():
    """Marker positions (38, 9, 3) m in the rig's world, pixels (38, 9, 2) by matrix number."""

    def table(name):
        with open(DHP19 / name, encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))[2:]
        return [[np.nan if cell in ("NA", "") else float(cell) for cell in row] for row in rows]

    measured = np.array(table("Calibration_markers_3D.csv"))[:, 2:29].reshape(-1, 9, 3)
    # The markers were measured in a frame that is turned by 180 degrees about z and 150 mm off.
    world = (measured * [-1, -1, 1] + [0, 150, 0]) / 1000
    pixels = np.array(table("Calibration_markers_2D.csv"))
    by_matrix = {
        int(number): pixels[pixels[:, 0] == number, 2:20].reshape(-1, 9, 2)
        for number in (1, 2, 3, 4)
    }
    return world, by_matrix


# Root mean square over the markers within 20 px: the rig's own residuals (cam2 is the best one).
@needs_dhp19
@pytest.mark.parametrize(
    ("name", "rms_px"), [("cam0", 2.87), ("cam1", 2.21), ("cam2", 0.77), ("cam3", 2.23)]
)
def test_dhp19_markers_appear_where_they_were_measured(name, rms_px):
    world, pixels = read_markers()
    error = load_rig(RIG_FILE).cameras[name].project(world) - pixels[CHANNEL_TO_MATRIX[name]]
    distance = np.linalg.norm(error, axis=-1)
    distance = distance[np.isfinite(distance)]
    assert len(distance) > 220
    assert np.sum(distance > 20) <= 3  # markers confused in the published table
    assert np.sqrt(np.mean(distance[distance < 20] ** 2)) == pytest.approx(rms_px, abs=0.01)


@needs_dhp19
def test_v_counts_from_260():
    world, pixels = read_markers()
    matrix = np.load(DHP19 / "P3.npy")
    error = [
        np.nanmedian((dhp19_camera(matrix, "cam2", height=h).project(world) - pixels[3])[..., 1])
        for h in (259, 260, 261)
    ]
    assert error == pytest.approx([-1, 0, 1], abs=0.1)


def test_cameras_come_in_the_order_asked_for():
    rig = load_rig(RIG_FILE, ["cam3", "cam2"])
    assert list(rig.cameras) == ["cam3", "cam2"]
    assert rig.world_frame == "world"
    assert np.array_equal(rig.projections()[1], rig.cameras["cam2"].projection)
    assert rig.cameras["cam2"].frame_id == "cam2_optical_frame"
    assert (rig.cameras["cam2"].crop.x, rig.cameras["cam2"].crop.y) == (34, 2)


def test_sensor_size_must_fit():
    camera = load_rig(RIG_FILE).cameras["cam2"]
    check_sensor(camera, 346, 260)
    with pytest.raises(CalibrationError, match=r"cam2 sends 640 x 480 .* calibrated for 346 x 260"):
        check_sensor(camera, 640, 480)


def good_tree():
    tree = yaml.safe_load(RIG_FILE.read_text())
    tree["cameras"] = {"cam2": tree["cameras"]["cam2"]}
    return tree


def test_plain_projection_in_metres(tmp_path):
    tree = good_tree()
    camera = load_rig(RIG_FILE).cameras["cam2"]
    del tree["cameras"]["cam2"]["dhp19_projection"], tree["cameras"]["cam2"]["crop"]
    tree["cameras"]["cam2"]["projection"] = camera.projection.tolist()
    path = tmp_path / "rig.yaml"
    path.write_text(yaml.safe_dump(tree))
    again = load_rig(path).cameras["cam2"]
    assert np.allclose(again.projection, camera.projection, atol=1e-12)
    assert (again.crop.x, again.crop.y, again.crop.width) == (43, 0, 260)


def change(**values):
    return lambda tree: tree["cameras"]["cam2"].update(values)


def drop(key):
    return lambda tree: tree["cameras"]["cam2"].pop(key)


CROP = {"x": 34, "y": 2, "width": 256, "height": 256}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (drop("width"), "lacks width"),
        (drop("dhp19_projection"), "either `projection`"),
        (change(projection=[[1, 0, 0, 0]] * 3), "not both"),
        (
            change(focal=3),
            "unknown key focal; known are crop, dhp19_projection, distortion, frame_id",
        ),
        (change(width="346"), "width must be a positive whole number of pixels, got '346'"),
        (change(height=0), "height must be a positive whole number"),
        (change(frame_id=""), "frame_id must be a name"),
        (change(dhp19_projection=[[1, 2], [3, 4]]), "3 rows of 4 finite numbers"),
        (change(dhp19_projection=[[1, 0, 0, "a"]] * 3), "3 rows of 4 finite numbers"),
        (change(dhp19_projection=[[0, 0, 0, 1]] * 3), "no centre"),
        (change(crop={**CROP, "x": 100}), "does not fit the 346 x 260 sensor"),
        (change(crop={**CROP, "width": 200}), "square"),
        (change(crop={**CROP, "x": -1}), "x must be a whole number >= 0, got -1"),
        (change(crop={"x": 1}), "lacks height, width, y"),
        (lambda tree: tree.pop("world_frame"), "lacks world_frame"),
        (lambda tree: tree.update(cameras=[]), "`cameras` must map names"),
        (lambda tree: tree["cameras"].update(cam2=3), "must map keys to values, got 3"),
    ],
)
def test_bad_files_are_refused_with_the_reason(tmp_path, spoil, message):
    tree = good_tree()
    spoil(tree)
    path = tmp_path / "rig.yaml"
    path.write_text(yaml.safe_dump(tree))
    with pytest.raises(CalibrationError, match=r"rig\.yaml") as error:
        load_rig(path)
    assert message in str(error.value)


def test_mirrored_matrix_is_refused(tmp_path):
    tree = good_tree()
    entry = tree["cameras"]["cam2"]
    entry["projection"] = entry.pop("dhp19_projection")  # y from the bottom
    path = tmp_path / "rig.yaml"
    path.write_text(yaml.safe_dump(tree))
    with pytest.raises(CalibrationError, match="mirrored"):
        load_rig(path)


def test_missing_camera_is_named_with_the_known_ones():
    with pytest.raises(CalibrationError, match="no calibration for cam9, cam7; it has cam0, cam1"):
        load_rig(RIG_FILE, ["cam9", "cam2", "cam7"])


def test_no_camera_at_all_is_refused():
    with pytest.raises(CalibrationError, match="at least one camera"):
        load_rig(RIG_FILE, [])


def test_unreadable_files(tmp_path):
    with pytest.raises(CalibrationError, match=r"cannot read the rig file .*nowhere"):
        load_rig(tmp_path / "nowhere.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("cameras: [")
    with pytest.raises(CalibrationError, match="not valid YAML"):
        load_rig(broken)
