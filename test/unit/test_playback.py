"""Playback: when packets are due, what is noted, and reading ahead."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from hybrid_pose_ros.data.cdr import build_event_packet, parse_event_packet
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.eval.latency import read_published
from hybrid_pose_ros.runtime.playback import PublishLog, ReadAhead, Schedule

FIRST = 1_600_000_000_123_456_789
START = 1_700_000_000_987_654_321


def packet(topic="/cam2/events", seq=0, stamp_ns=FIRST):
    raw = build_event_packet(b"", stamp_ns=stamp_ns, frame_id="f", width=8, height=8, seq=seq)
    return parse_event_packet(raw, topic, stamp_ns)


class FakeRecording:
    def __init__(self, packets, error=None):
        self._packets, self._error = packets, error
        self.read = 0

    def packets(self, topics):
        for one in self._packets:
            if one.topic in topics:
                self.read += 1
                yield one
        if self._error:
            raise self._error


def test_real_time_is_exact_to_the_nanosecond():
    schedule = Schedule(FIRST, START)
    assert schedule.to_wall(FIRST) == START
    assert schedule.to_wall(FIRST + 10_000_000_001) == START + 10_000_000_001
    assert schedule.to_wall(FIRST - 7) == START - 7


def test_double_rate_halves_the_distance():
    assert Schedule(FIRST, START, rate=2.0).to_wall(FIRST + 1_000_000) == START + 500_000


def test_log_comes_back(tmp_path):
    log = PublishLog(["/cam2/events", "/cam3/events"])
    for seq in range(3):
        log.add(packet("/cam2/events", seq), START + seq)
    log.add(packet("/cam3/events", 0), START + 50)
    log.save(tmp_path / "new" / "log.npz", Schedule(FIRST, START))
    published = read_published(tmp_path / "new" / "log.npz")
    np.testing.assert_array_equal(
        published.published_ns["/cam2/events"], [START, START + 1, START + 2]
    )
    np.testing.assert_array_equal(published.published_ns["/cam3/events"], [START + 50])
    assert published.to_recorded(np.array([START + 5])) == [FIRST + 5]
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["log.npz"]


def test_damaged_log_is_named(tmp_path):
    (tmp_path / "log.npz").write_bytes(b"nonsense")
    with pytest.raises(RecordingError, match=r"log\.npz"):
        read_published(tmp_path / "log.npz")


def test_read_ahead_keeps_the_order_and_the_choice():
    packets = [packet("/cam2/events", 0), packet("/cam3/events", 0), packet("/cam2/events", 1)]
    ahead = ReadAhead(FakeRecording(packets), ["/cam2/events"])
    assert [one.seq for one in ahead] == [0, 1]
    ahead.stop()


def test_read_ahead_hands_on_errors():
    ahead = ReadAhead(FakeRecording([packet()], RecordingError("damaged")), ["/cam2/events"])
    with pytest.raises(RecordingError, match="damaged"):
        list(ahead)


def test_read_ahead_is_bounded_and_stops():
    recording = FakeRecording([packet(seq=n) for n in range(2000)])
    before = threading.active_count()
    ahead = ReadAhead(recording, ["/cam2/events"])
    assert next(iter(ahead)).seq == 0
    ahead.stop()
    assert recording.read < 2000
    assert threading.active_count() == before
