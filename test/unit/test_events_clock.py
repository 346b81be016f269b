"""SensorClock: the quickest packets give the line; jumps and drift are followed, damage is not."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid_pose_ros.events.clock import SensorClock

EPOCH_NS = 1_700_000_000_000_000_000
MS = 1_000_000
US = 1000


def run(clock: SensorClock, times_ns, stamps_ns) -> np.ndarray:
    """Feed packets; by how much each one's end was mapped too late."""
    errors = []
    for t_ns, stamp_ns in zip(times_ns, stamps_ns, strict=True):
        clock.update(EPOCH_NS + int(stamp_ns), int(t_ns))
        errors.append(clock.to_ros(int(t_ns)) - EPOCH_NS)
    return np.array(errors)


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
    assert clock.stamp_ns == EPOCH_NS + 18 * MS


def test_unknown_time_is_skipped():
    clock = SensorClock()
    clock.update(EPOCH_NS, -1)
    assert clock.offset_ns is None


def test_perfect_stamps_give_perfect_times():
    clock = SensorClock()
    for t_ns in range(0, 100_000 * MS, 5 * MS):
        clock.update(EPOCH_NS + t_ns, t_ns)
        assert clock.to_ros(t_ns) == EPOCH_NS + t_ns
    assert (clock.jitter_ns, clock.drift) == (0, 0)


@pytest.mark.parametrize("ppm", [-100, 0, 50])
@pytest.mark.parametrize("jitter", ["exponential", "uniform"])
def test_drift_is_estimated(ppm, jitter):
    rng = np.random.default_rng(1)
    t_ns = np.arange(0, 90_000 * MS, 10 * MS)
    delays = {"exponential": rng.exponential, "uniform": lambda top, n: rng.uniform(0, 2 * top, n)}
    truth = t_ns + t_ns * ppm // 1_000_000
    clock = SensorClock()
    errors = run(clock, t_ns, truth + delays[jitter](2 * MS, len(t_ns)).astype(np.int64)) - truth
    assert np.percentile(np.abs(errors[1500:]), 99) < 100 * US
    assert np.abs(errors[300:1500]).max() < 1.5 * MS
    assert clock.drift * 1e6 == pytest.approx(ppm, abs=2)
    assert clock.jitter_ns == pytest.approx(2 * MS, rel=0.5)
    assert clock.jumps == 0


def test_a_busy_host_does_not_move_the_line():
    t_ns = np.arange(0, 60_000 * MS, 5 * MS)
    late = np.where((t_ns > 20_000 * MS) & (t_ns < 35_000 * MS), 8 * MS, 0)
    clock = SensorClock()
    errors = run(clock, t_ns, t_ns + late) - t_ns
    assert np.abs(errors).max() < 10 * US


def test_a_host_that_stops_for_seconds_is_no_jump():
    """All packets of 3 s come at once, in order."""
    t_ns = np.arange(0, 20_000 * MS, 5 * MS)
    stamps = np.where((t_ns > 8000 * MS) & (t_ns < 11_000 * MS), 11_000 * MS, t_ns)
    clock = SensorClock()
    errors = run(clock, t_ns, stamps) - t_ns
    assert np.abs(errors).max() == 0
    assert clock.jumps == 0


@pytest.mark.parametrize("jump_ns", [-16_777_216_000, -5000 * MS, 2000 * MS, 10**15])
def test_a_new_sensor_time_is_followed_from_the_second_packet_on(jump_ns):
    clock = SensorClock()
    t_ns = np.arange(20_000 * MS, 22_000 * MS, 5 * MS)
    run(clock, t_ns, t_ns)
    clock.update(EPOCH_NS + 22_000 * MS, 22_000 * MS + jump_ns)
    assert clock.offset_ns == EPOCH_NS  # one packet may be damaged
    clock.update(EPOCH_NS + 22_005 * MS, 22_005 * MS + jump_ns)
    assert clock.offset_ns == EPOCH_NS - jump_ns
    assert clock.jumps == 1


def test_a_step_of_ros_time_is_followed_when_it_stays():
    clock = SensorClock()
    t_ns = np.arange(0, 4000 * MS, 5 * MS)
    errors = run(clock, t_ns, t_ns + np.where(t_ns >= 2000 * MS, 90_000 * MS, 0)) - t_ns
    assert errors[-1] == 90_000 * MS
    assert clock.jumps == 1


def test_one_damaged_time_changes_nothing():
    for damage_ns in (-3000 * MS, -100 * MS, 7 * MS, 500 * MS, 10**13):
        clock = SensorClock()
        t_ns = np.arange(10_000 * MS, 12_000 * MS, 5 * MS)
        run(clock, t_ns, t_ns)
        clock.update(EPOCH_NS + 12_000 * MS, 12_000 * MS + damage_ns)
        run(clock, t_ns + 2005 * MS, t_ns + 2005 * MS)
        assert (clock.offset_ns, clock.jumps) == (EPOCH_NS, 0)


def test_a_bag_that_loops_with_its_stamps_keeps_the_offset():
    clock = SensorClock()
    t_ns = np.arange(0, 8000 * MS, 5 * MS)
    for _ in range(3):
        assert np.abs(run(clock, t_ns, t_ns) - t_ns).max() == 0
    assert clock.jumps == 0


def test_shift_moves_all_sensor_times():
    rng = np.random.default_rng(2)
    t_ns = np.arange(0, 30_000 * MS, 10 * MS)
    stamps = t_ns + t_ns // 20_000 + rng.exponential(MS, len(t_ns)).astype(np.int64)
    by_ns = 16_777_216_000
    plain, shifted = SensorClock(), SensorClock()
    run(plain, t_ns, stamps)
    run(shifted, t_ns[:1500], stamps[:1500])
    shifted.shift(by_ns)
    run(shifted, t_ns[1500:] + by_ns, stamps[1500:])
    assert shifted.to_ros(31_000 * MS + by_ns) == pytest.approx(plain.to_ros(31_000 * MS), abs=US)
    assert shifted.jumps == 0
