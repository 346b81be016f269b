"""Camera: projection, rays and centre against textbook cameras."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.distortion import Distortion
from hybrid_pose_ros.pose.keypoints import Keypoints

FOCAL, CENTER_U, CENTER_V = 300.0, 160.0, 120.0


def camera_at(position, scale=1.0):
    """Looks along world +y, u along +x, v along -z."""
    rotation = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    intrinsics = np.array([[FOCAL, 0, CENTER_U], [0, FOCAL, CENTER_V], [0, 0, 1.0]])
    extrinsics = np.column_stack([rotation, -rotation @ np.asarray(position)])
    matrix = scale * intrinsics @ extrinsics
    return Camera("cam", 320, 240, matrix, "optical", Crop(40, 0, 240, 240))


def test_projects_by_the_pinhole_equation():
    camera = camera_at([1.0, -2.0, 0.5])
    uv = camera.project([1.3, 2.0, 0.9])
    assert uv == pytest.approx([CENTER_U + FOCAL * 0.3 / 4, CENTER_V - FOCAL * 0.4 / 4])
    assert camera.depth([1.3, 2.0, 0.9]) == pytest.approx(4.0)
    assert camera.center == pytest.approx([1.0, -2.0, 0.5])


def test_scale_of_the_matrix_does_not_matter():
    one, other = camera_at([0, -3, 1]), camera_at([0, -3, 1], scale=0.01)
    assert np.allclose(one.projection, other.projection, atol=1e-12)


def test_behind_the_camera_and_missing_points_are_nan():
    camera = camera_at([0, 0, 0])
    uv = camera.project([[0, 1, 0], [0, -1, 0], [np.nan, 1, 0], [0, 0, 0]])
    assert np.isfinite(uv[0]).all()
    assert np.isnan(uv[1:]).all()


@given(
    position=st.tuples(*[st.floats(-5, 5)] * 3),
    point=st.tuples(st.floats(-3, 3), st.floats(0.5, 8), st.floats(-3, 3)),
)
def test_rays_pass_through_what_they_see(position, point):
    camera = camera_at(position)
    world = np.add(position, point)
    ray = camera.rays(camera.project(world))
    assert np.linalg.norm(ray) == pytest.approx(1.0)
    assert np.cross(ray, np.array(point) / np.linalg.norm(point)) == pytest.approx(0, abs=1e-9)
    assert ray @ point > 0


def test_rays_keep_the_shape_of_their_pixels():
    assert camera_at([0, 0, 0]).rays(np.zeros((4, 13, 2))).shape == (4, 13, 3)


@pytest.mark.parametrize(
    "matrix", [np.zeros((3, 4)), np.eye(4), np.full((3, 4), np.nan), np.ones((3, 4))]
)
def test_refuses_what_is_no_projection(matrix):
    with pytest.raises(ValueError, match="projection of cam"):
        Camera("cam", 320, 240, matrix, "optical", Crop(0, 0, 240, 240))


def test_is_not_changed_from_outside():
    matrix = camera_at([0, 0, 0]).projection.copy()
    camera = Camera("cam", 320, 240, matrix, "optical", Crop(0, 0, 240, 240))
    matrix[:] = 0
    assert camera.projection[2, 1] == pytest.approx(1.0)
    with pytest.raises(ValueError, match="read-only"):
        camera.projection[0, 0] = 1


FISHEYE = Distortion("fisheye", (-0.02, 0.006, -0.004, 0.0006))
PLUMB_BOB = Distortion("plumb_bob", (-0.3, 0.1, 0.001, -0.002, -0.01))


def bent_camera(lens):
    return replace(camera_at([0.4, -3.0, 1.2]), distortion=lens)


def scene():
    rng = np.random.default_rng(3)
    return rng.uniform([-1.2, -1.0, 0.2], [1.2, 1.0, 2.2], (300, 3))


@pytest.mark.parametrize("lens", [FISHEYE, PLUMB_BOB])
def test_projects_like_opencv(lens):
    camera, points = bent_camera(lens), scene()
    turn = cv2.Rodrigues(camera.rotation)[0]
    shift = -camera.rotation @ camera.center
    K, k = camera.intrinsics, np.array(lens.coefficients)
    project = cv2.fisheye.projectPoints if lens is FISHEYE else cv2.projectPoints
    expected = project(points[:, None], turn, shift, K, k)[0]
    assert camera.project(points) == pytest.approx(expected.reshape(-1, 2), abs=1e-8)


@pytest.mark.parametrize("lens", [FISHEYE, PLUMB_BOB])
def test_undistorted_pixels_are_those_of_the_projection(lens):
    camera, points = bent_camera(lens), scene()
    linear = replace(camera, distortion=None)
    assert camera.undistort(camera.project(points)) == pytest.approx(
        linear.project(points), abs=1e-7
    )
    rays = camera.rays(camera.project(points))
    across = np.cross(rays, points - camera.center)
    assert across == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("lens", [FISHEYE, PLUMB_BOB])
def test_linear_keypoints_carry_the_covariance(lens):
    """Samples around bent pixels, straightened one by one, spread as the covariance says."""
    camera = bent_camera(lens)
    uv = camera.project(scene()[:13]).astype(np.float64)
    covariance = np.tile([1.5, 0.4, 0.8], (13, 1))
    linear = camera.linear_keypoints(Keypoints(uv, covariance, np.full(13, 0.7)))
    assert linear.uv == pytest.approx(camera.undistort(uv), abs=1e-9)
    assert np.array_equal(linear.confidence, np.full(13, 0.7))
    rng = np.random.default_rng(0)
    spread = rng.multivariate_normal([0, 0], [[1.5, 0.4], [0.4, 0.8]], 40_000) * 0.01
    for joint in range(13):
        cloud = camera.undistort(uv[joint] + spread) / 0.01
        (uu, uv_), (_, vv) = np.cov(cloud.T)
        assert linear.covariance[joint] == pytest.approx([uu, uv_, vv], rel=0.05, abs=0.03)


def test_linear_keypoints_without_a_lens_are_the_same_object():
    keypoints = Keypoints(np.zeros((13, 2)), np.ones((13, 3)), np.ones(13))
    assert camera_at([0, 0, 0]).linear_keypoints(keypoints) is keypoints


def test_pixels_that_the_lens_cannot_show_are_missing():
    camera = bent_camera(Distortion("plumb_bob", (-0.3, 0.0, 0.0, 0.0)))
    uv = np.full((13, 2), 120.0, np.float32)
    uv[4] = 5000.0
    linear = camera.linear_keypoints(Keypoints(uv, np.ones((13, 3), np.float32) + [1, 0, 1],
                                               np.ones(13, np.float32)))  # fmt: skip
    assert np.isnan(linear.uv[4]).all()
    assert np.array_equal(np.flatnonzero(linear.confidence == 0), [4])
    assert linear.uv.dtype == np.float32


def test_factors_of_the_projection():
    camera = camera_at([1.0, -2.0, 0.5], scale=0.3)
    assert camera.intrinsics == pytest.approx(
        np.array([[FOCAL, 0, CENTER_U], [0, FOCAL, CENTER_V], [0, 0, 1]]), abs=1e-9
    )
    pose = np.column_stack([camera.rotation, -camera.rotation @ camera.center])
    assert camera.intrinsics @ pose == pytest.approx(camera.projection, abs=1e-9)
    assert np.linalg.det(camera.rotation) == pytest.approx(1.0)
    # Readers of CameraInfo compare with 0 and 1.
    assert camera.intrinsics[2].tolist() == [0.0, 0.0, 1.0]
    assert camera.intrinsics[1, 0] == 0.0
