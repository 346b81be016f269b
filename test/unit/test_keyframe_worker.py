"""The worker thread around a keyframe stage: order, delay, failures. The stage is a stand-in."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from hybrid_pose_ros.data.cdr import build_event_packet, parse_event_packet
from hybrid_pose_ros.data.typestore import EVENT_PACKET
from hybrid_pose_ros.errors import EncodingError
from hybrid_pose_ros.runtime.keyframe_worker import KeyframeWorker

DEADLINE_S = 10.0


def raw(seq):
    return build_event_packet(b"", stamp_ns=1, frame_id="", width=8, height=8, seq=seq)


class Stage:
    """Makes one keyframe of every packet; `gate` holds it up."""

    def __init__(self):
        self.waiting = {"cam2": [], "cam3": []}
        self.gate = threading.Event()
        self.gate.set()

    def buffer_packet(self, camera, packet):
        self.waiting[camera].append(packet)

    def next_keyframe(self, camera):
        if not self.waiting[camera]:
            return None
        assert self.gate.wait(DEADLINE_S)
        return SimpleNamespace(camera=camera, packet=self.waiting[camera].pop(0))


@pytest.fixture
def make():
    workers = []

    def make(stage, decode=lambda packet: packet.seq, delay_s=0.0):
        published = []

        def receive(raw, msgtype):
            assert msgtype == EVENT_PACKET
            return decode(parse_event_packet(raw))

        inputs = {name: SimpleNamespace(receive=receive) for name in ("cam2", "cam3")}
        worker = KeyframeWorker(stage, inputs, published.append, delay_s)
        workers.append(worker)
        return worker, published

    yield make
    for worker in workers:
        worker.stop()


def wait_until(condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_every_packet_arrives_in_order(make):
    worker, published = make(Stage())
    for seq in range(50):
        worker.put("cam2", raw(seq))
    wait_until(lambda: len(published) == 50)
    assert [keyframe.packet for keyframe in published] == list(range(50))


def test_put_does_not_wait_for_the_stage(make):
    stage = Stage()
    stage.gate.clear()
    worker, published = make(stage)
    for seq in range(10):
        worker.put("cam2", raw(seq))
    assert published == []
    stage.gate.set()
    wait_until(lambda: len(published) == 10)


def test_cameras_take_turns(make):
    stage = Stage()
    stage.gate.clear()
    worker, published = make(stage)
    for seq in range(3):
        worker.put("cam2", raw(seq))
        worker.put("cam3", raw(seq))
    wait_until(lambda: sum(map(len, stage.waiting.values())) >= 2)
    stage.gate.set()
    wait_until(lambda: len(published) == 6)
    assert {keyframe.camera for keyframe in published[:2]} == {"cam2", "cam3"}


def test_delay_holds_back_without_slowing_down(make):
    worker, published = make(Stage(), delay_s=0.3)
    began = time.monotonic()
    for seq in range(5):
        worker.put("cam2", raw(seq))
    wait_until(lambda: len(published) == 5)
    took = time.monotonic() - began
    assert 0.3 <= took < 5 * 0.3
    assert [keyframe.packet for keyframe in published] == list(range(5))


def test_requests_reach_the_stage_without_a_packet(make):
    stage, asked = Stage(), []
    stage.request = lambda camera, t_ns: asked.append((camera, t_ns))
    worker, _ = make(stage)
    worker.request("cam3", 120)
    worker.request("cam2", 130)
    wait_until(lambda: len(asked) == 2)
    assert asked == [("cam3", 120), ("cam2", 130)]


def test_failure_reaches_the_owner(make):
    def decode(packet):
        raise EncodingError("event encoding 'morse' is not known")

    worker, _ = make(Stage(), decode)
    worker.check()
    worker.put("cam2", raw(0))
    wait_until(lambda: worker.failure is not None)
    with pytest.raises(EncodingError, match="morse"):
        worker.check()


def test_stop_ends_the_thread(make):
    worker, _ = make(Stage())
    worker.stop()
    assert not worker._thread.is_alive()
