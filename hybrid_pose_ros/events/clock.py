"""Sensor time to ROS time, from the stamps that the host gave to packets on arrival.

A packet is stamped after its last event by a delay that varies but is never negative, so the
smallest difference of stamp and sensor time is the best estimate of the clocks' offset.
"""

from __future__ import annotations

JUMP_NS = 1_000_000_000
# The minimum covers the last one to two spans, so that it follows the drift of the clocks.
SPAN_NS = 30_000_000_000
_JITTER_GAIN = 0.05


class SensorClock:
    """Offset between the clock of one sensor and ROS time.

    Attributes:
        offset_ns: ROS time minus sensor time; None before the first update.
        jitter_ns: running mean of how much later than the quickest the packets arrive.
        jumps: how often one of the clocks jumped by more than a second.
    """

    def __init__(self) -> None:
        self.offset_ns: int | None = None
        self.jitter_ns = 0.0
        self.jumps = 0
        self._span_start_ns = 0
        self._previous_ns = self._current_ns = 0

    def update(self, stamp_ns: int, t_ns: int) -> None:
        """Learn from a packet.

        Args:
            stamp_ns: its header stamp, ROS time.
            t_ns: sensor time that the stream reached with it; negative (unknown) is skipped.
        """
        if t_ns < 0:
            return
        difference_ns = stamp_ns - t_ns
        if self.offset_ns is None or abs(difference_ns - self.offset_ns) > JUMP_NS:
            self.jumps += self.offset_ns is not None
            self._previous_ns = self._current_ns = difference_ns
            self._span_start_ns, self.jitter_ns = t_ns, 0.0
        elif not 0 <= t_ns - self._span_start_ns < SPAN_NS:
            self._previous_ns, self._current_ns = self._current_ns, difference_ns
            self._span_start_ns = t_ns
        else:
            self._current_ns = min(self._current_ns, difference_ns)
        self.offset_ns = min(self._previous_ns, self._current_ns)
        late_ns = difference_ns - self.offset_ns
        self.jitter_ns += _JITTER_GAIN * (late_ns - self.jitter_ns)

    def to_ros(self, t_ns: int) -> int:
        """ROS time of a sensor time.

        Raises:
            RuntimeError: before the first update.
        """
        if self.offset_ns is None:
            raise RuntimeError("the clock has not seen a packet yet")
        return t_ns + self.offset_ns
