"""overlay_node: pictures, only while somebody looks."""

from __future__ import annotations

import numpy as np
import pytest
from event_camera_msgs.msg import EventPacket
from sensor_msgs.msg import Image

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.msg import Pose2D, PoseUpdate2D
from hybrid_pose_ros.nodes import qos
from hybrid_pose_ros.nodes.images import to_image_msg
from hybrid_pose_ros.nodes.overlay_node import OverlayNode


def events_subscribers(bench):
    return bench.probe.count_subscribers("cam2/events")


def test_events_are_taken_only_while_somebody_looks(bench, packets):
    bench.start(OverlayNode, cameras=["cam2"])
    events = bench.probe.create_publisher(EventPacket, "cam2/events", qos.EVENTS)
    looking = bench.listen(Image, "cam2/overlay", qos.IMAGES)
    bench.spin_until(lambda: events.get_subscription_count() == 1)
    for raw in packets("cam2", 10):
        events.publish(raw)
    bench.spin_until(lambda: bench.received["cam2/overlay"])
    bench.probe.destroy_subscription(looking)
    bench.spin_until(lambda: events.get_subscription_count() == 0)
    assert events_subscribers(bench) == 0


def test_picture_shows_the_skeleton(bench, packets):
    bench.start(OverlayNode, cameras=["cam2"], window_ms=30.0)
    bench.listen(Image, "cam2/overlay", qos.IMAGES)
    events = bench.publisher(EventPacket, "cam2/events", qos.EVENTS)
    keyframes = bench.publisher(Pose2D, "cam2/keyframe", qos.POSES)
    updates = bench.publisher(PoseUpdate2D, "cam2/update", qos.POSES)
    for raw in packets("cam2", 10):
        events.publish(raw)
    pictures = bench.received["cam2/overlay"]
    bench.spin_until(lambda: pictures)
    first = pictures[-1]
    assert (first.width, first.height, first.encoding, first.step) == (346, 260, "bgr8", 3 * 346)
    assert first.header.frame_id == "cam2_optical_frame"
    # The newest event's time: the packets' stamps are 1.7e9 s plus sensor time.
    assert (first.header.stamp.sec, first.header.stamp.nanosec) == (1_700_000_000, 50_000_000)
    # A skeleton along a line through the picture's middle.
    line = np.linspace(100, 240, 13, dtype=np.float32)
    sure = {"confidence": np.ones(13, np.float32)}
    keyframes.publish(Pose2D(keyframe=1, u=line, v=np.full(13, 100, np.float32), **sure))
    updates.publish(PoseUpdate2D(keyframe=1, step=1, dv=np.full(13, 30, np.float32), **sure))

    def row(picture, v):
        image = np.asarray(picture.data, np.uint8).reshape(260, 346, 3)
        return image[v, 100:240].astype(int)

    def changed(v):
        difference = np.abs(row(pictures[-1], v) - row(first, v)).max(axis=1)
        return (difference > 40).mean()

    bench.spin_until(lambda: changed(130) > 0.8)
    assert changed(60) < 0.2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rate_hz": 0.0}, "rate_hz must be in 0.1..200, got 0.0"),
        ({"window_ms": 5000.0}, "window_ms must be in 1..1000, got 5000.0"),
    ],
)
def test_bad_parameters_are_named(bench, given, message):
    with pytest.raises(ConfigError, match=message):
        bench.start(OverlayNode, **given)


def test_picture_survives_as_a_message():
    from std_msgs.msg import Header

    image = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    msg = to_image_msg(image, Header(frame_id="f"))
    assert (msg.height, msg.width, msg.encoding, msg.step) == (4, 5, "bgr8", 15)
    np.testing.assert_array_equal(np.asarray(msg.data, np.uint8).reshape(4, 5, 3), image)
