"""Events and the 2D skeleton: the right colour at the right place; missing draws nothing."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_pose_ros.events.types import empty_events
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.skeleton import INDEX, LIMBS
from hybrid_pose_ros.view import canvas
from hybrid_pose_ros.view.overlay import draw_overlay, event_image, limb_colours, scaled


def events_at(*xyp):
    events = empty_events(len(xyp))
    for field, values in zip("xyp", np.array(xyp, int).reshape(-1, 3).T, strict=True):
        events[field] = values
    return events


def keypoints(uv, confidence=1.0):
    return Keypoints(
        np.asarray(uv, np.float32),
        np.tile(np.float32([9, 0, 9]), (13, 1)),
        np.broadcast_to(np.float32(confidence), 13),
    )


def near(pixel, colour, tolerance=70):
    return np.abs(pixel.astype(int) - colour).max() <= tolerance


def spread():
    """Joints so far apart that no limb runs over another joint's middle."""
    return np.column_stack([20 + 23 * np.arange(13), 20 + (np.arange(13) * 67) % 220])


def test_events_have_their_colour_at_their_place():
    image = event_image(events_at((3, 7, 1), (9, 2, 0)), 16, 12)
    assert image.shape == (12, 16, 3) and image.dtype == np.uint8
    drawn = (image != canvas.BACKGROUND).any(2)
    assert np.argwhere(drawn).tolist() == [[2, 9], [7, 3]]
    on, off = image[7, 3].astype(int), image[2, 9].astype(int)
    assert on[2] > off[2] and off[0] > off[2]  # ON is white, OFF is blue
    many = event_image(events_at(*[(3, 7, 1)] * 40), 16, 12)
    assert near(many[7, 3], canvas.ON, 5)


def test_events_outside_the_sensor_are_left_out():
    image = event_image(events_at((16, 0, 1), (0, 12, 0), (65535, 65535, 1)), 16, 12)
    assert (image == canvas.BACKGROUND).all()


def test_no_event_is_dark_ground():
    assert (draw_overlay(empty_events(), 8, 6) == canvas.BACKGROUND).all()


def test_arguments_are_not_written_to():
    events, pose = events_at((3, 7, 1)), keypoints(spread())
    before = events.copy(), pose.uv.copy()
    draw_overlay(events, 346, 260, pose, 2, spread())
    assert (events == before[0]).all() and (pose.uv == before[1]).all()


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_an_event_becomes_a_square_of_the_scale(scale):
    image = draw_overlay(events_at((3, 7, 1)), 16, 12, scale=scale)
    rows, columns = np.nonzero((image != canvas.BACKGROUND).any(2))
    assert image.shape == (12 * scale, 16 * scale, 3)
    assert (rows.min(), rows.max()) == (7 * scale, 8 * scale - 1)
    assert (columns.min(), columns.max()) == (3 * scale, 4 * scale - 1)


@pytest.mark.parametrize("scale", [1, 2])
def test_limbs_and_joints_are_where_the_keypoints_say(scale):
    uv = spread()
    image = draw_overlay(empty_events(), 346, 260, keypoints(uv), scale)
    for joint, colour in (("hand_left", canvas.LEFT), ("foot_right", canvas.RIGHT)):
        x, y = np.round(scaled(uv[INDEX[joint]], scale)).astype(int)
        assert near(image[y, x], colour)
    a, b = INDEX["knee_left"], INDEX["foot_left"]
    x, y = np.round(scaled(uv[a] * 0.4 + uv[b] * 0.6, scale)).astype(int)
    assert near(image[y, x], canvas.LEFT)


def test_left_and_right_differ_and_the_middle_changes_colour():
    assert limb_colours(INDEX["hip_right"], INDEX["hip_left"]) == (canvas.RIGHT, canvas.LEFT)
    assert limb_colours(INDEX["head"], INDEX["shoulder_left"]) == (canvas.LEFT, canvas.LEFT)


@pytest.mark.parametrize("missing", ["confidence", "nan", "one nan"])
def test_missing_joints_and_their_limbs_draw_nothing(missing):
    uv, confidence = spread().astype(float), np.ones(13)
    if missing == "confidence":
        confidence[:] = 0
    elif missing == "nan":
        uv[:] = np.nan
    image = draw_overlay(empty_events(), 346, 260, keypoints(uv, confidence))
    if missing != "one nan":
        assert (image == canvas.BACKGROUND).all()
        return
    hand, elbow = INDEX["hand_left"], INDEX["elbow_left"]
    place = np.round((uv[hand] + uv[elbow]) / 2).astype(int)
    assert near(image[place[1], place[0]], canvas.LEFT)
    uv[hand] = np.nan, 5.0
    image = draw_overlay(empty_events(), 346, 260, keypoints(uv), ellipses=True)
    assert not near(image[place[1], place[0]], canvas.LEFT)


def test_all_nan_everywhere_does_not_crash():
    lost = np.full((13, 2), np.nan)
    pose = Keypoints(lost, np.full((13, 3), np.nan), np.full(13, np.nan))
    image = draw_overlay(empty_events(), 346, 260, pose, 2, lost, ellipses=True)
    assert (image == canvas.BACKGROUND).all()
    wild = keypoints(np.full((13, 2), 1e30))
    assert (draw_overlay(empty_events(), 346, 260, wild) == canvas.BACKGROUND).all()


def test_confidence_is_opacity():
    a, b = LIMBS[-1]
    uv = np.full((13, 2), np.nan)
    uv[[a, b]] = (30, 40), (100, 90)
    x, y = np.round((uv[a] + uv[b]) / 2).astype(int)

    def strength(confidence):
        image = draw_overlay(empty_events(), 346, 260, keypoints(uv, confidence))
        return int(image[y, x, 2])

    levels = [strength(confidence) for confidence in (0.0, 0.1, 0.4, 1.0)]
    assert levels == sorted(levels) and (np.diff(levels) > 20).all()


def test_ellipse_holds_95_percent():
    """On the axes of an ellipse with standard deviations 20 and 5 px: 2.4477 of them away."""
    uv = np.full((13, 2), np.nan, np.float32)
    uv[0] = 150, 100
    pose = Keypoints(uv, np.tile(np.float32([400, 0, 25]), (13, 1)), np.ones(13, np.float32))
    image = draw_overlay(empty_events(), 346, 260, pose, ellipses=True)
    assert near(image[100, 150 + 49], canvas.TEXT, 110)
    assert near(image[100 - 12, 150], canvas.TEXT, 110)
    assert (image[100, 150 + 40] == canvas.BACKGROUND).all()


def test_truth_is_drawn_below_the_estimate():
    uv = spread()
    alone = draw_overlay(empty_events(), 346, 260, truth_uv=uv)
    both = draw_overlay(empty_events(), 346, 260, keypoints(uv), truth_uv=uv)
    x, y = uv[INDEX["hand_left"]]
    assert near(alone[y, x], canvas.TRUTH) and near(both[y, x], canvas.LEFT)
