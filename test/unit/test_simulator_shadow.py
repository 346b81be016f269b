"""Soft shadows of the shoes on the floor."""

import numpy as np
import pytest

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.simulator.body import PLAIN, SHOE
from hybrid_pose_ros.simulator.render import Renderer
from hybrid_pose_ros.simulator.scene import Optics
from hybrid_pose_ros.simulator.subjects import find_subject

BACKGROUND = np.full((200, 200), 0.25, np.float32)
PX = 100.0  # per metre of floor


def from_above(x: float = 0.0) -> Camera:
    """Looks straight down on the floor from 2 m, x metres beside the middle of the picture."""
    axes = np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, -1.0]])
    inside = np.array([[2 * PX, 0, 100.0], [0, 2 * PX, 100.0], [0, 0, 1.0]])
    pose = np.column_stack([axes, -axes @ np.array([-x, 0.0, 2.0])])
    return Camera("above", 200, 200, inside @ pose, "front", Crop(0, 0, 16, 16))


def drawn(clear_m: float, kind: int = SHOE, x: float = 0.0) -> tuple[np.ndarray, Renderer]:
    """The floor around a ball of 1 mm whose underside is `clear_m` above it."""
    renderer = Renderer(Optics.of(from_above(x)), find_subject(1), BACKGROUND)
    part = np.concatenate(
        [np.eye(3).ravel(), [0.0, 0.0, clear_m + 0.001], [0.0, 0.001, 0.001, 1.0]]
    )
    renderer.draw(part[None], np.array([[kind, 0.25, 0.0, 0.0, 0.0, 0.0]]))
    return renderer.image, renderer


def hidden(away: np.ndarray, clear_m: float) -> np.ndarray:
    """Form factor of 0.025 m^2 at 0.1 m above a standing foot's sole, 0 from 0.2 m on."""
    square = (clear_m + 0.1) ** 2

    def share(r):
        return 0.025 * square / (np.pi * (square + r**2) ** 2)

    return np.where(away < 0.2, share(away) - share(0.2), 0.0)


@pytest.mark.parametrize("clear_m", [0.0, 0.05, 0.3])
def test_a_shoe_hides_its_form_factor_of_the_light(clear_m):
    image, _ = drawn(clear_m)
    away = np.abs(np.arange(200) - 100.0) / PX
    expected = 0.25 * (1.0 - hidden(away, clear_m))
    beside = away > 0.02  # the ball itself covers the middle
    np.testing.assert_allclose(image[100][beside], expected[beside], rtol=1e-5)
    if clear_m == 0.0:
        assert 0.25 < 1.0 - image[100, 104] / 0.25 < 0.75  # 4 cm beside its middle
        assert image.min() > 0.0


def test_nothing_but_shoes_casts_a_shadow():
    image, _ = drawn(0.0, PLAIN)
    assert (image != 0.25).sum() < 20


def test_a_shadow_goes_with_its_shoe_and_leaves_the_floor_as_it_was():
    _, renderer = drawn(0.0)
    part = np.concatenate([np.eye(3).ravel(), [0.6, 0.0, 0.001], [0.0, 0.001, 0.001, 1.0]])
    renderer.draw(part[None], np.array([[SHOE, 0.25, 0.0, 0.0, 0.0, 0.0]]))
    np.testing.assert_array_equal(renderer.image[:, :130], BACKGROUND[:, :130])
    assert renderer.image[100, 163] < 0.22
    first, last = renderer.changed[100]
    assert first <= 82 and last >= 178  # the place of the old one and that of the new one
    # A shadow at the edge of the picture and one beyond it.
    for x in (1.0, 1.1, 3.0):
        image, _ = drawn(0.0, x=x)
        assert np.isfinite(image).all()
        assert (image < 0.249).any() == (x < 1.2)
