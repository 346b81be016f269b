"""PoseAssembler: keyframe + delta, whichever comes first."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.runtime.pose_assembler import PoseAssembler, RelativePose


def update(keyframe, t_ns, delta=0.0):
    return RelativePose(
        keyframe,
        t_ns,
        np.full((13, 2), delta, np.float32),
        np.ones((13, 3), np.float32),
        np.full(13, 0.7, np.float32),
    )


def uv(value):
    return np.full((13, 2), value, np.float32)


def test_adds_the_delta_to_its_own_keyframe():
    assembler = PoseAssembler()
    assembler.add_keyframe(1, uv(100))
    assembler.add_keyframe(2, uv(200))
    [(t_ns, pose)] = assembler.add_update(update(1, 30, 2.5))
    assert t_ns == 30
    assert (pose.uv == 102.5).all()
    assert (pose.confidence == np.float32(0.7)).all()
    [(_, pose)] = assembler.add_update(update(2, 40, -1))
    assert (pose.uv == 199).all()


def test_updates_wait_for_their_keyframe_in_order():
    assembler = PoseAssembler()
    assert assembler.add_update(update(3, 10, 1)) == []
    assert assembler.add_update(update(3, 20, 2)) == []
    assert assembler.add_update(update(4, 30, 3)) == []
    ready = assembler.add_keyframe(3, uv(50))
    assert [(t, pose.uv[0, 0]) for t, pose in ready] == [(10, 51), (20, 52)]
    assert [t for t, _ in assembler.add_keyframe(4, uv(0))] == [30]
    assert assembler.add_keyframe(3, uv(50)) == []


def test_gives_up_updates_whose_keyframe_never_comes():
    assembler = PoseAssembler(held=3)
    for t in range(10):
        assert assembler.add_update(update(9, t)) == []
    assert assembler.counters["orphans"] == 7
    assert [t for t, _ in assembler.add_keyframe(9, uv(0))] == [7, 8, 9]


def test_forgets_old_keyframes():
    assembler = PoseAssembler(keyframes=2)
    for number in (1, 2, 3):
        assembler.add_keyframe(number, uv(number))
    assert assembler.add_update(update(1, 0)) == []
    assert len(assembler.add_update(update(2, 0))) == 1


def test_a_repeated_number_replaces_the_keyframe():
    assembler = PoseAssembler()
    assembler.add_keyframe(1, uv(1))
    assembler.add_keyframe(1, uv(5))
    [(_, pose)] = assembler.add_update(update(1, 0))
    assert (pose.uv == 5).all()
