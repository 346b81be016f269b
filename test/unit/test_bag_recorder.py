"""The recorder's bag: complete after close, absent before and after a failure."""

from __future__ import annotations

import pytest

from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.data.cdr import build_event_packet
from hybrid_pose_ros.data.typestore import EVENT_PACKET
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.runtime.bag_recorder import BagRecorder

START = 1_700_000_000_000_000_000
TOPIC = "/cam2/events"


def raw(seq):
    return build_event_packet(b"", stamp_ns=START, frame_id="", width=8, height=8, seq=seq)


def test_everything_is_there_after_close(tmp_path):
    recorder = BagRecorder(tmp_path / "bag", {TOPIC: EVENT_PACKET})
    for seq in range(100):
        recorder.put(TOPIC, raw(seq), START + seq)
    assert not (tmp_path / "bag").exists()
    recorder.close()
    with open_recording(tmp_path / "bag") as bag:
        assert [packet.seq for packet in bag.packets()] == list(range(100))
        assert bag.start_ns == START


def test_failure_is_told_and_leaves_nothing(tmp_path):
    recorder = BagRecorder(tmp_path / "bag", {TOPIC: EVENT_PACKET})
    recorder.put("/other", raw(0), START)
    with pytest.raises(RecordingError, match="/other"):
        recorder.close()
    assert list(tmp_path.iterdir()) == []


def test_existing_bag_is_not_overwritten(tmp_path):
    with pytest.raises(RecordingError, match="exists already"):
        BagRecorder(tmp_path, {TOPIC: EVENT_PACKET})
