"""The 3D scene: projection in closed form, limbs where they project, missing draws nothing."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.skeleton import INDEX, SWAP
from hybrid_pose_ros.view import canvas
from hybrid_pose_ros.view.body import draw_skeleton
from hybrid_pose_ros.view.pinhole import NEAR_M, Pinhole
from hybrid_pose_ros.view.scene3d import Scene3D, draw_frustum


def person():
    """A person who stands at the origin, faces -y and has the left side at +x, metres."""
    half = {
        "shoulder": (0.2, 1.45),
        "elbow": (0.32, 1.2),
        "hip": (0.12, 1.0),
        "hand": (0.45, 1.0),
        "knee": (0.15, 0.52),
        "foot": (0.17, 0.05),
    }
    xyz = np.zeros((13, 3))
    xyz[INDEX["head"]] = 0.0, 0.0, 1.75
    for name, (x, z) in half.items():
        xyz[INDEX[name + "_left"]] = x, 0.0, z
        xyz[INDEX[name + "_right"]] = -x, 0.0, z
    return xyz


def front(distance=4.0):
    eye, target = np.array([0.0, -distance, 1.0]), np.array([0.0, 0.0, 1.0])
    return Pinhole(eye, target, 400.0, (200.0, 150.0))


def test_pinhole_projects_in_closed_form():
    """Seen along +y: u = cx + f x / depth, v = cy - f (z - height) / depth."""
    uv, depth = front().project([[0, 0, 1], [0.5, 0, 1], [0, 0, 1.5], [0.5, 4, 2]])
    np.testing.assert_allclose(uv, [[200, 150], [250, 150], [200, 100], [225, 100]], atol=1e-9)
    np.testing.assert_allclose(depth, [4, 4, 4, 8], atol=1e-12)


def test_pinhole_rotation_is_proper():
    eye = Pinhole.orbit(np.array([1.0, 2.0, 3.0]), 5.0, 0.7, 0.3, 100.0, (0.0, 0.0))
    np.testing.assert_allclose(eye.rotation @ eye.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(eye.rotation) == pytest.approx(1.0)
    assert np.linalg.norm(eye.eye - [1, 2, 3]) == pytest.approx(5.0)
    assert eye.eye[2] - 3 == pytest.approx(5 * np.sin(0.3))


def test_behind_the_eye_is_nan():
    uv, depth = front().project([[0, -4.0 + NEAR_M / 2, 1], [0, -9, 1]])
    assert np.isnan(uv).all() and (depth < NEAR_M).all()


def test_segments_are_cut_at_the_near_plane():
    a, b = front().project_segments(
        np.array([[1.0, 0, 1], [1.0, -9, 1]]), np.array([[1.0, -8.0, 1], [0.0, -5, 1]])
    )
    np.testing.assert_allclose(a[0], [200 + 400 / 4, 150])
    np.testing.assert_allclose(b[0], [200 + 400 / NEAR_M, 150])
    assert np.isnan(a[1]).all() and np.isnan(b[1]).all()


def test_limb_is_drawn_at_its_projected_place():
    image, eye, xyz = canvas.new_canvas(300, 400), front(), person()
    draw_skeleton(image, eye, xyz, np.ones(13))
    for side, strongest in (("left", canvas.LEFT), ("right", canvas.RIGHT)):
        middle = (xyz[INDEX[f"hip_{side}"]] + xyz[INDEX[f"knee_{side}"]]) / 2
        x, y = np.round(eye.project(middle)[0]).astype(int)
        pixel = image[y, x].astype(float) - canvas.BACKGROUND
        cosine = pixel @ strongest / np.linalg.norm(pixel) / np.linalg.norm(strongest)
        assert np.linalg.norm(pixel) > 100 and cosine > 0.97


def test_near_limb_hides_the_far_one():
    eye, xyz = front(), person()
    xyz[:, 1] += np.where(xyz[:, 0] > 0, 0.4, -0.4)  # left far, right near, same line of sight
    near_first = xyz[list(SWAP)].copy()
    for body, colour in ((xyz, canvas.RIGHT), (near_first, canvas.LEFT)):
        image = canvas.new_canvas(300, 400)
        right = body.copy()
        right[:, 0] = 0.0
        draw_skeleton(image, eye, right, np.ones(13))
        x, y = np.round(eye.project([0.0, 0.0, 0.76])[0]).astype(int)
        pixel = image[y, x].astype(float) - canvas.BACKGROUND
        cosine = pixel @ colour / np.linalg.norm(pixel) / np.linalg.norm(colour)
        assert cosine > 0.97


def test_missing_joints_draw_nothing():
    image, xyz = canvas.new_canvas(300, 400), person()
    draw_skeleton(image, front(), xyz, np.zeros(13))
    draw_skeleton(image, front(), np.full((13, 3), np.nan), np.ones(13))
    draw_skeleton(image, front(), xyz, np.full(13, np.nan))
    assert (image == canvas.BACKGROUND).all()
    lost = xyz.copy()
    lost[INDEX["hand_left"]] = np.nan
    draw_skeleton(image, front(), lost, np.ones(13))
    x, y = np.round(front().project(xyz[INDEX["hand_left"]])[0]).astype(int)
    assert (image[y, x] == canvas.BACKGROUND).all()


def test_scene_shows_floor_shadow_and_skeleton():
    empty = Scene3D(300, 400).draw(0.0, None)
    assert empty.shape == (400, 300, 3) and empty.dtype == np.uint8
    assert len(np.unique(empty.reshape(-1, 3), axis=0)) > 10  # a lit floor with a grid
    scene = Scene3D(300, 400)
    full = scene.draw(0.0, person(), np.ones(13))
    uv, _ = scene.eye(0.0).project([0.13, 0.0, 0.0])  # the floor between the feet's shadows
    x, y = np.round(uv).astype(int)
    assert full[y, x].sum() < 0.8 * empty[y, x].sum()


def test_scene_survives_missing_everything():
    nothing = np.full((13, 3), np.nan)
    scene = Scene3D(200, 200)
    for xyz, confidence in ((nothing, np.ones(13)), (person(), np.zeros(13)), (None, None)):
        assert scene.draw(1.0, xyz, confidence, nothing).shape == (200, 200, 3)


def test_eye_orbits_the_person():
    scene = Scene3D(200, 200)
    scene.draw(0.0, person() + (3.0, -2.0, 0.0))
    first, later = scene.eye(0.0), scene.eye(10.0)
    np.testing.assert_allclose(first.target[:2], (3.0, -2.0), atol=1e-9)
    angle = [np.arctan2(*(e.eye - e.target)[1::-1]) for e in (first, later)]
    assert 0.5 < angle[1] - angle[0] < 2.5


def test_frustum_starts_at_the_camera():
    """A camera at (0, 0, 1) that looks along +y, seen from far behind on its left."""
    projection = np.array([[100.0, 50, 0, 0], [0, 50, -100, 100], [0, 1, 0, 0]])
    camera = Camera("cam", 100, 100, projection, "cam", Crop(0, 0, 100, 100))
    eye = Pinhole(np.array([-3.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0]), 400.0, (200.0, 150.0))
    image = canvas.new_canvas(300, 400)
    draw_frustum(image, eye, camera)
    rows, columns = np.nonzero((image != canvas.BACKGROUND).any(2))
    assert 198 <= columns.max() <= 202  # from the side, +y is to the left
    assert 149 <= rows[columns == columns.max()].mean() <= 151
    assert rows.max() - 150 == pytest.approx(150 - rows.min(), abs=3)
