"""Cameras of one clock whose times are apart by a multiple of the wrap, brought together.

The time in the packets wraps (EVT3: every 16.78 s), and a receiver counts wraps from its own first
packet. Two synchronised cameras, or two nodes that listen to one, may therefore be whole wraps
apart, and as a wrap is no multiple of a bin, so are their bins. Which wrap is meant can be told
from ROS time, which both know well enough.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hybrid_pose_ros.events.clock import SensorClock

# Synchronised cameras have the same offset up to the difference of their quickest packets.
TOLERANCE_NS = 20_000_000
# So long after its start a camera's offset is known well enough to say that it is not synchronised.
DECIDE_NS = 2_000_000_000


@dataclass
class WrapCount:
    """How many wraps are added to one camera's sensor time.

    Attributes:
        clock: in shifted time.
        shift_ns: added to the times in the packets.
        wrap_ns: of the encoding; 0 if there is none.
    """

    clock: SensorClock
    shift_ns: int = 0
    wrap_ns: int = 0
    decided: bool = False
    _first_ns: int | None = field(default=None)

    def restart(self, wrap_ns: int) -> None:
        """The driver or the encoding started anew: count from zero."""
        if self.shift_ns:
            self.clock.shift(-self.shift_ns)
        self.shift_ns, self.wrap_ns, self.decided, self._first_ns = 0, wrap_ns, False, None

    def align(self, others: list[WrapCount], t_ns: int) -> bool:
        """Compare with the other cameras while it is not decided; whether the shift was changed.

        Args:
            t_ns: shifted time of the stream, known to the clock.
        """
        if self.decided or self.clock.offset_ns is None:
            return False
        known = [
            one
            for one in others
            if one.decided and one.wrap_ns == self.wrap_ns and one.clock.offset_ns is not None
        ]
        if not known or self.wrap_ns == 0:
            self.decided = True
            return False
        self._first_ns = t_ns if self._first_ns is None else self._first_ns
        reference_ns = known[0].clock.offset_ns or 0
        if self._move(self.clock.offset_ns - reference_ns, t_ns, TOLERANCE_NS):
            self.decided = True
            return True
        self.decided = not 0 <= t_ns - self._first_ns < DECIDE_NS
        return False

    def follow(self, t_ns: int, ros_ns: int) -> bool:
        """Count as another receiver of the same camera; whether the shift was changed.

        Args:
            t_ns: sensor time as it counts, of the ROS time `ros_ns`.
        """
        if self.wrap_ns == 0 or self.clock.offset_ns is None:
            return False
        own_ns = ros_ns - self.clock.offset_ns
        return self._move(t_ns - own_ns, max(own_ns, t_ns), self.wrap_ns // 16)

    def _move(self, by_ns: int, t_ns: int, tolerance_ns: int) -> bool:
        """Shift by `by_ns` if that is a number of wraps, unless time became negative."""
        shift_ns = round(by_ns / self.wrap_ns) * self.wrap_ns
        if shift_ns == 0 or abs(by_ns - shift_ns) > tolerance_ns or t_ns + shift_ns < 0:
            return False
        self.shift_ns += shift_ns
        self.clock.shift(shift_ns)
        return True
