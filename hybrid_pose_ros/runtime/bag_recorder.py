"""Writes serialised messages to a bag in a thread, so that receiving them is never held up."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

from hybrid_pose_ros.data.bag_writer import BagWriter


class BagRecorder:
    """A bag that appears complete when it is closed.

    Args:
        path: folder of the bag; must not exist.
        topics: name -> message type.

    Raises:
        RecordingError: the bag cannot be made there.
    """

    def __init__(self, path: Path, topics: dict[str, str]) -> None:
        self._queue: queue.SimpleQueue[tuple[str, bytes, int] | None] = queue.SimpleQueue()
        self._writer = BagWriter(path).__enter__()
        self._failure: Exception | None = None
        for topic, kind in topics.items():
            self._writer.add_topic(topic, kind)
        self._thread = threading.Thread(target=self._run, name="bag", daemon=True)
        self._thread.start()

    def put(self, topic: str, message: bytes, t_ns: int) -> None:
        """Append a message; returns at once."""
        self._queue.put((topic, message, t_ns))

    def check(self) -> None:
        """Raise what ended the writing, if something did."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Write what waits and complete the bag.

        Raises:
            RecordingError: it could not be written.
        """
        self._queue.put(None)
        self._thread.join()
        failure = self._failure
        self._writer.__exit__(type(failure) if failure else None, failure, None)
        self.check()

    def _run(self) -> None:
        try:
            while (item := self._queue.get()) is not None:
                self._writer.write(*item)
        except Exception as error:  # raised again by check() and close()
            self._failure = error
