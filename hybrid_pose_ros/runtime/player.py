"""Plays a recording in a thread: waits for listeners, then every packet at its time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hybrid_pose_ros.data.cdr import restamp
from hybrid_pose_ros.data.packet_file import PacketFile
from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.runtime.playback import PublishLog, ReadAhead, Schedule


@dataclass(frozen=True)
class PlayerOptions:
    """How to play.

    Attributes:
        rate: 2.0 plays twice as fast.
        loop: start again at the end.
        subscribers: wait until every topic has so many.
        timeout_s: give up when they have not come by then.
        start_delay_s: wait so long after they have come.
        end_delay_s: stay so long after the last packet, until it is delivered.
        publish_log: .npz file with the wall time of every packet's publication; empty for none.
    """

    rate: float = 1.0
    loop: bool = False
    subscribers: int = 1
    timeout_s: float = 60.0
    start_delay_s: float = 0.5
    end_delay_s: float = 0.5
    publish_log: str = ""

    def __post_init__(self) -> None:
        if not 0.01 <= self.rate <= 100.0:
            raise ConfigError(f"rate must be in 0.01..100, got {self.rate}")
        for name in ("subscribers", "timeout_s", "start_delay_s", "end_delay_s"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must be >= 0, got {getattr(self, name)}")


class Player:
    """Begins on construction.

    Args:
        recording: open; closed by `stop`.
        topics: event topics to play.
        options: how.
        publish: called in the thread with topic and serialised packet, stamped anew.
        listeners: number of subscribers of a topic.
        say: called in the thread with what is worth telling.
    """

    def __init__(
        self,
        recording: PacketFile,
        topics: list[str],
        options: PlayerOptions,
        publish: Callable[[str, bytes], None],
        listeners: Callable[[str], int],
        say: Callable[[str], object],
    ) -> None:
        self._recording, self._topics, self._options = recording, topics, options
        self._publish, self._listeners, self._say = publish, listeners, say
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)
        self._thread.start()

    def finished(self) -> bool:
        """Whether everything has been played.

        Raises:
            UserError: nobody listened in time, or the recording is damaged.
        """
        if self._failure is not None:
            raise self._failure
        return not self._thread.is_alive()

    def stop(self) -> None:
        """End the thread and close the recording."""
        self._stopping.set()
        self._thread.join(2.0)
        self._recording.close()

    def _run(self) -> None:
        try:
            self._wait_for_listeners()
            while not self._stopping.is_set():
                self._play()
                if not self._options.loop:
                    break
            self._stopping.wait(self._options.end_delay_s)
        except Exception as error:  # raised again by finished()
            self._failure = error

    def _wait_for_listeners(self) -> None:
        wanted, timeout_s = self._options.subscribers, self._options.timeout_s
        deadline = time.monotonic() + timeout_s
        for topic in self._topics:
            while (found := self._listeners(topic)) < wanted and not self._stopping.is_set():
                if time.monotonic() > deadline:
                    raise ConfigError(
                        f"{found} of {wanted} subscribers on {topic} after {timeout_s} s; "
                        "start them, or lower `subscribers`"
                    )
                self._stopping.wait(0.05)
        self._stopping.wait(self._options.start_delay_s)

    def _play(self) -> None:
        path = self._recording.path
        self._say(f"playing {path}")
        schedule = Schedule(self._recording.start_ns, time.time_ns(), self._options.rate)
        log, ahead = PublishLog(self._topics), ReadAhead(self._recording, self._topics)
        try:
            for packet in ahead:
                self._sleep_until(schedule.to_wall(packet.log_time_ns))
                if self._stopping.is_set():
                    return
                raw = restamp(packet.raw, schedule.to_wall(packet.stamp_ns))
                log.add(packet, time.time_ns())
                self._publish(packet.topic, raw)
        finally:
            ahead.stop()
        if self._options.publish_log:
            log.save(Path(self._options.publish_log), schedule)
        self._say(f"played {len(log.rows)} packets of {path}")

    def _sleep_until(self, wall_ns: int) -> None:
        wait_s = (wall_ns - time.time_ns()) * 1e-9
        if wait_s > 0.1:
            self._stopping.wait(wait_s)
        elif wait_s > 0:
            time.sleep(wait_s)  # more precise
