"""Keyframes on demand through all processes: the SNN node asks, the CNN node rests in between."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.eval.live_run import POSES, play_through_graph
from hybrid_pose_ros.eval.results import read_results
from hybrid_pose_ros.runtime.graph import GraphOptions

CAMERAS = ("cam2", "cam3")
INTERVAL_MS = 400
# The pose of a network that has learnt nothing says nothing about drift: only age counts. Answers
# may take long on a busy machine.
POLICY = {
    "timing.policy.drift_px": 1e9,
    "timing.policy.max_interval_ms": INTERVAL_MS,
    "timing.policy.patience_ms": 5000,
}


@pytest.fixture(scope="module")
def poses(recording, weights, tmp_path_factory):
    options = GraphOptions(
        cameras=CAMERAS,
        weights=str(weights),
        device="cpu",
        keyframes="on_demand",
        parameters={
            "cnn_node": POLICY,
            "snn_node": POLICY,
            # Slowly, for busy machines; and until the last diagnostics are out.
            "replay_node": {"rate": 0.5, "end_delay_s": 1.5},
        },
    )
    folder = tmp_path_factory.mktemp("on_demand")
    play_through_graph(recording, options, folder)
    return folder / POSES


@pytest.mark.parametrize("camera", CAMERAS)
def test_keyframes_come_when_they_are_asked_for_and_updates_all_the_time(poses, camera):
    with open_recording(poses) as bag:
        keyframes = [message for _, message in bag.messages(f"/{camera}/keyframe")]
    times_ms = np.array([message.sensor_time for message in keyframes]) // 1_000_000
    assert [message.keyframe for message in keyframes] == [*times_ms // 10]
    # At the fixed rate there are 19; on demand it is left when the first request comes.
    assert 2 <= len(times_ms) <= 12
    assert np.diff(times_ms)[-1] >= INTERVAL_MS
    updates = read_results(poses, CAMERAS).updates[camera]
    assert len(updates) > 100
    used = set(updates.keyframe)
    assert used <= {message.keyframe for message in keyframes} and len(used) >= 2


def test_requests_are_counted_in_both_nodes(poses):
    counted = {}
    with open_recording(poses) as bag:
        for _, message in bag.messages("/diagnostics"):
            for status in message.status:
                if match := re.match(r"(\w+): camera (\w+)", status.name):
                    counted[match.groups()] = {pair.key: pair.value for pair in status.values}
    for camera in CAMERAS:
        asked, heard = (int(counted[n, camera]["requests"]) for n in ("snn_node", "cnn_node"))
        assert 3 <= heard <= asked <= 8
