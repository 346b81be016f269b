"""Says which times of one grid are complete: when every camera has delivered them.

Time comes only from the stamps. A grid time is complete when every live camera has delivered it or
a later one; a camera is live until the others are `live_periods` poses ahead of it. The grid's
phase follows the data slowly, so that camera clocks may drift and be up to half a period apart. A
camera whose stamps leap away from the others' is not listened to until they are back.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

# Share of a cell's mean distance from the grid that moves the grid.
_PHASE_GAIN = 0.05
# A camera's stamp that leaps so far while the others' do not is a fault; it ends this near to them.
_LEAP_NS, _BACK_NS = 150_000_000, 60_000_000
# A stamp this far from all others is a fault of one camera, or a new start of all.
_JUMP_NS = 1_000_000_000


@dataclass(frozen=True)
class Tick:
    """A complete grid time.

    Attributes:
        t_ns: the grid time.
        restart: the stamps have jumped (a recording began anew): forget the past first.
    """

    t_ns: int
    restart: bool = False


@dataclass
class _Camera:
    last_cell: int = -1
    last_ns: int = -1
    others_ns: int = -1  # newest of the others when this one delivered last
    leapt: bool = False
    counters: Counter[str] = field(default_factory=Counter)


class Collector:
    """Stamps in, complete grid times out, in order.

    Args:
        cameras: all cameras that may deliver.
        period_ns: distance of the grid times.
        live_periods: a camera that misses more cells than this in which others delivered is no
            longer waited for.
    """

    def __init__(self, cameras: Sequence[str], period_ns: int, live_periods: int) -> None:
        self._period_ns = period_ns
        self._live_periods = live_periods
        self._cameras = {name: _Camera() for name in cameras}
        self._pending: dict[int, list[int]] = {}  # distances from the grid, by cell
        self._origin_ns: int | None = None  # time of cell 0
        self._next = 0  # first cell not given out
        # The cells that were the newest one last: counted in them, a pause of all is no lag.
        self._advances: deque[int] = deque(maxlen=live_periods + 1)
        self._newest_ns = 0
        self._refused = 0  # stamps out of line since the last good one
        self._restart = False

    def add(self, name: str, t_ns: int) -> tuple[bool, list[Tick]]:
        """Take one pose's stamp; returns whether it can be believed, and what it completes."""
        camera = self._cameras[name]
        if self._origin_ns is None:
            self._begin(t_ns)
        elif self._out_of_line(name, t_ns):
            camera.counters["jumps"] += 1
            self._refused += 1
            if self._refused < 2 * len(self._cameras):
                return False, []
            self._begin(t_ns)  # no camera goes on in the old time
            self._restart = True
        self._refused = 0
        cell = self._cell(t_ns)
        camera.last_cell = max(camera.last_cell, cell)
        camera.last_ns = t_ns
        camera.others_ns = self._others_ns(name)
        if not self._advances or cell > self._advances[-1]:
            self._advances.append(cell)
        self._newest_ns = max(self._newest_ns, t_ns)
        if cell >= self._next:
            self._pending.setdefault(cell, []).append(t_ns - self._time(cell))
        return True, self._take_until(self._frontier())

    def flush(self) -> list[Tick]:
        """Give out everything that waits, complete or not."""
        return self._take_until(self._advances[-1]) if self._pending else []

    def live(self, camera: str) -> bool:
        """Whether this camera is waited for."""
        return self._origin_ns is not None and self._is_live(self._cameras[camera])

    def leapt(self, camera: str) -> bool:
        """Whether this camera's stamps have left the others'."""
        return self._cameras[camera].leapt

    def last_ns(self, camera: str) -> int:
        """Latest stamp of a camera; -1 if it never delivered."""
        return self._cameras[camera].last_ns

    def counters(self, camera: str) -> dict[str, int]:
        """How many poses jumped in time."""
        return dict(self._cameras[camera].counters)

    def _begin(self, t_ns: int) -> None:
        self._origin_ns, self._newest_ns = t_ns, t_ns
        self._next = 0
        self._pending.clear()
        self._advances.clear()
        for camera in self._cameras.values():
            camera.last_cell = camera.last_ns = camera.others_ns = -1  # all are waited for
            camera.leapt = False

    def _out_of_line(self, name: str, t_ns: int) -> bool:
        """Whether this stamp does not belong to the time that the others are in."""
        camera, others_ns = self._cameras[name], self._others_ns(name)
        if abs(t_ns - self._newest_ns) > _JUMP_NS:
            return True
        if others_ns < 0:  # nobody to compare with
            camera.leapt = False
        elif camera.leapt:
            camera.leapt = abs(t_ns - others_ns) > _BACK_NS
        elif camera.last_ns >= 0 and camera.others_ns >= 0:
            step = t_ns - camera.last_ns
            ahead = step - max(0, others_ns - camera.others_ns)
            camera.leapt = step < -_LEAP_NS or (ahead > _LEAP_NS and t_ns - others_ns > _LEAP_NS)
        return camera.leapt

    def _others_ns(self, name: str) -> int:
        """Newest stamp of the other cameras that are live; -1 without one."""
        return max(
            (c.last_ns for n, c in self._cameras.items() if n != name and self._is_live(c)),
            default=-1,
        )

    def _cell(self, t_ns: int) -> int:
        assert self._origin_ns is not None
        return (t_ns - self._origin_ns + self._period_ns // 2) // self._period_ns

    def _time(self, cell: int) -> int:
        assert self._origin_ns is not None
        return self._origin_ns + cell * self._period_ns

    def _frontier(self) -> int:
        """The newest cell that no live camera can add to any more."""
        return min(c.last_cell for c in self._cameras.values() if self._is_live(c))

    def _is_live(self, camera: _Camera) -> bool:
        full = len(self._advances) == self._advances.maxlen
        return not camera.leapt and (not full or camera.last_cell >= self._advances[0])

    def _take_until(self, frontier: int) -> list[Tick]:
        ticks = []
        while self._next <= frontier:
            if frontier - self._next >= self._live_periods and self._next not in self._pending:
                # Nobody delivered for long: go on where the data do, without inventing poses.
                self._next = min((*self._pending, frontier + 1))
                continue
            ticks.append(self._give())
        return ticks

    def _give(self) -> Tick:
        assert self._origin_ns is not None
        tick = Tick(self._time(self._next), self._restart)
        self._restart = False
        offsets = self._pending.pop(self._next, [])
        self._next += 1
        if offsets:
            self._origin_ns += int(_PHASE_GAIN * sum(offsets) / len(offsets))
        return tick
