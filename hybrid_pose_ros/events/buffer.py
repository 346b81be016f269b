"""Bounded memory of one camera's events, from which windows of time or of count are cut.

What a window holds depends on the events only, never on how they were cut into packets, as long
as the window ends at or before `watermark_ns` and starts at or after `begin_ns`. With `reorder_ns`
it does not depend on the order of arrival either: the watermark stays so far behind, and what comes
in the meantime is sorted. Without, packets in order are taken without another look.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from hybrid_pose_ros.events.order import in_order, is_sorted, packed_words
from hybrid_pose_ros.events.types import EVENT_DTYPE, empty_events

UNKNOWN = -1
COUNTERS = ("old", "future", "past", "overflow", "unordered", "restarts")
_FIRST_ROOM = 1 << 16


class EventBuffer:
    """The last `horizon_ns` of a stream of events.

    Attributes:
        watermark_ns: every event before this time has arrived; -1 before the first packet. Events
            after it may already be in windows, unless reorder_ns is set.
        begin_ns: nothing was dropped from this time on; starts with the first event (which does
            not depend on packets), -1 before it.
        counters: "old" (events refused because their time had passed), "future" and "past"
            (packets held back because they lie beyond jump_ns; "future" also packets of which the
            end was cut off for this), "overflow" (events dropped by the capacity), "unordered"
            (packets that had to be sorted), "restarts" (the stream went on at another time, the
            buffer was cleared).
    """

    def __init__(
        self,
        horizon_ns: int = 2_000_000_000,
        capacity: int = 4_000_000,
        jump_ns: int | None = None,
        reorder_ns: int = 0,
    ) -> None:
        """Make an empty buffer.

        Args:
            horizon_ns: events this much older than the watermark are forgotten.
            capacity: most events that are kept (16 bytes each).
            jump_ns: a packet that starts this much after (or ends this much before) the watermark
                waits until the next one agrees with it; by default horizon_ns.
            reorder_ns: packets may come in any order within so much time (at most 1 s), and
                windows so much later. Events of the same time are then in the order of p, y, x.
        """
        self._horizon_ns, self._capacity, self._reorder_ns = horizon_ns, capacity, reorder_ns
        self._jump_ns = horizon_ns if jump_ns is None else jump_ns
        self._pending: tuple[np.ndarray, int] | None = None
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.watermark_ns: int = UNKNOWN
        self.begin_ns: int = UNKNOWN
        self._clear()

    def append(self, events: np.ndarray, t_end_ns: int) -> bool:
        """Take in the next packet.

        Args:
            events: EVENT_DTYPE.
            t_end_ns: time that the stream has reached; the last event's time counts if later.

        Returns:
            Whether the packet was taken; False if it waits for the next one to confirm a jump.
        """
        if len(events) == 0 and t_end_ns < 0:
            return True
        events = self._sorted(events)
        if len(events):
            t_end_ns = max(t_end_ns, int(events["t"][-1]))
        if self._newest_ns != UNKNOWN and self._jumps(events, t_end_ns, self._newest_ns):
            pending, self._pending = self._pending, (events.copy(), t_end_ns)
            if pending is None or self._jumps(events, t_end_ns, pending[1]):
                self.counters["future" if t_end_ns > self._newest_ns else "past"] += 1
                return False
            self._clear()
            self.counters["restarts"] += 1
            self._arrive(*pending)
            if self.begin_ns == UNKNOWN:
                self.begin_ns = pending[1]
        self._pending = None
        self._arrive(*self._cut_off(events, t_end_ns))
        return True

    def window(self, t0_ns: int, t1_ns: int) -> np.ndarray:
        """Events with t0_ns <= t < t1_ns, read-only, valid for ever."""
        low, high = self._index(t0_ns), self._index(t1_ns)
        return self._events[low : max(low, high)]

    def last(self, n: int, before_ns: int, after_ns: int = 0) -> np.ndarray:
        """The last (at most) n events with after_ns <= t < before_ns, read-only."""
        return self.window(after_ns, before_ns)[-n:] if n > 0 else self._events[:0]

    def __len__(self) -> int:
        return self._high - self._low

    def _clear(self) -> None:
        self.watermark_ns = self.begin_ns = self._newest_ns = UNKNOWN
        self._waiting = empty_events()
        self._room = np.empty(min(_FIRST_ROOM, self._capacity), EVENT_DTYPE)
        self._low = self._high = 0
        self._share()

    def _share(self) -> None:
        """Views of the room: read-only for callers, and the times for searching."""
        self._events = self._room.view()
        self._events.flags.writeable = False
        self._times = self._room["t"]

    def _index(self, t_ns: int) -> int:
        return bisect_left(self._times, t_ns, self._low, self._high)

    def _sorted(self, events: np.ndarray) -> np.ndarray:
        if is_sorted(packed_words(events)):
            return events
        self.counters["unordered"] += 1
        return events[np.argsort(events["t"], kind="stable")]

    def _jumps(self, events: np.ndarray, t_end_ns: int, reference_ns: int) -> bool:
        """Whether a packet lies too far after or before the time of reference."""
        start_ns = int(events["t"][0]) if len(events) else t_end_ns
        return start_ns > reference_ns + self._jump_ns or t_end_ns < reference_ns - self._jump_ns

    def _cut_off(self, events: np.ndarray, t_end_ns: int) -> tuple[np.ndarray, int]:
        """The packet without what lies beyond jump_ns: one damaged time must not move all."""
        limit_ns = self._newest_ns + self._jump_ns
        if self._newest_ns == UNKNOWN or t_end_ns <= limit_ns:
            return events, t_end_ns
        self.counters["future"] += 1
        kept = bisect_left(events["t"], limit_ns)
        return events[:kept], int(events["t"][kept - 1]) if kept else self._newest_ns

    def _arrive(self, events: np.ndarray, t_end_ns: int) -> None:
        """Take a packet, in order or within the time that is left for reordering."""
        self._newest_ns = max(self._newest_ns, t_end_ns)
        if self._reorder_ns == 0:
            self._take(events, t_end_ns)
            return
        late = bisect_left(events["t"], self.watermark_ns)
        self.counters["old"] += late
        waiting = np.concatenate([self._waiting, events[late:]])
        until_ns = self._newest_ns - self._reorder_ns
        if len(waiting) > self._capacity:
            until_ns = self._newest_ns
        waiting = in_order(waiting)
        ready = bisect_left(waiting["t"], until_ns)
        self._waiting = waiting[ready:]
        self._take(waiting[:ready], max(until_ns, 0))

    def _take(self, events: np.ndarray, t_end_ns: int) -> None:
        """Take events that come after all that were taken."""
        if self.begin_ns == UNKNOWN and len(events):
            self.begin_ns = int(events["t"][0])
        late = bisect_left(events["t"], self.watermark_ns)
        self.counters["old"] += late
        events = events[late:]
        if len(events) > self._capacity:
            surplus = len(events) - self._capacity
            self._overflow(len(self) + surplus, int(events["t"][surplus - 1]))
            self._low = self._high
            events = events[surplus:]
        self.watermark_ns = max(self.watermark_ns, t_end_ns)
        self._store(events)
        self._forget()

    def _store(self, events: np.ndarray) -> None:
        if self._high + len(events) > len(self._room):
            kept = self._events[self._low : self._high]
            # Views that were handed out keep the old room: it is left, never moved within.
            needed = 2 * (len(kept) + len(events))
            self._room = np.empty(max(_FIRST_ROOM, needed), EVENT_DTYPE)
            _copy(kept, self._room, 0)
            self._low, self._high = 0, len(kept)
            self._share()
        _copy(events, self._room, self._high)
        self._high += len(events)

    def _forget(self) -> None:
        """Drop what the horizon or the capacity does not allow."""
        oldest_ns = self.watermark_ns - self._horizon_ns
        if oldest_ns > self.begin_ns != UNKNOWN:
            self._low = self._index(oldest_ns)
            self.begin_ns = oldest_ns
        surplus = len(self) - self._capacity
        if surplus > 0:
            self._low += surplus
            self._overflow(surplus, int(self._times[self._low - 1]))

    def _overflow(self, count: int, last_ns: int) -> None:
        """Note that `count` events up to last_ns are gone."""
        self.counters["overflow"] += count
        self.begin_ns = max(self.begin_ns, last_ns + 1)


def _copy(events: np.ndarray, room: np.ndarray, at: int) -> None:
    words = packed_words(events)
    room.view(np.int64)[2 * at : 2 * at + len(words)] = words
