"""A process that renders simulated cameras, seen from the process that wants their packets."""

from __future__ import annotations

import multiprocessing
import queue
import threading

from hybrid_pose_ros.errors import UserError
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.runtime.sim_worker import Piece, SimOptions, work
from hybrid_pose_ros.simulator.sensor import SensorModel


class SimProcess:
    """Begins on construction.

    Args:
        simulation: what is simulated.
        sensor: of all cameras.
        cameras: that this process renders.
        with_truth: whether it also tells where the joints are.
        ahead: pieces of every camera that it may be ahead.
    """

    def __init__(
        self,
        simulation: SimOptions,
        sensor: SensorModel,
        cameras: list[Camera],
        with_truth: bool,
        ahead: int,
    ) -> None:
        # A fresh interpreter: a fork of a process with threads and a middleware may hang.
        context = multiprocessing.get_context("spawn")
        self._queue = context.Queue(ahead * len(cameras))
        arguments = (simulation, sensor, cameras, with_truth, self._queue)
        self._process = context.Process(target=work, args=arguments, daemon=True)
        self._process.start()
        self._early: dict[str, list[Piece]] = {camera.name: [] for camera in cameras}

    def take(self, camera: str, stopping: threading.Event) -> Piece | None:
        """The next piece of a camera; None once stopping.

        Raises:
            UserError: the process could not go on.
        """
        while not self._early[camera]:
            try:
                item = self._queue.get(timeout=0.1)
            except queue.Empty:
                if stopping.is_set():
                    return None
                if not self._process.is_alive():
                    raise UserError(
                        "a process of the simulation died, perhaps for want of memory; use fewer "
                        "cameras"
                    ) from None
                continue
            if isinstance(item, UserError):
                raise item
            self._early[item.camera].append(item)
        return self._early[camera].pop(0)

    def end(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join(5.0)
        self._queue.close()
