"""When a keyframe is asked for, and for which times the CNN then computes one."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.keyframe_policy import (
    KeyframePolicy,
    PolicyConfig,
    expected_drift,
)
from hybrid_pose_ros.runtime.keyframe_schedule import FixedSchedule, RequestSchedule
from hybrid_pose_ros.runtime.records import Keyframe

MS = 1_000_000
STEP = 10 * MS
CROP = 128  # sensor pixels: each is two of the 256 crop


def pose(moved=0.0, confidence=0.9):
    """Every joint `moved` crop pixels from its place."""
    uv = np.full((13, 2), 50.0, np.float32)
    uv[:, 0] += moved / 2
    covariance = np.tile(np.float32([1, 0, 1]), (13, 1))
    return Keypoints(uv, covariance, np.full(13, confidence, np.float32))


def keyframe(t_ms, confidence=0.9):
    return Keyframe("cam", t_ms // 10, t_ms * MS, pose(confidence=confidence), b"", "")


def asked(config, now, until_ms=1000, answers=True, delay_ms=0, start_ms=100):
    """Times (ms) of all requests when the pose at age a ms is now(a)."""
    policy, found = KeyframePolicy(config, CROP, 100 * MS), []
    current, coming = keyframe(start_ms), []
    for t_ms in range(start_ms + 10, until_ms + 1, 10):
        for due, new in [c for c in coming if c[0] < t_ms]:
            current = new
            coming.remove((due, new))
        policy.look(t_ms * MS, current, now(t_ms - current.t_ns // MS))
        for t_ns in policy.take():
            found.append(t_ns // MS)
            if answers:
                coming.append((t_ns // MS + delay_ms, keyframe(t_ns // MS)))
    return found


def test_drift_adds_motion_and_lost_confidence():
    config = PolicyConfig(moved_weight=0.5, unsure_px=20.0)
    assert expected_drift(pose(), pose(), CROP, config) == 0.0
    assert expected_drift(pose(), pose(moved=6.0), CROP, config) == pytest.approx(3.0)
    assert expected_drift(pose(), pose(confidence=0.8), CROP, config) == pytest.approx(2.0)
    assert expected_drift(pose(), pose(confidence=0.95), CROP, config) == 0.0
    half = dataclasses.replace(pose(moved=6.0))
    half.uv[:6] = np.nan
    assert expected_drift(pose(), half, CROP, config) == pytest.approx(3.0)


def test_a_still_person_is_looked_at_once_per_longest_interval():
    config = PolicyConfig(max_interval_ms=300)
    assert asked(config, lambda age: pose()) == [400, 700, 1000]


def test_motion_is_followed_as_fast_as_it_is():
    config = PolicyConfig(drift_px=3.0, moved_weight=0.3)
    slow = asked(config, lambda age: pose(moved=0.05 * age))  # 10 px after 200 ms
    fast = asked(config, lambda age: pose(moved=0.1 * age))
    assert slow == [300, 500, 700, 900] and fast == list(range(200, 1001, 100))


def test_falling_confidence_asks():
    config = PolicyConfig(drift_px=2.5, moved_weight=0.3, unsure_px=25.0)
    found = asked(config, lambda age: pose(confidence=0.9 - 0.00051 * age))
    assert found == [300, 500, 700, 900]


def test_the_shortest_interval_holds_whatever_happens():
    config = PolicyConfig(min_interval_ms=70, drift_px=0.0)
    assert asked(config, lambda age: pose(), 400) == [170, 240, 310, 380]


def test_it_waits_for_an_answer_and_asks_again_when_none_comes():
    config = PolicyConfig(drift_px=0.0, min_interval_ms=40, patience_ms=150)
    assert asked(config, lambda age: pose(), 500, answers=False) == [140, 290, 440]
    assert asked(config, lambda age: pose(), 500, delay_ms=60) == [140, 210, 280, 350, 420, 490]


def test_before_the_first_keyframe_it_asks_at_the_fixed_rate():
    policy = KeyframePolicy(PolicyConfig(), CROP, 100 * MS)
    for t_ms in range(50, 351, 10):
        policy.look(t_ms * MS, None, None)
    assert policy.take() == [100 * MS, 200 * MS, 300 * MS]
    assert policy.take() == []


def test_a_restart_forgets_what_was_asked():
    policy = KeyframePolicy(PolicyConfig(drift_px=0.0), CROP, 100 * MS)
    policy.look(5000 * MS, keyframe(4000), pose())
    policy.restart()
    assert policy.take() == []
    policy.look(200 * MS, keyframe(100), pose())
    assert policy.take() == [200 * MS]


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"drift_px": -1.0}, "drift_px"),
        ({"unsure_px": float("inf")}, "unsure_px"),
        ({"moved_weight": float("nan")}, "moved_weight"),
        ({"min_interval_ms": 0}, "min_interval_ms"),
        ({"min_interval_ms": 700}, "700 and 600"),
        ({"patience_ms": 0}, "patience_ms"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, match):
    with pytest.raises(ValueError, match=match):
        PolicyConfig(**wrong)


def test_an_unknown_kind_of_keyframes_is_refused():
    with pytest.raises(ValueError, match="fixed or on_demand, got 'sometimes'"):
        EstimatorConfig(keyframes="sometimes")


def drain(schedule, watermark, start=0):
    found = []
    while (t_ns := schedule.next_ns(start, watermark)) is not None:
        found.append(t_ns // MS)
    return found


def requests(silence_ms=400, memory_ms=500, skip=False):
    return RequestSchedule(FixedSchedule(100 * MS, skip), silence_ms * MS, memory_ms * MS)


def test_the_fixed_schedule_knows_every_multiple_or_skips_to_the_newest():
    assert drain(FixedSchedule(100 * MS), 350 * MS, 30 * MS) == [100, 200, 300]
    hurried = FixedSchedule(100 * MS, skip=True)
    assert drain(hurried, 350 * MS, 30 * MS) == [300]
    assert hurried.counters["skipped"] == 2


def test_requests_take_over_from_the_fixed_rate_and_give_back_after_silence():
    schedule = requests()
    assert drain(schedule, 210 * MS) == [100, 200]  # nobody asks yet
    schedule.request(230 * MS)
    assert drain(schedule, 225 * MS) == []
    assert drain(schedule, 235 * MS) == [230]
    assert drain(schedule, 600 * MS) == []  # 370 ms of silence
    assert drain(schedule, 710 * MS) == [700]
    assert drain(schedule, 810 * MS) == [800]
    schedule.request(840 * MS)
    assert drain(schedule, 850 * MS) == [840]
    assert drain(schedule, 950 * MS) == []
    assert schedule.counters["unasked"] == 4 and schedule.counters["requests"] == 2


def test_a_time_is_answered_once_and_the_newest_of_several_counts():
    schedule = requests()
    schedule.request(100 * MS)
    assert drain(schedule, 110 * MS) == [100]
    schedule.request(100 * MS)
    schedule.request(90 * MS)
    assert drain(schedule, 120 * MS) == []
    schedule.request(150 * MS)
    schedule.request(180 * MS)
    assert drain(schedule, 200 * MS) == [180]


@pytest.mark.parametrize("at_ms", [100, 100_000])
def test_a_request_out_of_reach_does_not_stop_the_fixed_rate(at_ms):
    """Too late, or told in a clock that counts its wraps in another way."""
    schedule = requests()
    schedule.request(at_ms * MS)
    assert drain(schedule, 2000 * MS, 1750 * MS) == [1800, 1900, 2000]
    assert schedule.counters["requests_expired"] == 1


def test_after_a_restart_the_fixed_rate_begins_anew():
    schedule = requests()
    schedule.request(5000 * MS)
    assert drain(schedule, 5010 * MS, 4800 * MS) == [5000]
    schedule.restart()
    assert drain(schedule, 250 * MS, 30 * MS) == [100, 200]


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3000)), max_size=60))
def test_times_only_rise_and_lie_within_the_stream(steps):
    schedule, watermark, last = requests(), 0, -1
    for advance, wanted in steps:
        watermark += advance * MS // 10
        schedule.request(wanted * MS)
        for t_ms in drain(schedule, watermark, 0):
            assert last < t_ms * MS <= watermark
            last = t_ms * MS
