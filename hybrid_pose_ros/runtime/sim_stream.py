"""Simulated cameras in real time: workers render ahead, a thread hands packets out when due."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.data.cdr import restamp
from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.runtime.sim_process import SimProcess
from hybrid_pose_ros.runtime.sim_worker import CHUNK_NS, PACKETS, Piece, SimOptions, check
from hybrid_pose_ros.simulator.recording import PACKET_NS
from hybrid_pose_ros.simulator.sensor import SensorModel


@dataclass(frozen=True)
class StreamOptions:
    """How the stream runs.

    Attributes:
        rate: 2.0 is twice as fast as real time.
        ahead_s: seconds rendered ahead.
        workers: processes that render; 0 for one per camera, as far as there are cores.
    """

    rate: float = 1.0
    ahead_s: float = 1.0
    workers: int = 0

    def __post_init__(self) -> None:
        if not 0.01 <= self.rate <= 100.0:
            raise ConfigError(f"rate must be in 0.01..100, got {self.rate}")
        if not 0.1 <= self.ahead_s <= 60.0:
            raise ConfigError(f"ahead_s must be in 0.1..60, got {self.ahead_s}")
        if not 0 <= self.workers <= 64:
            raise ConfigError(f"workers must be in 0..64, got {self.workers}")


@dataclass
class StreamCounters:
    """Totals since the start: what went out, and for how long nothing was ready."""

    packets: int = 0
    events: int = 0
    late_ns: int = 0


class SimStream:
    """Begins on construction.

    Args:
        simulation: what is simulated.
        options: how the stream runs.
        sensor: of all cameras.
        cameras: at least one.
        publish: called in the thread with camera, serialised packet, and its ROS time.
        tell_truth: called in the thread with ROS time, joints (13, 3) m and velocities in m/s.

    Attributes:
        counters: totals, written by the thread.

    Raises:
        UserError: something in the options does not exist, or a camera does not see the person.
    """

    def __init__(
        self,
        simulation: SimOptions,
        options: StreamOptions,
        sensor: SensorModel,
        cameras: list[Camera],
        publish: Callable[[str, bytes], None],
        tell_truth: Callable[[int, np.ndarray, np.ndarray], None],
    ) -> None:
        check(simulation, cameras)
        self.counters = StreamCounters()
        self._options, self._cameras = options, [camera.name for camera in cameras]
        self._publish, self._tell_truth = publish, tell_truth
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._last_xyz: np.ndarray | None = None
        count = options.workers or min(len(cameras), os.cpu_count() or 1)
        ahead = max(1, round(options.ahead_s * 1e9 / CHUNK_NS))
        self._workers = [
            SimProcess(simulation, sensor, cameras[first::count], first == 0, ahead)
            for first in range(min(count, len(cameras)))
        ]
        self._thread = threading.Thread(target=self._run, name="simulation", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise again what ended the thread, if anything did."""
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End thread and workers."""
        self._stopping.set()
        self._thread.join(5.0)
        for worker in self._workers:
            worker.end()
        self._workers.clear()  # frees the queues' semaphores before the process is gone

    def _run(self) -> None:
        try:
            start_ns, chunk = time.time_ns(), 0
            while not self._stopping.is_set():
                pieces = self._take()
                if pieces is None:
                    return
                due_ns = start_ns + self._wall(chunk * CHUNK_NS)
                late_ns = time.time_ns() - due_ns
                if late_ns > 0:
                    # The clock waits for the pictures; it never hurries to catch up.
                    start_ns += late_ns
                    self.counters.late_ns += late_ns if chunk else 0
                self._play(pieces, start_ns, chunk)
                chunk += 1
        except Exception as error:  # raised again by check()
            self._failure = error

    def _take(self) -> list[Piece] | None:
        """The next chunk of every camera."""
        pieces = []
        for i, camera in enumerate(self._cameras):
            piece = self._workers[i % len(self._workers)].take(camera, self._stopping)
            if piece is None:
                return None
            pieces.append(piece)
        return pieces

    def _wall(self, sensor_ns: int) -> int:
        return round(sensor_ns / self._options.rate)

    def _play(self, pieces: list[Piece], start_ns: int, chunk: int) -> None:
        for k in range(PACKETS):
            stamp_ns = start_ns + self._wall(chunk * CHUNK_NS + (k + 1) * PACKET_NS)
            wait_s = (stamp_ns - time.time_ns()) * 1e-9
            if wait_s > 0:
                time.sleep(wait_s)
            if self._stopping.is_set():
                return
            for piece in pieces:
                self._publish(piece.camera, restamp(piece.packets[k], stamp_ns))
                if piece.truth is not None:
                    self._truth(stamp_ns, piece.truth[k])
            self.counters.packets += len(pieces)
        self.counters.events += sum(piece.events for piece in pieces)

    def _truth(self, stamp_ns: int, xyz: np.ndarray) -> None:
        before = xyz if self._last_xyz is None else self._last_xyz
        self._last_xyz = xyz
        self._tell_truth(stamp_ns, xyz, (xyz - before) / (PACKET_NS * 1e-9) * self._options.rate)
