import numpy as np
import pytest

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.simulator.body import PART_SIZE, PLAIN, body_of
from hybrid_pose_ros.simulator.bones import bones_of
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.motion import make_motion
from hybrid_pose_ros.simulator.movements.catalogue import find_movement
from hybrid_pose_ros.simulator.raycast import FAR, SEEN_SIZE, cast
from hybrid_pose_ros.simulator.render import Renderer
from hybrid_pose_ros.simulator.scene import Optics
from hybrid_pose_ros.simulator.subjects import find_subject

WIDTH, HEIGHT, FOCAL = 160, 120, 200.0
BACKGROUND = np.full((HEIGHT, WIDTH), 0.25, np.float32)


def camera_ahead(width: int = WIDTH, height: int = HEIGHT, focal: float = FOCAL) -> Camera:
    """Looks along world +y from 3 m in front of the subject, 1 m above the floor."""
    axes = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    inside = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    pose = np.column_stack([axes, -axes @ np.array([0.0, -3.0, 1.0])])
    return Camera("front", width, height, inside @ pose, "front", Crop(0, 0, 16, 16))


def capsule(start, end, r0: float, r1: float) -> np.ndarray:
    """One part without squeeze."""
    start, end = np.array(start, float), np.array(end, float)
    length = np.linalg.norm(end - start)
    z = (end - start) / length if length else np.array([0.0, 0.0, 1.0])
    x = np.cross(z, [0.3, 1.0, 0.2])
    x /= np.linalg.norm(x)
    return np.concatenate([x, np.cross(z, x), z, start, [length, r0, r1, 1.0]])


def seen(parts: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Depth (FAR where nothing is) and part number of every pixel."""
    optics = Optics.of(camera)
    shape = (camera.height, camera.width)
    depth, index = np.full(shape, FAR, np.float32), np.zeros(shape, np.int16)
    rows = np.tile(np.array([shape[1], 0], np.int32), (shape[0], 1))
    scratch = np.empty((len(parts), SEEN_SIZE))
    cast(parts, optics.view, optics.rays, optics.centre, scratch, depth, index, rows)
    return depth, index


def marched(start, end, r0: float, r1: float, camera: Camera) -> np.ndarray:
    """Depth by walking along every ray with the distance to many spheres on the axis."""
    share = np.linspace(0.0, 1.0, 401)
    centres = np.outer(1 - share, start) + np.outer(share, end)
    radii = (1 - share) * r0 + share * r1
    v, u = np.mgrid[: camera.height, : camera.width]
    rays = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(camera.projection[:, :3]).T
    square = np.sum(rays**2, -1)[..., None]
    away = camera.center - centres
    along = rays @ away.T
    root = along**2 - square * (np.sum(away**2, -1) - radii**2)
    t = np.where(root > 0, (-along - np.sqrt(np.maximum(root, 0))) / square, np.inf)
    return t.min(axis=-1)


@pytest.mark.parametrize(
    ("start", "end", "r0", "r1"),
    [
        ((0.11, 0.0, 0.8), (0.11, 0.0, 1.2), 0.1, 0.1),
        ((-0.2, 0.1, 0.9), (0.3, -0.4, 1.1), 0.15, 0.06),
        ((0.0, -0.5, 1.0), (0.0, 0.5, 1.05), 0.05, 0.12),  # along the line of sight
        ((0.0, 0.0, 1.0), (0.02, 0.0, 1.0), 0.2, 0.05),  # one end inside the other
    ],
)
def test_depth_of_a_tapered_capsule(start, end, r0, r1):
    camera = camera_ahead()
    depth, _ = seen(capsule(start, end, r0, r1)[None], camera)
    expected = marched(np.array(start), np.array(end), r0, r1, camera)
    hit, wanted = depth < FAR, np.isfinite(expected)
    assert wanted.sum() > 100
    assert (hit != wanted).sum() <= 2  # rays that just touch
    both = hit & wanted
    np.testing.assert_allclose(depth[both], expected[both], atol=2e-3)


def test_the_nearer_part_hides_the_farther():
    parts = np.stack(
        [capsule((0, 0.5, 1), (0, 0.5, 1), 0.3, 0.3), capsule((0, -0.5, 1), (0, -0.5, 1), 0.1, 0.1)]
    )
    depth, index = seen(parts, camera_ahead())
    assert index[60, 80] == 1
    assert depth[60, 80] == pytest.approx(2.4, abs=1e-3)
    assert index[60, 80 + 20] == 0


def test_parts_behind_or_beside_the_camera_are_left_out():
    parts = np.stack(
        [capsule((0, -4, 1), (0, -5, 1), 0.3, 0.3), capsule((9, 0, 1), (9, 0, 2), 0.3, 0.3)]
    )
    depth, _ = seen(parts, camera_ahead())
    assert (depth == FAR).all()


def test_what_the_body_leaves_is_background_again():
    person = find_subject(1)
    renderer = Renderer(Optics.of(camera_ahead()), person, BACKGROUND)
    material = np.array([[PLAIN, 0.5, 0.0, 0.0, 0.0, 0.0]])
    renderer.draw(capsule((0, 0, 1), (0, 0, 1), 0.1, 0.1)[None], material)
    first = renderer.image.copy()
    assert (first != 0.25).sum() > 100
    renderer.draw(capsule((0.5, 0, 1), (0.5, 0, 1), 0.1, 0.1)[None], material)
    moved = (renderer.image != first).nonzero()
    assert (renderer.image[:, :90] == 0.25).all()
    # `changed` tells all columns that differ from the last picture.
    for v, u in zip(*moved, strict=True):
        assert renderer.changed[v, 0] <= u < renderer.changed[v, 1]
    assert renderer.changed[0, 0] >= renderer.changed[0, 1]


def test_light_comes_from_above():
    person = find_subject(1)
    renderer = Renderer(Optics.of(camera_ahead()), person, BACKGROUND)
    material = np.array([[PLAIN, 0.5, 0.0, 0.0, 0.0, 0.0]])
    renderer.draw(capsule((0, 0, 1), (0, 0, 1), 0.3, 0.3)[None], material)
    assert renderer.image[45, 80] > 1.2 * renderer.image[75, 80] > 0


@pytest.mark.parametrize(("width", "height", "focal"), [(160, 120, 140.0), (640, 480, 560.0)])
def test_markers_lie_on_the_body_for_any_camera(width, height, focal):
    camera, who = camera_ahead(width, height, focal), find_subject(5)
    bones = bones_of(make_motion([find_movement("stand")], 5, 0, 1.0)(np.array([0.3])), who)
    body = body_of(bones, who)
    assert body.parts.shape[2] == PART_SIZE
    depth, _ = seen(body.parts[0], camera)
    covered = depth < FAR
    rows = np.flatnonzero(covered.any(axis=1))
    pixel_m = 3.0 / focal
    assert len(rows) * pixel_m == pytest.approx(who.height, abs=0.15)
    assert np.diff(rows).max() == 1  # no gap between head and feet
    v, u = np.nonzero(covered)
    for mark in camera.project(markers_of(bones)[0]):
        assert np.hypot(u - mark[0], v - mark[1]).min() * pixel_m < 0.06
