"""Runs the keyframe stage in a thread of its own, so that receiving packets never waits for it."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from hybrid_pose_ros.data.typestore import EVENT_PACKET
from hybrid_pose_ros.runtime.camera_input import CameraInput
from hybrid_pose_ros.runtime.keyframe_stage import KeyframeStage
from hybrid_pose_ros.runtime.records import Keyframe

_GATHER_S = 0.004


class KeyframeWorker:
    """A queue of serialised packets, a thread that decodes them and computes keyframes.

    Args:
        stage: used by the thread only.
        inputs: by camera; used by the thread only.
        publish: called in the thread with each keyframe.
        delay_s: hold every keyframe back so long, without slowing the stage down (test aid).
        niceness: of the thread, 0 to 19; higher yields the processor to others sooner.

    Attributes:
        failure: what ended the thread, or None.
    """

    def __init__(
        self,
        stage: KeyframeStage,
        inputs: Mapping[str, CameraInput],
        publish: Callable[[Keyframe], None],
        delay_s: float = 0.0,
        niceness: int = 0,
    ) -> None:
        self.failure: Exception | None = None
        self._stage = stage
        self._inputs = inputs
        self._publish = publish
        self._delay_s = delay_s
        self._niceness = niceness
        self._packets: deque[tuple[str, bytes, str]] = deque()
        self._requests: deque[tuple[str, int]] = deque()
        self._held: deque[tuple[float, Keyframe]] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="keyframes", daemon=True)
        self._thread.start()

    def put(self, camera: str, raw: bytes, msgtype: str = EVENT_PACKET) -> None:
        """Hand over a serialised packet; returns at once."""
        with self._wake:
            self._packets.append((camera, raw, msgtype))
            self._wake.notify()

    def request(self, camera: str, t_ns: int) -> None:
        """Ask the stage for a keyframe that describes time t_ns; returns at once."""
        with self._wake:
            self._requests.append((camera, t_ns))
            self._wake.notify()

    def check(self) -> None:
        """Raise what ended the thread, if something did."""
        if self.failure is not None:
            raise self.failure

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the thread; packets that wait are dropped."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        if self._niceness:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._niceness)
        try:
            while self._wait():
                # Packets come every few milliseconds; waking up for each of them costs more than it
                # is worth to a keyframe.
                time.sleep(_GATHER_S)
                self._take_packets()
                worked = True
                while worked and not self._stopping:
                    worked = self._compute_one_each()
                    self._release()
                    self._take_packets()
                self._release()
        except Exception as error:  # raised again in the node's thread by check()
            self.failure = error

    def _wait(self) -> bool:
        """Until there are packets or requests, or a held keyframe is due; False to end."""
        with self._wake:
            timeout = self._held[0][0] - time.monotonic() if self._held else None
            idle = not self._packets and not self._requests and not self._stopping
            if idle and (timeout is None or timeout > 0):
                self._wake.wait(timeout)
            return not self._stopping

    def _take_packets(self) -> None:
        while self._packets:
            camera, raw, msgtype = self._packets.popleft()
            self._stage.buffer_packet(camera, self._inputs[camera].receive(raw, msgtype))
        while self._requests:
            self._stage.request(*self._requests.popleft())

    def _compute_one_each(self) -> bool:
        """The next keyframe of every camera; newer packets are looked at before the ones after."""
        worked = False
        for camera in self._inputs:
            keyframe = self._stage.next_keyframe(camera)
            if keyframe is None:
                continue
            worked = True
            if self._delay_s > 0:
                self._held.append((time.monotonic() + self._delay_s, keyframe))
            else:
                self._publish(keyframe)
        return worked

    def _release(self) -> None:
        while self._held and self._held[0][0] <= time.monotonic():
            self._publish(self._held.popleft()[1])
