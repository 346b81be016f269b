"""Decimation by stamps."""

from hybrid_pose_ros.runtime.decimator import Decimator

MS = 1_000_000


def test_every_fourth_of_a_stream_four_times_as_fast():
    due = Decimator(25.0)
    assert [due(k * 10 * MS) for k in range(9)] == [True, False, False, False] * 2 + [True]


def test_zero_lets_everything_through_and_a_clock_that_goes_back_starts_anew():
    assert all(map(Decimator(0.0), [0, 1, 2]))
    due = Decimator(10.0)
    assert [due(500 * MS), due(510 * MS), due(20 * MS)] == [True, False, True]
