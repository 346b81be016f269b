"""A recorder's bag read back: absolute poses from keyframes and updates."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_pose_ros.data.bag_writer import BagWriter
from hybrid_pose_ros.data.typestore import SKELETON_3D, header
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.eval.results import read_results

START = 1_700_000_000_000_000_000
KEYFRAME, UPDATE = "hybrid_pose_ros/msg/Pose2D", "hybrid_pose_ros/msg/PoseUpdate2D"
RNG = np.random.default_rng(7)


def thirteen():
    return RNG.normal(size=13).astype(np.float32)


def uncertainty():
    names = ("confidence", "covariance_uu", "covariance_uv", "covariance_vv")
    return {name: thirteen() for name in names}


def keyframe(number, u, v):
    return {
        "header": header(START, "f"), "keyframe": number, "sensor_time": 0, "u": u, "v": v,
        **uncertainty(), "model": "m", "state_transport": "none", "state": np.zeros(0, np.uint8),
    }  # fmt: skip


def update(number, step, du, dv, stamp_ns):
    return {
        "header": header(stamp_ns, "f"), "keyframe": number, "step": step,
        "sensor_time": step * 10_000_000, "du": du, "dv": dv, **uncertainty(),
        "spike_rate": 0.25, "synaptic_operations": 1000 * step,
    }  # fmt: skip


def skeleton(stamp_ns, position):
    return {
        "header": header(stamp_ns, "world"), "position": position,
        "velocity": np.zeros(39, np.float32), "covariance": np.zeros(117, np.float32),
        "confidence": np.ones(13, np.float32), "views": np.full(13, 2, np.uint8),
        "reprojection_error": np.zeros(13, np.float32),
    }  # fmt: skip


@pytest.fixture
def bag(tmp_path):
    def make(keyframes, updates, skeletons):
        with BagWriter(tmp_path / "bag") as out:
            out.add_topic("/cam2/keyframe", KEYFRAME)
            out.add_topic("/cam2/update", UPDATE)
            out.add_topic("/skeleton", SKELETON_3D)
            for at, (topic, messages) in enumerate(
                (("/cam2/keyframe", keyframes), ("/cam2/update", updates), ("/skeleton", skeletons))
            ):
                for index, message in enumerate(messages):
                    out.write(topic, message, START + 1000 * at + index)
        return tmp_path / "bag"

    return make


def test_pose_is_keyframe_plus_delta(bag):
    u, v, du, dv = (thirteen() for _ in range(4))
    path = bag([keyframe(3, u, v)], [update(3, 2, du, dv, START + 5)], [])
    updates = read_results(path, ["cam2"]).updates["cam2"]
    np.testing.assert_allclose(updates.uv[0], np.stack([u + du, v + dv], 1), rtol=1e-6)
    assert updates.uv.shape == (1, 13, 2)
    assert (updates.keyframe[0], updates.step[0], updates.keyframes) == (3, 2, 1)
    assert (updates.sensor_ns[0], updates.stamp_ns[0]) == (20_000_000, START + 5)
    assert (updates.spike_rate[0], updates.synaptic_operations[0]) == (0.25, 2000)


def test_update_without_its_keyframe_is_left_out(bag):
    path = bag(
        [keyframe(3, thirteen(), thirteen())],
        [update(2, 9, thirteen(), thirteen(), START), update(3, 1, thirteen(), thirteen(), START)],
        [],
    )
    assert list(read_results(path, ["cam2"]).updates["cam2"].keyframe) == [3]


def test_skeletons_keep_stamp_and_reception(bag):
    position = np.arange(39, dtype=np.float32)
    skeletons = read_results(bag([], [], [skeleton(START + 77, position)]), ["cam2"]).skeletons
    assert (skeletons.stamp_ns[0], skeletons.received_ns[0]) == (START + 77, START + 2000)
    np.testing.assert_array_equal(skeletons.xyz[0], position.reshape(13, 3))


def test_nothing_published_is_no_error(bag):
    results = read_results(bag([], [], []), ["cam2"])
    assert len(results.skeletons) == 0
    assert results.updates["cam2"].uv.shape == (0, 13, 2)
    assert results.skeletons.xyz.shape == (0, 13, 3)


def test_missing_topic_is_named(bag):
    with pytest.raises(RecordingError, match="/cam9/keyframe"):
        read_results(bag([], [], []), ["cam9"])
