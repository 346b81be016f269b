"""Keyframe states through shared memory: a message carries only a handle of some fifty bytes.

The writer keeps the last states of each camera in a ring of slots in a file of /dev/shm. A handle
names file, slot and generation. Every slot begins with its generation, zero while it is written; a
reader looks at it before and after its copy, so that overwritten states are noticed, never used.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import re
import secrets
import struct
import threading
from pathlib import Path

FOLDER = Path("/dev/shm")
PREFIX = "hybrid_pose_states"
# Keyframes may come in bursts: one packet of a driver can complete ten of them.
SLOTS = 16
FEWEST_SLOTS = 4  # where the states are large: they can be fetched for 300 ms after their message
RING_BYTES = 16 << 20
_HEADER = struct.Struct("<QQ")  # generation (0 = being written), bytes of the states
_HANDLE = struct.Struct("<HHQ64s")  # slot, slots, generation, file name
_NAME = re.compile(rf"{PREFIX}_\d+_[0-9a-f]{{16}}")


def available() -> bool:
    """Whether this machine has a place for shared memory that this process may write to."""
    return os.access(FOLDER, os.W_OK | os.X_OK)


class StateRing:
    """The writing end, for one camera. Closing removes the file."""

    def __init__(self) -> None:
        remove_orphans()
        self._path = FOLDER / f"{PREFIX}_{os.getpid()}_{secrets.token_hex(8)}"
        self._memory: mmap.mmap | None = None
        self._descriptor = -1
        self._stride = self._slots = 0
        self._generation = 0

    def put(self, states: bytes) -> bytes:
        """Keep states in the next slot; the handle that `StateReader.get` takes."""
        if self._memory is None:
            self._memory = self._create(len(states))
        if _HEADER.size + len(states) > self._stride:
            raise ValueError(f"states grew to {len(states)} bytes, a slot has {self._stride}")
        self._generation += 1
        slot = self._generation % self._slots
        at = slot * self._stride
        _HEADER.pack_into(self._memory, at, 0, len(states))
        _fence()
        begin = at + _HEADER.size
        self._memory[begin : begin + len(states)] = states
        _fence()
        _HEADER.pack_into(self._memory, at, self._generation, len(states))
        return _HANDLE.pack(slot, self._slots, self._generation, self._path.name.encode())

    def close(self) -> None:
        """Remove the file; readers that have it open keep what they mapped."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
            os.close(self._descriptor)
            self._path.unlink(missing_ok=True)

    def _create(self, size: int) -> mmap.mmap:
        self._stride = -(-(_HEADER.size + size) // mmap.PAGESIZE) * mmap.PAGESIZE
        self._slots = min(SLOTS, max(FEWEST_SLOTS, RING_BYTES // self._stride))
        hidden = self._path.with_name("." + self._path.name)
        descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            # Reserved, not only promised: a full /dev/shm is an error here, not a crash later.
            os.posix_fallocate(descriptor, 0, self._slots * self._stride)
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # held while we live, see remove_orphans
            memory = mmap.mmap(descriptor, self._slots * self._stride)
            hidden.rename(self._path)
        except OSError:
            os.close(descriptor)
            hidden.unlink(missing_ok=True)
            raise
        self._descriptor = descriptor
        return memory


class StateReader:
    """The reading end, for one camera; keeps the writer's file mapped."""

    def __init__(self) -> None:
        self._name = ""
        self._memory: mmap.mmap | None = None

    def get(self, handle: bytes) -> bytes | None:
        """A copy of the states; None if they are overwritten, gone, or on another machine."""
        if len(handle) != _HANDLE.size:
            return None
        slot, slots, generation, padded = _HANDLE.unpack(handle)
        name = padded.rstrip(b"\0").decode("ascii", "replace")
        memory = self._mapped(name)
        if memory is None or not 0 < slots <= 1024 or slot >= slots or generation == 0:
            return None
        stride = len(memory) // slots
        at = slot * stride
        found, size = _HEADER.unpack_from(memory, at)
        begin = at + _HEADER.size
        if found != generation or begin + size > at + stride:
            return None
        _fence()
        states = memory[begin : begin + size]
        _fence()
        return states if _HEADER.unpack_from(memory, at)[0] == generation else None

    def close(self) -> None:
        """Let go of the writer's memory."""
        if self._memory is not None:
            self._memory.close()
        self._name, self._memory = "", None

    def _mapped(self, name: str) -> mmap.mmap | None:
        if name == self._name:
            return self._memory
        if not _NAME.fullmatch(name):  # a name from the network must not leave the folder
            return None
        self.close()
        with contextlib.suppress(OSError, ValueError):  # gone, not ours, or still empty
            descriptor = os.open(FOLDER / name, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                self._memory = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
                self._name = name
            finally:
                os.close(descriptor)
        return self._memory


def remove_orphans() -> None:
    """Remove files of writers that ended without closing: nobody holds their lock any more."""
    for path in FOLDER.glob(f"{PREFIX}_*"):
        with contextlib.suppress(OSError):  # somebody else's, or just removed
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(descriptor)


def _fence() -> None:
    # Taking a lock orders memory accesses on processors that may reorder them (ARM).
    with threading.Lock():
        pass
