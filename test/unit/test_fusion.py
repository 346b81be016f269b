"""Fusion: a simulated person on the real rig, and everything that goes wrong with a camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.runtime.fusion import Fusion
from hybrid_pose_ros.runtime.fusion_config import FusionConfig
from hybrid_pose_ros.skeleton import SWAP

RIG_FILE = Path(__file__).resolve().parents[2] / "config" / "dhp19_rig.yaml"
PERIOD = 10_000_000
START = 1_700_000_000_003_217_000
PIXEL_STD = 3.0


class Scene:
    """Thirteen joints that swing at 1 Hz, seen with noise; the same numbers for the same bin."""

    def __init__(self, cameras=("cam2", "cam3")):
        self.rig = load_rig(RIG_FILE, cameras)
        rng = np.random.default_rng(0)
        self.rest = rng.uniform([-0.4, -0.4, 0.1], [0.4, 0.4, 1.8], (13, 3))
        self.phase = rng.uniform(0, 2 * np.pi, 13)

    def truth(self, k):
        swing = 0.15 * np.sin(2 * np.pi * 0.01 * k + self.phase)
        return self.rest + swing[:, None] * [0.6, 0.3, 0.74]

    def keypoints(self, camera, k, confidence=0.9):
        rng = np.random.default_rng([k, int(camera[-1])])
        uv = self.rig.cameras[camera].project(self.truth(k)) + rng.normal(0, PIXEL_STD, (13, 2))
        covariance = np.tile(np.float32([PIXEL_STD**2, 0, PIXEL_STD**2]), (13, 1))
        return Keypoints(uv.astype("f4"), covariance, np.full(13, confidence, "f4"))

    def run(self, bins, change=None, config=None):
        """Feed bins to a new Fusion; change(camera, k, keypoints) may return None = lost."""
        fusion, skeletons = Fusion(self.rig, config), []
        for k in bins:
            for camera in self.rig.cameras:
                keypoints = self.keypoints(camera, k)
                if change is not None:
                    keypoints = change(camera, k, keypoints)
                if keypoints is not None:
                    skeletons += fusion.add(camera, START + k * PERIOD, keypoints)
        for skeleton in skeletons:
            check_invariants(skeleton)
        return fusion, skeletons

    def errors(self, skeletons):
        """(n, 13) metres; NaN where unknown."""
        return np.array(
            [
                np.linalg.norm(s.xyz - self.truth((s.t_ns - START) // PERIOD), axis=1)
                for s in skeletons
            ]
        )


def check_invariants(skeleton):
    known = skeleton.confidence > 0
    assert np.isfinite(skeleton.confidence).all()
    assert ((skeleton.confidence >= 0) & (skeleton.confidence <= 1)).all()
    for values in (skeleton.xyz, skeleton.covariance, skeleton.velocity):
        assert np.isfinite(values[known]).all()
    assert np.isnan(skeleton.xyz[~known]).all()
    if known.any():
        assert np.linalg.eigvalsh(skeleton.covariance[known]).min() > 0


def test_two_cameras():
    scene = Scene()
    fusion, skeletons = scene.run(range(200))
    assert [s.t_ns for s in skeletons] == [START + k * PERIOD for k in range(200)]
    errors = scene.errors(skeletons)
    assert np.sqrt(np.mean(errors[20:] ** 2)) < 0.032
    assert all((s.views == 2).all() for s in skeletons)
    assert np.mean([s.reprojection_px.mean() for s in skeletons]) == pytest.approx(3.5, abs=0.7)
    assert skeletons[-1].confidence.min() > 0.8
    assert fusion.counters("cam2")["taken"] == 200
    assert set(skeletons[0].stamps_ns) == {"cam2", "cam3"}


def test_the_filter_is_better_than_raw_triangulation_and_four_cameras_are_better_than_two():
    from hybrid_pose_ros.pose.triangulation import triangulate

    two, four = Scene(), Scene(("cam0", "cam1", "cam2", "cam3"))
    raw = []
    for k in range(20, 120):
        poses = [two.keypoints(camera, k) for camera in two.rig.cameras]
        points = triangulate(
            two.rig.projections(), *[
                np.stack([getattr(p, name) for p in poses])
                for name in ("uv", "covariance", "confidence")
            ],
        )  # fmt: skip
        raw.append(np.linalg.norm(points.xyz - two.truth(k), axis=1))
    rms = [np.sqrt(np.mean(e**2)) for e in (
        np.array(raw), two.errors(two.run(range(120))[1])[20:],
        four.errors(four.run(range(120))[1])[20:],
    )]  # fmt: skip
    assert rms[1] < 0.8 * rms[0]
    assert rms[2] < 0.8 * rms[1]


def test_covariance_holds_the_truth():
    scene = Scene()
    _, skeletons = scene.run(range(250), config=FusionConfig(pixel_noise_px=0.0))
    inside = []
    for s in skeletons[20:]:
        error = s.xyz - scene.truth((s.t_ns - START) // PERIOD)
        distance = np.einsum("ji,jik,jk->j", error, np.linalg.inv(s.covariance), error)
        inside.append(np.mean(distance < 7.815))
    # The motion is smoother than the filter believes, so it is a little too careful.
    assert 0.94 < np.mean(inside) < 0.995


def test_velocity_points_the_right_way():
    scene = Scene()
    _, skeletons = scene.run(range(150))
    dot = []
    for s in skeletons[50:]:
        k = (s.t_ns - START) // PERIOD
        true = (scene.truth(k + 0.5) - scene.truth(k - 0.5)) / 0.01
        fast = np.linalg.norm(true, axis=1) > 0.6
        dot.append(np.mean(np.sum(true * s.velocity, axis=1)[fast] / np.sum(true**2, axis=1)[fast]))
    assert np.mean(dot) == pytest.approx(1.0, abs=0.1)


def test_a_camera_stops_and_comes_back():
    scene = Scene()
    fusion, skeletons = scene.run(
        range(350), lambda camera, k, p: None if camera == "cam3" and 100 <= k < 300 else p
    )
    assert [s.t_ns for s in skeletons] == [START + k * PERIOD for k in range(350)]
    errors = scene.errors(skeletons)
    alone = skeletons[110:300]
    assert all((s.views == 1).all() for s in alone)
    assert np.mean(errors[280:300]) < 0.15  # the depth is held
    camera = scene.rig.cameras["cam2"]
    seen = camera.project(skeletons[299].xyz) - camera.project(scene.truth(299))
    assert np.linalg.norm(seen, axis=1).max() < 12
    assert np.mean(skeletons[299].confidence) < 0.6 * np.mean(skeletons[99].confidence)
    assert np.sqrt(np.mean(errors[310:] ** 2)) < 0.032
    assert (skeletons[-1].views == 2).all()
    assert fusion.counters("cam3")["late"] <= 1
    assert fusion.live("cam3")


def test_nothing_is_known_from_one_camera_alone():
    scene = Scene()
    fusion, skeletons = scene.run(range(50), lambda camera, k, p: p if camera == "cam2" else None)
    assert len(skeletons) == 50
    assert all((s.confidence == 0).all() for s in skeletons)
    assert not fusion.live("cam3")


def test_both_cameras_lose_bins():
    scene = Scene()
    _, skeletons = scene.run(range(150), lambda camera, k, p: None if k % 10 in (4, 5) else p)
    assert len(skeletons) == 150
    assert np.sqrt(np.mean(scene.errors(skeletons)[20:] ** 2)) < 0.034
    gap = skeletons[104]
    assert (gap.views == 0).all()
    assert np.isnan(gap.reprojection_px).all()
    assert gap.stamps_ns == {}


def test_joints_that_nobody_sees_fade_and_go():
    scene = Scene()

    def hide(camera, k, p):
        confidence = p.confidence.copy()
        if k >= 100:
            confidence[7:] = 0.05
        return Keypoints(
            np.where(confidence[:, None] < 0.1, np.nan, p.uv), p.covariance, confidence
        )

    _, skeletons = scene.run(range(220), hide)
    assert skeletons[99].confidence[7:].min() > 0.8
    assert 0 < skeletons[150].confidence[7:].max() < 0.3
    assert (skeletons[215].confidence[7:] == 0).all()
    assert skeletons[215].confidence[:7].min() > 0.8


@pytest.mark.parametrize("poison", ["uv", "covariance", "confidence"])
def test_nan_never_gets_through(poison):
    scene = Scene()

    def spoil(camera, k, p):
        parts = {name: getattr(p, name).copy() for name in ("uv", "covariance", "confidence")}
        parts[poison][k % 13] = [np.nan, np.inf, -1.0][k % 3]
        return Keypoints(**parts)

    _, skeletons = scene.run(range(100), spoil)
    assert np.nanmean(scene.errors(skeletons)[20:]) < 0.05


@pytest.mark.parametrize("cameras", [("cam2", "cam3"), ("cam0", "cam1", "cam2", "cam3")])
def test_one_camera_talks_nonsense_with_high_confidence(cameras):
    scene = Scene(cameras)
    rng = np.random.default_rng(9)

    def nonsense(camera, k, p):
        if camera != "cam3" or k < 100:
            return p
        uv = rng.uniform([34, 2], [290, 258], (13, 2)).astype("f4")
        return Keypoints(uv, p.covariance, np.ones(13, "f4"))

    fusion, skeletons = scene.run(range(250), nonsense)
    errors = scene.errors(skeletons)
    assert np.mean(errors[150:]) < (0.2 if len(cameras) == 2 else 0.04)
    counters = fusion.counters("cam3")
    assert counters["rejected"] > 0.5 * 150 * 13
    assert fusion.counters("cam2")["rejected"] < 0.1 * counters["rejected"]


def test_a_joint_is_found_again_after_a_jump():
    """All cameras see the person somewhere else at once: believed after a moment."""
    scene = Scene()
    moved = Scene()
    moved.rest = scene.rest + [0.7, 0.3, 0.0]
    _, skeletons = scene.run(
        range(120), lambda camera, k, p: p if k < 50 else moved.keypoints(camera, k)
    )
    assert np.nanmean(moved.errors(skeletons)[80:]) < 0.05


def test_swapped_sides_in_one_of_three_views_are_outvoted():
    scene = Scene(("cam0", "cam2", "cam3"))

    def swap(camera, k, p):
        if camera != "cam3" or k < 50:
            return p
        return Keypoints(p.uv[list(SWAP)], p.covariance, p.confidence)

    _, skeletons = scene.run(range(110), swap)
    assert np.nanmean(scene.errors(skeletons)[60:]) < 0.05


def test_the_result_does_not_depend_on_the_order_of_arrival():
    scene = Scene()
    plain, swapped = Fusion(scene.rig), Fusion(scene.rig)
    results = ([], [])
    for k in range(50):
        t_ns = START + k * PERIOD
        for fusion, order, result in zip(
            (plain, swapped), (("cam2", "cam3"), ("cam3", "cam2")), results, strict=True
        ):
            for camera in order:
                result += fusion.add(camera, t_ns, scene.keypoints(camera, k))
    assert all(np.array_equal(a.xyz, b.xyz) for a, b in zip(*results, strict=True))


def test_poses_off_the_grid_are_moved_to_it():
    """One camera's bins end 4 ms after the other's; every pose counts at its own time."""
    scene = Scene()
    skew = {"cam2": 0.0, "cam3": 0.4}
    fusion, skeletons = Fusion(scene.rig), []
    for k in range(200):
        for camera, part in skew.items():
            uv = scene.rig.cameras[camera].project(scene.truth(k + part)).astype("f4")
            like = scene.keypoints(camera, k)
            keypoints = Keypoints(uv, like.covariance, like.confidence)
            skeletons += fusion.add(camera, START + round((k + part) * PERIOD), keypoints)
    errors = [
        np.linalg.norm(s.xyz - scene.truth((s.t_ns - START) / PERIOD), axis=1).mean()
        for s in skeletons[100:]
    ]
    assert np.mean(errors) < 0.003


def test_poll_flushes_only_when_all_cameras_are_silent():
    scene = Scene()
    fusion, _ = scene.run(range(20))
    assert fusion.add("cam2", START + 20 * PERIOD, scene.keypoints("cam2", 20)) == []
    assert fusion.poll(0) == []
    assert fusion.poll(150_000_000) == []
    assert fusion.add("cam2", START + 21 * PERIOD, scene.keypoints("cam2", 21)) == []
    assert fusion.poll(200_000_000) == []  # something has come meanwhile
    assert fusion.poll(399_000_000) == []
    assert [s.t_ns for s in fusion.poll(400_000_000)] == [START + k * PERIOD for k in (20, 21)]
    assert fusion.poll(900_000_000) == []


def test_a_recording_that_begins_anew_forgets_the_past():
    scene, fusion, skeletons = Scene(), Fusion(Scene().rig), []
    for offset in (0, -100_000 * PERIOD):
        for k in range(100):
            for camera in scene.rig.cameras:
                t_ns = START + offset + k * PERIOD
                skeletons += fusion.add(camera, t_ns, scene.keypoints(camera, k))
    assert len(skeletons) >= 198
    assert skeletons[-1].t_ns == START - 100_000 * PERIOD + 99 * PERIOD
    error = np.linalg.norm(skeletons[-1].xyz - scene.truth(99), axis=1)
    assert error.max() < 0.1


def test_unknown_camera_is_an_error():
    with pytest.raises(KeyError):
        Fusion(Scene().rig).add("cam9", 0, Scene().keypoints("cam2", 0))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"period_ns": 0}, "period_ns must be greater than 0, got 0"),
        ({"min_confidence": 1.0}, "min_confidence must be >= 0 and < 1, got 1.0"),
        ({"accel_noise": float("nan")}, "accel_noise must be greater than 0, got nan"),
        ({"pixel_noise_px": -1.0}, "pixel_noise_px must be >= 0, got -1.0"),
    ],
)
def test_settings_out_of_range(values, message):
    with pytest.raises(ConfigError, match=message):
        FusionConfig(**values)
