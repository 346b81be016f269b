"""Figures of poses whose errors are known, in 2D and in 3D."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_pose_ros.eval.accuracy import Truth
from hybrid_pose_ros.eval.contenders import Contender
from hybrid_pose_ros.eval.judge import Judged
from hybrid_pose_ros.eval.poses import Poses
from hybrid_pose_ros.eval.scene import Grid, Scene, crop_pixels, grid_of
from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.skeleton import INDEX

BIN_NS = 10_000_000


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A person of whom only the left hand moves, 1 m/s for 1.2 s."""
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), ("cam2", "cam3"))
    t_ns = np.arange(121, dtype=np.int64) * BIN_NS
    xyz = np.zeros((121, 13, 3))
    xyz[..., 2] = np.linspace(1.6, 0.4, 13)
    xyz[:, INDEX["hand_left"], 0] += 1e-9 * t_ns - 0.6
    events = np.zeros(2, EVENT_DTYPE)
    events["t"] = [0, t_ns[-1]]
    return Scene("S13_x", "mocap", {name: events for name in rig.cameras}, Truth(t_ns, xyz), rig)


def perfect(scene: Scene, grid: Grid, name: str, shift: float = 0.0) -> Poses:
    """The truth, `shift` sensor pixels to the right."""
    poses = Poses.empty(*grid.times_ns.shape)
    uv = scene.rig.cameras[name].project(scene.truth.at(grid.times_ns.ravel()))
    poses.uv[:] = uv.reshape(poses.uv.shape) + [shift, 0.0]
    poses.covariance[:] = [1.0, 0.0, 1.0]
    poses.confidence[:] = 1.0
    return poses


def judged(scene: Scene, grid: Grid, shift: float) -> dict:
    found = Judged(Contender("lite/cnn", "", 1e9))
    views = [(camera, perfect(scene, grid, n, shift)) for n, camera in scene.rig.cameras.items()]
    for camera, poses in views:
        found.add_camera(scene, grid, camera, poses, None)
    found.add_views(scene, grid, views)
    return found.row(BIN_NS)


def test_windows_cover_the_scene_and_some_run_on(scene):
    grid = grid_of(scene, BIN_NS, 400_000_000, 4)
    assert grid.starts_ns.tolist() == [k * 100_000_000 for k in range(2, 12)]
    assert np.flatnonzero(grid.late).tolist() == [0, 4]  # the ninth does not fit
    assert grid.wanted.sum(1).tolist() == [41, 11, 11, 11, 41, 11, 11, 11, 11, 11]
    with pytest.raises(ValueError, match="do not fit"):
        grid_of(scene, 30_000_000, 400_000_000, 4)


def test_the_truth_has_no_errors(scene):
    row = judged(scene, grid_of(scene, BIN_NS, 200_000_000, 3), 0.0)
    assert row["mean_2d_px"]["all"] < 1e-4 and row["mean_3d_mm"]["2"] < 0.01
    assert row["jitter_px"] < 1e-4 and row["pck"]["5"] == 1.0
    assert row["delay_ms"] == pytest.approx(0.0, abs=0.5)
    assert row["power_mw"]["7nm"] == pytest.approx(1.69) and row["power_mw"]["45nm"] == 4.6


def test_an_offset_is_the_error_of_every_step_and_joint(scene):
    grid = grid_of(scene, BIN_NS, 200_000_000, 3)
    row = judged(scene, grid, 3.0)
    steps = row["error_2d_px"]
    assert steps["all"] == pytest.approx([3.0] * 21, abs=1e-4) == steps["published"]
    assert row["joints_2d_px"]["head"] == pytest.approx(3.0, abs=1e-4)
    assert row["mean_2d_px"]["fast"] == pytest.approx(3.0, abs=1e-4)
    assert row["mean_3d_mm"]["2"] > 10 and row["windows"] == 2 * len(grid.starts_ns)


def test_only_what_moves_is_fast_and_only_the_crop_counts(scene):
    grid = grid_of(scene, BIN_NS, 100_000_000, 4)
    found = Judged(Contender("lite/cnn", "", 0.0))
    camera = scene.rig.cameras["cam2"]
    found.add_camera(scene, grid, camera, perfect(scene, grid, "cam2"), None)
    fast = found.fast[0]
    hand = INDEX["hand_left"]
    assert fast[:, :, hand].any() and not np.delete(fast, hand, 2).any()
    truth = scene.crop_truth(camera, grid.times_ns)
    seen = crop_pixels(camera.project(scene.truth.at(grid.times_ns.ravel())), camera)
    inside = ((seen > -0.5) & (seen < 255.5)).all(-1).reshape(truth.shape[:-1])
    np.testing.assert_array_equal(np.isfinite(truth).all(-1), inside)
