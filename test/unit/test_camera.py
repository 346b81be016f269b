"""Camera: projection, rays and centre against textbook cameras."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.pose.camera import Camera

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
