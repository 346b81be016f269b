"""States through shared memory arrive whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.runtime import state_ring
from hybrid_pose_ros.runtime.state_ring import SLOTS, StateReader, StateRing, remove_orphans
from hybrid_pose_ros.runtime.state_transport import StateReceiver, StateSender

pytestmark = pytest.mark.skipif(not state_ring.available(), reason="no /dev/shm here")


@pytest.fixture
def ring():
    ring = StateRing()
    yield ring
    ring.close()


@pytest.fixture
def reader():
    reader = StateReader()
    yield reader
    reader.close()


def test_what_is_put_comes_back(ring: StateRing, reader: StateReader):
    states = [bytes([i]) * 5000 for i in range(3 * SLOTS)]
    for state in states:
        handle = ring.put(state)
        assert len(handle) < 100
        assert reader.get(handle) == state


def test_the_last_slots_stay_readable_and_older_ones_are_refused(ring, reader):
    handles = [ring.put(bytes([i]) * 100) for i in range(SLOTS + 2)]
    assert [reader.get(handle) for handle in handles[:2]] == [None, None]
    assert [reader.get(h) for h in handles[2:]] == [bytes([i]) * 100 for i in range(2, SLOTS + 2)]


def test_another_process_reads_it(ring: StateRing):
    handle = ring.put(b"far away" * 1000)
    script = (
        "import sys; from hybrid_pose_ros.runtime.state_ring import StateReader\n"
        f"sys.exit(StateReader().get({handle!r}) != b'far away' * 1000)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0


def test_states_overwritten_during_the_copy_are_refused(ring, reader, monkeypatch):
    handle = ring.put(b"a" * 100)
    overwrites = iter([True])

    def overwrite() -> None:
        if next(overwrites, False):
            for _ in range(SLOTS):
                ring.put(b"b" * 100)

    monkeypatch.setattr(state_ring, "_fence", overwrite)
    assert reader.get(handle) is None


def test_a_racing_reader_never_sees_a_mixture(ring: StateRing, reader: StateReader):
    size, torn, read = 200_000, [], []
    handles: list[bytes] = [ring.put(bytes(size))]
    done = threading.Event()

    def write() -> None:
        for i in range(400):
            handles[0] = ring.put(bytes([i % 251]) * size)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not done.is_set() or not read:
        states = reader.get(handles[0])
        if states is not None:
            read.append(1)
            if states != states[:1] * size:
                torn.append(states)
    thread.join()
    assert read
    assert not torn


@pytest.mark.parametrize("change", ["short", "name", "slot", "generation"])
def test_a_wrong_handle_gives_nothing(ring: StateRing, reader: StateReader, change: str):
    handle = ring.put(b"x" * 10)
    slot, slots, generation, name = state_ring._HANDLE.unpack(handle)
    wrong = {
        "short": handle[:-1],
        "name": state_ring._HANDLE.pack(slot, slots, generation, b"../../etc/passwd"),
        "slot": state_ring._HANDLE.pack(slots, slots, generation, name),
        "generation": state_ring._HANDLE.pack(slot, slots, generation + SLOTS, name),
    }[change]
    assert reader.get(wrong) is None
    assert reader.get(handle) == b"x" * 10


def test_closing_removes_the_file(reader: StateReader):
    ring = StateRing()
    handle = ring.put(b"x" * 10)
    path = ring._path
    assert path.exists()
    ring.close()
    assert not path.exists()
    assert reader.get(handle) is None


def test_only_files_of_dead_writers_are_removed(ring: StateRing):
    ring.put(b"alive")
    dead = state_ring.FOLDER / f"{state_ring.PREFIX}_{os.getpid()}_{'0' * 16}"
    dead.write_bytes(b"left behind")
    try:
        remove_orphans()
        assert ring._path.exists()
        assert not dead.exists()
    finally:
        dead.unlink(missing_ok=True)


def test_states_that_grow_are_refused(ring: StateRing):
    ring.put(bytes(100))
    with pytest.raises(ValueError, match="grew to 100000 bytes"):
        ring.put(bytes(100_000))


def test_sender_and_receiver_agree_on_every_transport():
    for kind, named in (("auto", "shared_memory"), ("inline", "inline")):
        sender, receiver = StateSender(kind), StateReceiver()
        transport, carried = sender.send("cam2", b"states" * 100)
        assert transport == named
        assert receiver.receive("cam2", transport, carried) == b"states" * 100
        assert receiver.receive("cam2", "none", b"") == b""
        assert sender.send("cam2", b"") == ("none", b"")
        receiver.close()
        sender.close()


def test_an_unknown_transport_is_named():
    with pytest.raises(ConfigError, match="auto, shared_memory, inline, got 'pigeon'"):
        StateSender("pigeon")


def test_shared_memory_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(state_ring, "FOLDER", tmp_path / "missing")
    with pytest.raises(ConfigError, match="missing, which cannot be written to here; use 'inline'"):
        StateSender("shared_memory")
    sender = StateSender("auto")
    assert sender.send("cam2", b"x") == ("inline", b"x")


def test_large_states_get_fewer_slots():
    ring, reader = StateRing(), StateReader()
    size = state_ring.RING_BYTES // 3
    handles = [ring.put(bytes([i]) * size) for i in range(state_ring.FEWEST_SLOTS + 1)]
    assert reader.get(handles[0]) is None
    assert all(reader.get(handle)[0] == i for i, handle in enumerate(handles) if i)
    reader.close()
    ring.close()
