"""For which times the CNN computes keyframes: at a fixed rate, or when somebody asks.

Both answer one question, which time is next, from how far the event stream has come.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol


class Schedule(Protocol):
    """Of one camera.

    Attributes:
        counters: "skipped" and others that only grow.
    """

    counters: Counter[str]

    def next_ns(self, start_ns: int, watermark_ns: int) -> int | None:
        """Time of the next keyframe that can be computed now, or None.

        Args:
            start_ns: the stream is complete from here,
            watermark_ns: up to here.
        """
        ...

    def request(self, t_ns: int) -> None:
        """A keyframe is wanted that describes time t_ns."""
        ...

    def restart(self) -> None:
        """The sensor's clock has jumped."""
        ...


class FixedSchedule:
    """All multiples of a period; requests change nothing.

    Args:
        step_ns: the period.
        skip: when several are due, leave out all but the newest and count them.
    """

    def __init__(self, step_ns: int, skip: bool = False) -> None:
        self.counters: Counter[str] = Counter()
        self._step_ns, self._skip = step_ns, skip
        self._due: int | None = None

    def next_ns(self, start_ns: int, watermark_ns: int) -> int | None:
        """See `Schedule`."""
        if self._due is None:
            self._due = start_ns // self._step_ns + 1
        number, newest = self._due, watermark_ns // self._step_ns
        if newest < number:
            return None
        if self._skip and newest > number:
            self.counters["skipped"] += newest - number
            number = newest
        self._due = number + 1
        return number * self._step_ns

    def pass_by(self, t_ns: int) -> None:
        """Nothing up to t_ns is due any more."""
        self._due = max(self._due or 0, t_ns // self._step_ns + 1)

    def request(self, t_ns: int) -> None:
        """See `Schedule`."""

    def restart(self) -> None:
        """See `Schedule`."""
        self._due = None


class RequestSchedule:
    """Whenever it is asked for; at a fixed rate as long as nobody asks.

    Requests may be lost, or whoever sends them may end: after `silence_ns` without one, keyframes
    come at the fixed rate again, as they do before the first one.

    Args:
        fixed: the schedule meanwhile.
        silence_ns: of event time.
        memory_ns: requests further back than this cannot be answered any more.
    """

    def __init__(self, fixed: FixedSchedule, silence_ns: int, memory_ns: int) -> None:
        self.counters = fixed.counters
        self._fixed, self._silence_ns, self._memory_ns = fixed, silence_ns, memory_ns
        self.restart()

    def restart(self) -> None:
        """See `Schedule`."""
        self._fixed.restart()
        self._asked_ns: int | None = None
        self._heard_ns: int | None = None
        self._done_ns = -1

    def request(self, t_ns: int) -> None:
        """See `Schedule`; of several that wait, the newest counts."""
        self.counters["requests"] += 1
        self._asked_ns = max(self._asked_ns or 0, t_ns)

    def next_ns(self, start_ns: int, watermark_ns: int) -> int | None:
        """See `Schedule`."""
        t_ns = self._asked_ns
        if t_ns is not None and abs(watermark_ns - t_ns) > self._memory_ns:
            # Too late, or of a clock that counts its wraps in another way: as if nobody asked.
            self.counters["requests_expired"] += 1
            self._asked_ns = t_ns = None
        if t_ns is not None:
            self._heard_ns = t_ns
            if t_ns <= watermark_ns:
                self._asked_ns = None
                if max(start_ns, self._done_ns + 1) <= t_ns:
                    return self._done(t_ns)
        if self._heard_ns is not None and watermark_ns - self._heard_ns <= self._silence_ns:
            self._fixed.pass_by(watermark_ns)
            return None
        t_ns = self._fixed.next_ns(start_ns, watermark_ns)
        if t_ns is None:
            return None
        self.counters["unasked"] += 1
        return self._done(t_ns)

    def _done(self, t_ns: int) -> int:
        self._done_ns = t_ns
        self._fixed.pass_by(t_ns)
        return t_ns
