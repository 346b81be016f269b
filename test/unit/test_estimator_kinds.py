"""The streaming estimator with each kind of network: same calls, same timing."""

import numpy as np
import pytest
import torch

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.types import EVENT_DTYPE, DecodedPacket
from hybrid_pose_ros.models.presets import KINDS, build
from hybrid_pose_ros.runtime.estimator import Estimator

MS = 1_000_000
CROPS = {"cam": Crop(0, 0, 64, 64)}
SETTINGS = {
    "lite": {"input_size": 32, "cnn_widths": (4, 4, 8, 8), "snn_widths": (8, 8, 8)},
    "paper": {"input_size": 32},
}


NETWORKS = [*(f"lite/{kind}" for kind in KINDS), "paper/hybrid_cnn_snn"]


@pytest.fixture(scope="module", params=NETWORKS)
def model(request):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return build(request.param, SETTINGS[request.param.split("/")[0]]).eval()


def events(milliseconds):
    rng = np.random.default_rng(0)
    made = np.zeros(20 * milliseconds, EVENT_DTYPE)
    made["t"] = np.sort(rng.integers(0, milliseconds * MS, made.size))
    made["x"], made["y"] = rng.integers(0, 64, (2, made.size))
    made["p"] = rng.integers(0, 2, made.size)
    return made


def run(model, packet_ms, end_ms=250):
    estimator, every = Estimator(model, CROPS, keyframe_engine="torch"), events(end_ms)
    keyframes, updates = [], []
    for end in range(packet_ms, end_ms + packet_ms, packet_ms):
        low, high = np.searchsorted(every["t"], [(end - packet_ms) * MS, end * MS])
        packet = DecodedPacket(every[low:high], min(end, end_ms) * MS)
        more_keyframes, more_updates = estimator.add_packet("cam", packet)
        keyframes += more_keyframes
        updates += more_updates
    return keyframes, updates


def test_keyframes_every_100_ms_and_updates_every_10_ms_from_the_first_on(model):
    keyframes, updates = run(model, 5)
    assert [(k.number, k.t_ns) for k in keyframes] == [(1, 100 * MS), (2, 200 * MS)]
    assert [u.t_ns for u in updates] == list(range(110 * MS, 251 * MS, 10 * MS))
    assert [u.keyframe for u in updates] == [1] * 10 + [2] * 5
    assert [u.step for u in updates] == [*range(1, 11), *range(1, 6)]
    for update in updates:
        assert np.isfinite(update.keypoints.uv).all()
        assert np.array_equal(update.keyframe_uv, keyframes[update.keyframe - 1].keypoints.uv)
        assert 0 <= update.spike_rate <= 1


def test_packets_of_any_length_give_the_same_poses(model):
    expected, got = run(model, 10), run(model, 7)
    for part, other in zip(expected, got, strict=True):
        assert len(part) == len(other) > 0
        for one, two in zip(part, other, strict=True):
            assert np.array_equal(one.keypoints.uv, two.keypoints.uv)


def test_what_a_step_does_depends_on_the_kind(model):
    keyframes, updates = run(model, 10)
    if model.kind == "cnn":  # alone it holds its pose until the next keyframe
        poses = [u.keypoints.uv for u in updates if u.keyframe == 1]
        assert all(np.array_equal(pose, poses[0]) for pose in poses)
    assert all(bool(k.state) == model.has_keyframe for k in keyframes)
    spiking = model.kind.endswith("snn")
    assert any(u.synaptic_operations > 0 for u in updates) == spiking
