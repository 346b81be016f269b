"""Triangulation on the real rig: exactness, efficiency, honest covariance, outliers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.pose.rig import dhp19_camera, load_rig
from hybrid_pose_ros.pose.triangulation import chi2_limit, reprojection_error, triangulate

ROOT = Path(__file__).resolve().parents[2]
RIG = load_rig(ROOT / "config" / "dhp19_rig.yaml")
PROJECTIONS = RIG.projections()
FRONT = load_rig(ROOT / "config" / "dhp19_rig.yaml", ["cam2", "cam3"]).projections()
GEOMETRY = ROOT.parent / "shared" / "seed" / "fixture" / "geometry.npz"

needs_geometry = pytest.mark.skipif(not GEOMETRY.is_file(), reason=f"no reference {GEOMETRY}")


def project(projections, xyz):
    image = np.einsum("cij,nj->cni", projections[:, :, :3], xyz) + projections[:, None, :, 3]
    return image[..., :2] / image[..., 2:]


def person(rng, count=13):
    return rng.uniform([-0.6, -0.6, 0.0], [0.6, 0.6, 1.8], (count, 3))


def isotropic(projections, count, variance=1.0):
    return np.tile([variance, 0.0, variance], (len(projections), count, 1))


def solve(projections, uv, covariance=None, confidence=None, **options):
    count = uv.shape[1]
    covariance = isotropic(projections, count) if covariance is None else covariance
    confidence = np.ones(uv.shape[:2]) if confidence is None else confidence
    return triangulate(projections, uv, covariance, confidence, **options)


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    cameras=st.sets(st.integers(0, 3), min_size=2),
    variance=st.floats(0.01, 100),
)
def test_exact_without_noise(seed, cameras, variance):
    projections = PROJECTIONS[sorted(cameras)]
    xyz = person(np.random.default_rng(seed))
    result = solve(projections, project(projections, xyz), isotropic(projections, 13, variance))
    assert np.abs(result.xyz - xyz).max() < 1e-6
    assert result.reprojection_px.max() < 1e-6
    assert (result.views == len(cameras)).all()
    assert result.used.all()


@needs_geometry
def test_reference_rays_and_two_view_points():
    reference = np.load(GEOMETRY)
    cameras = [dhp19_camera(reference["P"][k], f"P{k + 1}") for k in range(4)]

    def pixels(kind, k):
        u, y = reference[f"uv_{kind}_P{k + 1}"]
        return np.column_stack([u, 260 - y])

    for k, camera in enumerate(cameras):
        assert camera.center * 1000 == pytest.approx(reference[f"centre_P{k + 1}"], abs=1e-6)
        for kind in ("exact", "int"):
            # The reference gives one point on each ray.
            offset = reference[f"ray_{kind}_P{k + 1}"] / 1000 - camera.center
            across = np.cross(offset, camera.rays(pixels(kind, k)))
            assert np.abs(across).max() < 1e-9
    projections = np.stack([cameras[1].projection, cameras[2].projection])
    for kind, tolerance_mm in (("exact", 1e-6), ("int", 0.5)):
        # Truncated pixels: the reference takes the middle of both rays, which weighs pixels by
        # their distance and so is half a millimetre away from the most likely point.
        result = solve(projections, np.stack([pixels(kind, 1), pixels(kind, 2)]))
        assert np.abs(result.xyz * 1000 - reference[f"xyz_tri_{kind}"]).max() < tolerance_mm


def test_agrees_with_opencv_and_beats_its_residual():
    rng = np.random.default_rng(1)
    xyz = person(rng, 50)
    uv = project(FRONT, xyz) + rng.normal(0, 2, (2, 50, 2))
    linear = cv2.triangulatePoints(FRONT[0], FRONT[1], uv[0].T, uv[1].T)
    linear = (linear[:3] / linear[3]).T
    result = solve(FRONT, uv)
    assert np.abs(result.xyz - linear).max() < 0.01
    used = np.ones((2, 50), bool)
    assert (result.reprojection_px <= reprojection_error(FRONT, uv, used, linear) + 1e-9).all()


def noisy(projections, trials, seed, covariance):
    """Many measurements of one point: errors (n, 3) and the covariances reported."""
    rng = np.random.default_rng(seed)
    point = np.array([[0.2, -0.3, 1.1]])
    uv = np.repeat(project(projections, point), trials, axis=1)
    noise = rng.multivariate_normal([0, 0], covariance, uv.shape[:2])
    packed = np.tile(covariance[np.triu_indices(2)], (len(projections), trials, 1))
    result = triangulate(projections, uv + noise, packed, np.ones(uv.shape[:2]), reject=False)
    return result, result.xyz - point


@pytest.mark.parametrize("projections", [FRONT, PROJECTIONS], ids=["two", "four"])
def test_covariance_is_honest(projections):
    covariance = np.array([[4.0, 1.5], [1.5, 3.0]])
    result, error = noisy(projections, 4000, 2, covariance)
    distance = np.einsum("ni,nij,nj->n", error, np.linalg.inv(result.covariance), error)
    assert 0.93 < np.mean(distance < 7.815) < 0.97  # 95 % of chi-square with 3 degrees of freedom
    assert np.mean(result.chi2) == pytest.approx(2 * len(projections) - 3, rel=0.1)


@pytest.mark.parametrize("projections", [FRONT, PROJECTIONS], ids=["two", "four"])
def test_reaches_the_cramer_rao_bound(projections):
    covariance = np.array([[4.0, 1.5], [1.5, 3.0]])
    _, error = noisy(projections, 20_000, 3, covariance)
    # Fisher information by central differences of the projection.
    point, step = np.array([0.2, -0.3, 1.1]), 1e-5
    offsets = step * np.eye(3)
    jacobian = project(projections, point + offsets) - project(projections, point - offsets)
    jacobian = jacobian.transpose(0, 2, 1) / (2 * step)  # (C, 2, 3)
    information = jacobian.transpose(0, 2, 1) @ np.linalg.inv(covariance) @ jacobian
    bound = np.trace(np.linalg.inv(information.sum(axis=0)))
    assert np.mean(np.sum(error**2, axis=1)) == pytest.approx(bound, rel=0.05)


def test_weighs_by_covariance():
    rng = np.random.default_rng(4)
    xyz = person(rng, 400)
    sigma = np.array([1.0, 1.0, 1.0, 8.0])
    uv = project(PROJECTIONS, xyz) + rng.normal(size=(4, 400, 2)) * sigma[:, None, None]
    weighted = np.tile([1.0, 0, 1.0], (4, 400, 1)) * sigma[:, None, None] ** 2
    good = solve(PROJECTIONS, uv, weighted, reject=False).xyz - xyz
    equal = solve(PROJECTIONS, uv, reject=False).xyz - xyz
    assert np.mean(good**2) < 0.25 * np.mean(equal**2)


@pytest.mark.parametrize("liar", range(4))
def test_leaves_out_the_view_that_contradicts(liar):
    rng = np.random.default_rng(5)
    xyz = person(rng)
    uv = project(PROJECTIONS, xyz) + rng.normal(0, 1, (4, 13, 2))
    uv[liar] += rng.choice([-1, 1], (13, 2)) * 40
    result = solve(PROJECTIONS, uv)
    assert not result.used[liar].any()
    assert (result.views == 3).all()
    assert np.linalg.norm(result.xyz - xyz, axis=1).max() < 0.05
    assert (result.chi2 <= chi2_limit(np.full(13, 3))).all()


def test_missing_views():
    rng = np.random.default_rng(6)
    xyz = person(rng)
    uv = project(PROJECTIONS, xyz)
    covariance, confidence = isotropic(PROJECTIONS, 13), np.ones((4, 13))
    uv[0, 0] = np.nan  # three views left
    confidence[1:, 1] = 0  # one view left
    confidence[:, 2] = [np.nan, 1, 1, 0]  # two views left
    covariance[:3, 3] = [[0, 0, 1], [1, 2, 1], [np.nan, 0, 1]]  # none of these is a covariance
    uv[:, 4] = np.inf  # nothing left
    result = triangulate(PROJECTIONS, uv, covariance, confidence)
    assert result.views.tolist() == [3, 1, 2, 1, 0] + [4] * 8
    lost = np.array([False, True, False, True, True] + [False] * 8)
    assert np.isnan(result.xyz[lost]).all()
    assert np.isnan(result.covariance[lost]).all()
    assert np.isnan(result.reprojection_px[lost]).all()
    assert np.abs(result.xyz[~lost] - xyz[~lost]).max() < 1e-6


def test_no_solution_from_one_place_or_behind_the_cameras():
    same = np.stack([FRONT[0], FRONT[0]])
    point = np.array([[0.0, 0.0, 1.0]])
    assert np.isnan(solve(same, project(same, point)).xyz).all()
    behind = np.array([RIG.cameras["cam2"].center + RIG.cameras["cam3"].center])
    assert np.isnan(solve(FRONT, project(FRONT, behind)).xyz).all()


def test_inputs_are_not_changed():
    xyz = person(np.random.default_rng(7))
    arrays = [PROJECTIONS, project(PROJECTIONS, xyz), isotropic(PROJECTIONS, 13), np.ones((4, 13))]
    copies = [array.copy() for array in arrays]
    triangulate(*arrays)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, copies, strict=True))
