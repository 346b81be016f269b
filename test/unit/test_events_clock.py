"""SensorClock: the quickest packets give the offset; jumps and drift are followed."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_pose_ros.events.clock import SPAN_NS, SensorClock

EPOCH_NS = 1_700_000_000_000_000_000
MS = 1_000_000


def test_offset_is_the_smallest_difference():
    clock = SensorClock()
    with pytest.raises(RuntimeError):
        clock.to_ros(0)
    delays_ns = [4 * MS, 2 * MS, 9 * MS, 3 * MS]
    for n, delay_ns in enumerate(delays_ns):
        clock.update(EPOCH_NS + n * 5 * MS + delay_ns, n * 5 * MS)
    assert clock.offset_ns == EPOCH_NS + 2 * MS
    assert clock.to_ros(20 * MS) == EPOCH_NS + 22 * MS
    assert 0 < clock.jitter_ns < 7 * MS


def test_unknown_time_is_skipped():
    clock = SensorClock()
    clock.update(EPOCH_NS, -1)
    assert clock.offset_ns is None


@pytest.mark.parametrize("jump_ns", [-16_777_216_000, 2_000 * MS])
def test_jump_is_followed(jump_ns):
    clock = SensorClock()
    clock.update(EPOCH_NS, 0)
    clock.update(EPOCH_NS + 5 * MS, 20_000 * MS + 5 * MS)
    before = clock.offset_ns
    clock.update(EPOCH_NS + 10 * MS, 20_000 * MS + 10 * MS + jump_ns)
    assert clock.offset_ns - before == -jump_ns
    assert clock.jumps == 2
    assert clock.jitter_ns == 0


def test_drift_is_followed():
    clock, rng, errors = SensorClock(), np.random.default_rng(1), []
    for t_ns in range(0, 600_000 * MS, 20 * MS):
        truth_ns = EPOCH_NS + t_ns + t_ns // 20_000  # 50 parts per million
        clock.update(truth_ns + int(rng.exponential(MS)), t_ns)
        errors.append(clock.to_ros(t_ns) - truth_ns)
    assert min(errors) > -50e-6 * 2.1 * SPAN_NS
    assert max(errors[10:]) < 5 * MS
    assert clock.jumps == 0


def test_perfect_stamps_give_perfect_times():
    clock = SensorClock()
    for t_ns in range(0, 100_000 * MS, 5 * MS):
        clock.update(EPOCH_NS + t_ns, t_ns)
        assert clock.to_ros(t_ns) == EPOCH_NS + t_ns
    assert clock.jitter_ns == 0
