"""`hybrid_pose simulate`: sensors, rigs, lenses, motion files, and what goes into a bag."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from hybrid_pose_ros.cli.main import main
from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.data.camera_info import CAMERA_INFO, TF, camera_info_fields, camera_pose
from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.distortion import Distortion
from hybrid_pose_ros.pose.rig import Rig, load_rig, save_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.performance import perform_movement
from hybrid_pose_ros.simulator.presets import PRESETS, find_preset, fitted, rig_for, with_noise
from hybrid_pose_ros.simulator.sensor import DAVIS346
from hybrid_pose_ros.simulator.simulate import camera_run, record

RIG = load_rig(share_path("config", "dhp19_rig.yaml"))
CMU = Path(__file__).parents[2].parent / "shared/data/cmu_mocap_02"


def small(camera: Camera, factor: float = 0.25) -> Camera:
    """The same view with few pixels."""
    return fitted(camera, round(camera.width * factor), round(camera.height * factor))


@pytest.mark.parametrize("name", list(PRESETS))
def test_every_sensor_sees_at_least_what_a_davis346_sees(name):
    rig, model = rig_for(name, None, ["cam0", "cam2"])
    preset = find_preset(name)
    assert model is preset.model
    for camera_name, camera in rig.cameras.items():
        old = RIG.cameras[camera_name]
        assert (camera.width, camera.height) == (preset.width, preset.height)
        np.testing.assert_allclose(camera.center, old.center, atol=1e-9)
        corners = np.array([[0, 0], [old.width - 1, 0], [0, old.height - 1]], float)
        points = old.center + 3.0 * old.rays(corners)
        uv = camera.project(points)
        assert np.all((uv > -1) & (uv < [preset.width, preset.height]))
        # The networks see the same part of the world through the crop.
        middle = old.project(
            camera.center + 3.0 * camera.rays(camera.crop.to_sensor(np.array([63.5, 63.5]), 128))
        )
        np.testing.assert_allclose(
            middle, old.crop.to_sensor(np.array([63.5, 63.5]), 128), atol=0.8
        )


def test_noise_is_that_asked_for():
    performance = perform_movement(13, "stand", 1, 1.0)
    camera = small(RIG.cameras["cam2"])
    pixels = camera.width * camera.height
    counts = {}
    for rate in (0.0, 3.0, 6.0):
        model = replace(with_noise(DAVIS346, rate), hot_pixels=0)
        counts[rate] = len(record(performance, 1, [camera], model).cameras["cam2"])
    more = (counts[6.0] - counts[3.0]) / pixels
    assert (counts[3.0] - counts[0.0]) / pixels == pytest.approx(more, rel=0.15)
    assert 2.0 < more < 6.0  # 3 on a mid-grey surface, and more on darker ones
    with pytest.raises(ConfigError, match="noise must be 0 to 100"):
        with_noise(DAVIS346, -1.0)


def _changing(run):
    """(H, W) bool, pixels of a camera's pictures that differ from the first one."""
    before = run.picture(0).copy()
    pictures = (run.picture(t_ns) for t_ns in range(100_000_000, 1_000_000_000, 100_000_000))
    return np.any([np.abs(picture - before) > 0.05 for picture in pictures], axis=0)


def _overlap(first, second):
    """Intersection over union."""
    return (first & second).sum() / (first | second).sum()


@pytest.mark.parametrize("model", ["plumb_bob", "fisheye"])
def test_a_lens_bends_events_and_truth_alike(model):
    numbers = (-0.6, 0.1, 0.0, 0.0) if model == "plumb_bob" else (0.8, 0.2, 0.0, 0.0)
    straight = small(RIG.cameras["cam3"], 0.5)
    bent = replace(straight, distortion=Distortion(model, numbers))
    performance = perform_movement(13, "8", 3, 1.0)
    # Where the picture ever changes in a second: the person, not the walls, which are random.
    first, second = (
        _changing(camera_run(performance, camera, DAVIS346, 3)) for camera in (straight, bent)
    )
    v, u = np.mgrid[5 : bent.height - 5, 5 : bent.width - 5]
    place = bent.undistort(np.stack([u, v], -1).astype(float))
    inside = np.all((place >= 0) & (place <= [straight.width - 1, straight.height - 1]), axis=-1)
    column, row = np.round(place[inside]).astype(int).T
    seen = second[v, u][inside]
    assert seen.mean() > 0.05
    through_the_lens = _overlap(first[row, column], seen)
    assert through_the_lens > 0.85
    assert through_the_lens > _overlap(first[v, u][inside], seen) + 0.01
    moved = np.abs(bent.distort(np.array([[10.0, 60.0]])) - [10.0, 60.0]).max()
    assert moved > 1.0


def test_the_pictures_of_a_lens_change_only_where_they_say():
    camera = small(RIG.cameras["cam3"], 0.5)
    camera = replace(camera, distortion=Distortion("plumb_bob", (-0.2, 0.02, 0.0, 0.0)))
    run = camera_run(perform_movement(13, "22", 3, 1.0), camera, DAVIS346, 3)
    before = run.picture(0).copy()
    after = run.picture(20_000_000)
    rows = run._renderer.changed
    columns = np.arange(camera.width)
    told = (columns >= rows[:, :1]) & (columns < rows[:, 1:])
    assert (before != after).any()
    assert not (before != after)[~told].any()
    assert told.mean() < 0.5


