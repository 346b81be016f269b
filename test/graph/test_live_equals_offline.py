"""The live graph publishes exactly what offline inference computes from the same keyframes."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.eval.latency import read_published
from hybrid_pose_ros.eval.live_run import POSES, PUBLISHED, play_through_graph
from hybrid_pose_ros.eval.results import read_results
from hybrid_pose_ros.eval.source import read_source
from hybrid_pose_ros.models.checkpoint import load_checkpoint
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.graph import GraphOptions
from hybrid_pose_ros.runtime.offline import infer_recording
from hybrid_pose_ros.runtime.update_stage import UpdateStage

TOLERANCE_PX = 1e-4
DELAY_MS = 70


@pytest.fixture(scope="module")
def sent(live_folder):
    """(camera, number) of the keyframes that the live CNN had time for: the others are left out
    offline too, since a keyframe is joined with what the one before has led to."""
    with open_recording(live_folder / POSES) as bag:
        topics = {f"/{camera}/keyframe": camera for camera in ("cam2", "cam3")}
        return {(c, m.keyframe) for topic, c in topics.items() for _, m in bag.messages(topic)}


@pytest.fixture(scope="module")
def offline(recording, rig, weights, sent):
    """(camera, keyframe, step) -> Update, by offline inference on the recording as it was cut.

    With a delay of d bins a keyframe is used for the steps d + 1 .. d + 10, so that a few delays
    together know every step.
    """
    import torch

    torch.set_num_threads(1)
    known = {}
    take = UpdateStage.add_keyframe

    def take_sent(stage, camera, keyframe, delay_bins=0):
        if (camera, keyframe.number) in sent:
            take(stage, camera, keyframe, delay_bins)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UpdateStage, "add_keyframe", take_sent)
        for delay_bins in range(0, EstimatorConfig().max_delay_bins, 10):
            model = load_checkpoint(weights)
            poses = infer_recording(recording, model, rig, delay_bins=delay_bins)
            for camera, found in poses.items():
                known |= {(camera, u.keyframe, u.step): u for u in found.updates}
    return known


@pytest.fixture(scope="module")
def ragged(make_recording):
    """The same events in packets that end at random times, others for each camera."""

    def cuts(camera):
        rng = np.random.default_rng(sum(map(ord, camera)))
        ends = np.cumsum(rng.integers(1, 17_000, 1000)) * 1000
        return np.append(ends[ends < 2_000_000_000], 2_000_000_000)

    return make_recording("ragged", cuts)


@pytest.fixture(scope="module")
def live_folder(ragged, weights, tmp_path_factory):
    """What the live graph left, with the CNN slowed down."""
    options = GraphOptions(
        cameras=("cam2", "cam3"),
        weights=str(weights),
        device="cpu",
        parameters={"cnn_node": {"extra_delay_ms": DELAY_MS}},
    )
    folder = tmp_path_factory.mktemp("live")
    play_through_graph(ragged, options, folder)
    return folder


@pytest.fixture(scope="module")
def live(live_folder):
    """The live graph's updates by camera."""
    return read_results(live_folder / POSES, ("cam2", "cam3")).updates


@pytest.mark.parametrize("camera", ["cam2", "cam3"])
def test_every_update_is_the_offline_one(live, offline, camera):
    updates = live[camera]
    assert len(updates) > 50
    for row in range(len(updates)):
        expected = offline[camera, int(updates.keyframe[row]), int(updates.step[row])]
        assert expected.t_ns == updates.sensor_ns[row]
        np.testing.assert_allclose(updates.uv[row], expected.keypoints.uv, atol=TOLERANCE_PX)
        np.testing.assert_allclose(
            updates.covariance[row], expected.keypoints.covariance, rtol=1e-4, atol=1e-4
        )
        np.testing.assert_allclose(
            updates.confidence[row], expected.keypoints.confidence, atol=1e-5
        )
        assert updates.synaptic_operations[row] == expected.synaptic_operations


@pytest.mark.parametrize("camera", ["cam2", "cam3"])
def test_the_delay_was_really_there(live_folder, ragged, rig, camera):
    """No keyframe came earlier than 70 ms after the packet that completed its events."""
    published = read_published(live_folder / PUBLISHED).published_ns[f"/{camera}/events"]
    ends_ns = read_source(ragged, rig)[camera].packet_end_ns
    with open_recording(live_folder / POSES) as bag:
        received = [(t_ns, m.sensor_time) for t_ns, m in bag.messages(f"/{camera}/keyframe")]
    assert len(received) > 10
    for t_ns, sensor_ns in received:
        completed_ns = published[np.searchsorted(ends_ns, sensor_ns)]
        assert t_ns - completed_ns >= DELAY_MS * 1_000_000
