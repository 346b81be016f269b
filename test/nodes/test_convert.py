"""Records to messages and back, through the real serialisation."""

from __future__ import annotations

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message

from hybrid_pose_ros.msg import Pose2D, PoseUpdate2D
from hybrid_pose_ros.nodes import convert
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.runtime.records import Keyframe, Update
from hybrid_pose_ros.runtime.state_transport import StateReceiver, StateSender

RNG = np.random.default_rng(11)
STAMP = 1_700_000_000_987_654_321


def keypoints():
    return Keypoints(
        RNG.uniform(0, 346, (13, 2)).astype(np.float32),
        RNG.normal(size=(13, 3)).astype(np.float32),
        RNG.uniform(size=13).astype(np.float32),
    )


def sent(msg):
    return deserialize_message(serialize_message(msg), type(msg))


def assert_same(a, b):
    np.testing.assert_array_equal(a.uv, b.uv)
    np.testing.assert_array_equal(a.covariance, b.covariance)
    np.testing.assert_array_equal(a.confidence, b.confidence)


def test_keyframe_comes_back():
    keyframe = Keyframe("cam2", 7, 700_000_000, keypoints(), bytes(range(256)), "c0ffee00")
    carried = StateSender("inline").send("cam2", keyframe.state)
    msg = sent(convert.keyframe_to_msg(keyframe, STAMP, "cam2_optical_frame", *carried))
    states = StateReceiver().receive("cam2", msg.state_transport, bytes(msg.state))
    back = convert.keyframe_from_msg(msg, "cam2", states)
    assert (back.camera, back.number, back.t_ns) == ("cam2", 7, 700_000_000)
    assert (back.state, back.model_id) == (keyframe.state, "c0ffee00")
    assert_same(back.keypoints, keyframe.keypoints)
    assert convert.stamp_to_ns(msg.header.stamp) == STAMP
    assert msg.header.frame_id == "cam2_optical_frame"
    assert isinstance(msg, Pose2D)


def test_update_is_relative_to_its_keyframe():
    pose, keyframe_uv = keypoints(), RNG.uniform(0, 346, (13, 2)).astype(np.float32)
    update = Update("cam2", 7, 3, 730_000_000, keyframe_uv, pose, 0.0625, 4321)
    msg = sent(convert.update_to_msg(update, STAMP, "f"))
    assert isinstance(msg, PoseUpdate2D)
    assert (msg.keyframe, msg.step, msg.sensor_time) == (7, 3, 730_000_000)
    assert (msg.spike_rate, msg.synaptic_operations) == (0.0625, 4321)
    relative = convert.relative_pose(msg)
    assert (relative.keyframe, relative.t_ns) == (7, STAMP)
    np.testing.assert_allclose(keyframe_uv + relative.delta_uv, pose.uv, atol=1e-4)
    np.testing.assert_array_equal(relative.covariance, pose.covariance)
    np.testing.assert_array_equal(relative.confidence, pose.confidence)