def test_a_bag_says_what_and_where_its_cameras_are(tmp_path):
    out = tmp_path / "walk"
    args = ["--movement", "9", "--seconds", "0.1", "--cameras", "0,3", "--out", str(out)]
    assert main(["simulate", *args]) == 0
    with open_recording(out) as recording:
        for name in ("cam0", "cam3"):
            camera = RIG.cameras[name]
            ((_, info),) = recording.messages(f"/{name}/camera_info", CAMERA_INFO)
            assert (info.width, info.height, info.distortion_model) == (346, 260, "plumb_bob")
            np.testing.assert_allclose(info.k.reshape(3, 3), camera.intrinsics)
            assert info.header.frame_id == camera.frame_id
        ((_, static),) = recording.messages("/tf_static", TF)
        places = {frame.child_frame_id: frame.transform for frame in static.transforms}
        move = places["cam3_optical_frame"].translation
        np.testing.assert_allclose([move.x, move.y, move.z], RIG.cameras["cam3"].center)
        frames = [message for _, message in recording.messages("/tf", TF)]
        assert len(frames) == 11
        names = [frame.child_frame_id for frame in frames[0].transforms]
        assert names[:2] == ["truth_head", "truth_shoulder_right"]


def test_camera_info_and_pose_give_back_the_projection():
    lens = Distortion("fisheye", (0.1, 0.0, 0.0, 0.0))
    camera = replace(RIG.cameras["cam1"], distortion=lens)
    fields, (place, turn) = camera_info_fields(camera), camera_pose(camera)
    assert fields["distortion_model"] == "equidistant"
    np.testing.assert_allclose(fields["d"], lens.coefficients)
    x, y, z, w = turn
    point = np.array([0.1, -0.2, 1.1])
    # Into the optical frame by the inverse of the quaternion.
    axis, local = np.array([x, y, z]), point - place
    local = local - 2 * w * np.cross(axis, local) + 2 * np.cross(axis, np.cross(axis, local))
    image = fields["k"].reshape(3, 3) @ local
    straight = replace(camera, distortion=None)
    np.testing.assert_allclose(image[:2] / image[2], straight.project(point), atol=1e-9)


def test_any_rig_will_do(tmp_path):
    camera = replace(small(RIG.cameras["cam2"]), name="left", crop=Crop(10, 0, 64, 64))
    save_rig(Rig("lab", {"left": camera}), tmp_path / "rig.yaml")
    out = tmp_path / "walk"
    rig = ["--rig", str(tmp_path / "rig.yaml"), "--cameras", "left", "--seconds", "0.1"]
    assert main(["simulate", *rig, "--out", str(out)]) == 0
    with open_recording(out) as recording:
        assert {(p.width, p.height) for p in recording.packets()} == {(camera.width, camera.height)}
        ((_, static),) = recording.messages("/tf_static", TF)
        assert static.transforms[0].header.frame_id == "lab"


@pytest.mark.skipif(not CMU.exists(), reason=f"{CMU} is not there")
def test_a_motion_file_becomes_a_recording_with_a_film(tmp_path, capsys):
    args = ["--motion", str(CMU / "02_01.amc"), "--seconds", "0.2", "--cameras", "2"]
    out = tmp_path / "h5"
    assert main(["simulate", *args, "--format", "h5", "--out", str(out), "--preview"]) == 0
    names = sorted(path.name for path in out.iterdir())
    stem = "S13_02_01"
    assert names == [f"{stem}_events.h5", f"{stem}_events_label.h5", f"{stem}_preview.mp4"]
    with h5py.File(out / names[1]) as file:
        assert file["XYZ/3d_poses"].shape == (21, 3, 13)
    with h5py.File(out / names[0]) as file:
        assert len(file["cam2_events/t"]) > 1000
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--motion", "walk.amc"], "cannot read the motion file walk.amc"),
        (["--motion", "walk.fbx"], "neither an .amc nor a .bvh"),
        (["--motion", "walk.bvh", "--movement", "3"], "not both"),
        (["--skeleton", "a.asf"], "belongs to --motion"),
        (["--sensor", "eye"], "unknown sensor 'eye': use one of davis346, dvxplorer"),
        (["--noise", "-0.1"], "noise must be 0 to 100"),
        (["--sensor", "evk4", "--rig", "RIG"], "346 x 260 pixels but the evk4 has 1280 x 720"),
        (["--rig", "nowhere.yaml"], "cannot read the rig file"),
        (["--rig", "BLIND", "--cameras", "cam2"], "'cam2' does not see the person"),
        (["--motion", "BROKEN"], "line 4: frame 1 lacks lradius"),
    ],
)
def test_bad_input_is_named_and_nothing_written(tmp_path, capsys, arguments, message):
    blind = RIG.cameras["cam2"].projection.copy()
    blind[0] += 5000.0 * blind[2]
    camera = replace(RIG.cameras["cam2"], projection=blind)
    save_rig(Rig("world", {"cam2": camera}), tmp_path / "blind.yaml")
    if CMU.exists():
        text = (CMU / "02_01.amc").read_text().splitlines()
        broken = "\n".join(line for line in text[:70] if "lradius" not in line)
        (tmp_path / "02_01.amc").write_text(broken)
        (tmp_path / "02.asf").write_text((CMU / "02.asf").read_text())
    elif "BROKEN" in arguments:
        pytest.skip(f"{CMU} is not there")
    names = {
        "BLIND": str(tmp_path / "blind.yaml"),
        "RIG": str(share_path("config", "dhp19_rig.yaml")),
        "BROKEN": str(tmp_path / "02_01.amc"),
    }
    before = sorted(tmp_path.iterdir())
    arguments = [names.get(word, word) for word in arguments]
    assert main(["simulate", *arguments, "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert message in printed.err
    assert sorted(tmp_path.iterdir()) == before
