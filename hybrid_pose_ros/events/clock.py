"""Sensor time to ROS time, from the stamps that the host gave to packets on arrival.

A packet is stamped after its last event by a delay that varies but is never negative, so the
points (sensor time, stamp minus sensor time) lie on or above the line that relates the clocks. It
is estimated from below: the rate from the lower convex hull of the last minute, the height
from the quickest packets. Nothing depends on when `update` is called.
"""

from __future__ import annotations

from collections import deque

JUMP_NS = 1_000_000_000  # a difference this far from the line is another clock
EARLY_NS = 5_000_000  # this far below the line, one packet is not enough to believe it
AGREE_NS = 100_000_000  # packets that tell of the same jump differ by less
CONFIRM_NS = 250_000_000  # a host that was busy catches up in this time, a new clock stays
BUCKET_NS = 1_000_000_000  # of each such span of sensor time the quickest packet is kept
BUCKETS = 60
MIN_SPAN_NS = 5 * BUCKET_NS  # before, the rates of the clocks are taken to be equal
MAX_DRIFT = 500e-6
_JITTER_GAIN = 0.05

Point = tuple[int, int]  # sensor time, stamp minus sensor time


class SensorClock:
    """The relation between the clock of one sensor and ROS time.

    Attributes:
        offset_ns: ROS time minus sensor time at the last packet; None before the first update.
        drift: how much faster ROS time runs than the sensor's clock (1e-6 = 1 ppm).
        jitter_ns: running mean of how much later than the quickest the packets arrive.
        jumps: how often one of the clocks jumped by more than a second.
        stamp_ns: stamp of the last packet that was believed.
    """

    def __init__(self) -> None:
        self.offset_ns: int | None = None
        self.drift = 0.0
        self.jitter_ns = 0.0
        self.jumps = 0
        self.stamp_ns = 0
        self._anchor: Point = (0, 0)  # a point of the line
        self._t_ns = 0
        self._quickest: tuple[int, Point] | None = None  # lateness and point of this bucket
        self._history: deque[Point] = deque(maxlen=BUCKETS)
        self._suspect: Point | None = None

    def update(self, stamp_ns: int, t_ns: int) -> None:
        """Learn from a packet.

        Args:
            stamp_ns: its header stamp, ROS time.
            t_ns: sensor time that the stream reached with it; negative (unknown) is skipped.
        """
        if t_ns < 0:
            return
        point = (t_ns, stamp_ns - t_ns)
        if self.offset_ns is None:
            self._start(point)
        elif not self._believes(point):
            return
        late_ns = point[1] - self._line(t_ns)
        if late_ns < 0:
            self._anchor = point
        self.jitter_ns += _JITTER_GAIN * (max(late_ns, 0) - self.jitter_ns)
        self._keep(point, late_ns)
        self._t_ns, self.stamp_ns = t_ns, stamp_ns
        self.offset_ns = self._line(t_ns)

    def to_ros(self, t_ns: int) -> int:
        """ROS time of a sensor time.

        Raises:
            RuntimeError: before the first update.
        """
        if self.offset_ns is None:
            raise RuntimeError("the clock has not seen a packet yet")
        return t_ns + self._line(t_ns)

    def shift(self, by_ns: int) -> None:
        """Go on as if all sensor times, past and future, were later by `by_ns`."""
        if self.offset_ns is None:
            return
        self.offset_ns -= by_ns
        self._anchor = _moved(self._anchor, by_ns)
        self._history = deque((_moved(p, by_ns) for p in self._history), maxlen=BUCKETS)
        if self._quickest is not None:
            self._quickest = (self._quickest[0], _moved(self._quickest[1], by_ns))
        self._t_ns += by_ns
        self._suspect = None

    def _line(self, t_ns: int) -> int:
        """The least difference of stamp and sensor time at a sensor time."""
        return self._anchor[1] + round(self.drift * (t_ns - self._anchor[0]))

    def _start(self, point: Point) -> None:
        self._anchor, self.drift, self.jitter_ns = point, 0.0, 0.0
        self._history.clear()
        self._quickest = self._suspect = None

    def _believes(self, point: Point) -> bool:
        """Whether the packet is about these clocks; a second one that agrees starts anew."""
        late_ns = point[1] - self._line(point[0])
        returned = point[0] < self._t_ns - JUMP_NS
        if -EARLY_NS <= late_ns <= JUMP_NS:
            if returned:  # sensor time and stamps were repeated together, as in a bag that loops
                self._history.clear()
                self._quickest = None
            self._suspect = None
            return True
        suspect = self._suspect
        if suspect is None or not _agree(suspect, point):
            self._suspect = point
            return False
        if late_ns > JUMP_NS and not returned and point[0] - suspect[0] < CONFIRM_NS:
            return False
        if abs(late_ns) > JUMP_NS:
            self.jumps += 1
            self._start(min(suspect, point, key=lambda p: p[1]))
        elif suspect[1] > point[1]:
            self._anchor = suspect  # the less surprising of the two
        else:
            self._anchor = point
        self._suspect = None
        return point[1] >= self._line(point[0])

    def _keep(self, point: Point, late_ns: int) -> None:
        """Remember the quickest packet of every bucket; estimate the line when one is full."""
        if self._quickest is not None:
            best_ns, best = self._quickest
            if best[0] // BUCKET_NS == point[0] // BUCKET_NS:
                if late_ns < best_ns:
                    self._quickest = (late_ns, point)
                return
            self._history.append(best)
            self._estimate()
        self._quickest = (late_ns, point)

    def _estimate(self) -> None:
        history, oldest_ns = self._history, self._history[-1][0] - BUCKETS * BUCKET_NS
        while history[0][0] < oldest_ns or history[0][0] > history[-1][0]:
            history.popleft()
        if history[-1][0] - history[0][0] < MIN_SPAN_NS:
            return
        hull = _lower_hull(history)
        middle_ns = sum(t for t, _ in history) // len(history)
        after = next(i for i, (t, _) in enumerate(hull) if t > middle_ns)
        (t0, d0), (t1, d1) = hull[after - 1], hull[after]
        self.drift = min(max((d1 - d0) / (t1 - t0), -MAX_DRIFT), MAX_DRIFT)
        # Above the hull's edge nothing lies below; with a rate that was cut something may.
        self._anchor = min(hull, key=lambda p: p[1] - self.drift * (p[0] - t0))


def _moved(point: Point, by_ns: int) -> Point:
    return point[0] + by_ns, point[1] - by_ns


def _agree(first: Point, second: Point) -> bool:
    """Whether two packets, one after the other, can be of the same clocks."""
    return abs(first[1] - second[1]) < AGREE_NS and 0 <= second[0] - first[0] < JUMP_NS


def _lower_hull(points: deque[Point]) -> list[Point]:
    """The corners of the lower convex hull; whole numbers, so that nothing is rounded."""
    hull: list[Point] = []
    for t, d in points:
        while len(hull) > 1:
            (t0, d0), (t1, d1) = hull[-2], hull[-1]
            if (d1 - d0) * (t - t0) < (d - d0) * (t1 - t0):
                break
            hull.pop()
        hull.append((t, d))
    return hull
