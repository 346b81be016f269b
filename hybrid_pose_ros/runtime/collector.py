"""Sorts poses of several cameras into the cells of one time grid and says when a cell is complete.

Time comes only from the stamps. A cell is complete when every live camera has delivered it or a
later one; a camera is live until the others are `live_periods` poses ahead of it. The grid's phase
follows the data slowly, so that camera clocks may drift and be up to half a period apart.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from hybrid_pose_ros.pose.keypoints import Keypoints

# Share of a cell's mean distance from the grid that moves the grid.
_PHASE_GAIN = 0.05
# A stamp this far from all others is a fault of one camera, or a new start of all.
_JUMP_NS = 1_000_000_000


@dataclass(frozen=True)
class Sample:
    """One camera's pose at t_ns (ROS time)."""

    camera: str
    t_ns: int
    keypoints: Keypoints


@dataclass(frozen=True)
class Cell:
    """The poses of one grid time, at most one per camera, oldest first; empty where all lost it.

    Attributes:
        t_ns: the grid time.
        restart: the stamps have jumped (a recording began anew): forget the past first.
    """

    t_ns: int
    samples: tuple[Sample, ...]
    restart: bool = False


@dataclass
class _Camera:
    last_cell: int
    last_ns: int = -1
    counters: Counter[str] = field(default_factory=Counter)


class Collector:
    """Poses in, complete cells out, in the order of time.

    Args:
        cameras: all cameras that may deliver.
        period_ns: distance of the grid times.
        live_periods: a camera that misses more cells than this in which others delivered is no
            longer waited for.
    """

    def __init__(self, cameras: Sequence[str], period_ns: int, live_periods: int) -> None:
        self._period_ns = period_ns
        self._live_periods = live_periods
        self._cameras = {name: _Camera(-1) for name in cameras}
        self._pending: dict[int, list[Sample]] = {}
        self._origin_ns: int | None = None  # time of cell 0
        self._next = 0  # first cell not given out
        # The cells that were the newest one last: counted in them, a pause of all is no lag.
        self._advances: deque[int] = deque(maxlen=live_periods + 1)
        self._newest_ns = 0
        self._jumps = 0  # stamps out of line since the last good one
        self._restart = False

    def add(self, sample: Sample) -> list[Cell]:
        """Take one pose; returns the cells that it completes."""
        camera = self._cameras[sample.camera]
        if self._origin_ns is None:
            self._begin(sample.t_ns)
        elif abs(sample.t_ns - self._newest_ns) > _JUMP_NS:
            camera.counters["jumps"] += 1
            self._jumps += 1
            if self._jumps < 2 * len(self._cameras):
                return []
            self._begin(sample.t_ns)  # no camera goes on in the old time
            self._restart = True
        self._jumps = 0
        cell = self._cell(sample.t_ns)
        camera.last_cell = max(camera.last_cell, cell)
        camera.last_ns = sample.t_ns
        if not self._advances or cell > self._advances[-1]:
            self._advances.append(cell)
        self._newest_ns = max(self._newest_ns, sample.t_ns)
        if cell < self._next:
            camera.counters["late"] += 1
        else:
            self._keep(camera, cell, sample)
        return self._take_until(self._frontier())

    def flush(self) -> list[Cell]:
        """Give out everything that waits, complete or not."""
        return self._take_until(self._advances[-1]) if self._pending else []

    def live(self, camera: str) -> bool:
        """Whether this camera is waited for."""
        return self._origin_ns is not None and self._is_live(self._cameras[camera])

    def last_ns(self, camera: str) -> int:
        """Latest stamp of a camera; -1 if it never delivered."""
        return self._cameras[camera].last_ns

    def counters(self, camera: str) -> dict[str, int]:
        """How many poses were taken, late, duplicate, or jumped in time."""
        return dict(self._cameras[camera].counters)

    def _begin(self, t_ns: int) -> None:
        self._origin_ns, self._newest_ns = t_ns, t_ns
        self._next = 0
        self._pending.clear()
        self._advances.clear()
        for camera in self._cameras.values():
            camera.last_cell = -1  # all cameras are waited for at the start

    def _cell(self, t_ns: int) -> int:
        assert self._origin_ns is not None
        return (t_ns - self._origin_ns + self._period_ns // 2) // self._period_ns

    def _keep(self, camera: _Camera, cell: int, sample: Sample) -> None:
        waiting = self._pending.setdefault(cell, [])
        if any(other.camera == sample.camera for other in waiting):
            camera.counters["duplicate"] += 1
            return
        camera.counters["taken"] += 1
        waiting.append(sample)

    def _frontier(self) -> int:
        """The newest cell that no live camera can add to any more."""
        return min(c.last_cell for c in self._cameras.values() if self._is_live(c))

    def _is_live(self, camera: _Camera) -> bool:
        full = len(self._advances) == self._advances.maxlen
        return not full or camera.last_cell >= self._advances[0]

    def _take_until(self, frontier: int) -> list[Cell]:
        cells = []
        while self._next <= frontier:
            if frontier - self._next >= self._live_periods and self._next not in self._pending:
                # Nobody delivered for long: go on where the data do, without inventing poses.
                self._next = min((*self._pending, frontier + 1))
                continue
            samples = sorted(self._pending.pop(self._next, []), key=lambda s: (s.t_ns, s.camera))
            cells.append(self._give(samples))
        return cells

    def _give(self, samples: list[Sample]) -> Cell:
        assert self._origin_ns is not None
        t_ns = self._origin_ns + self._next * self._period_ns
        cell = Cell(t_ns, tuple(samples), self._restart)
        self._restart = False
        self._next += 1
        if samples:
            offset = sum(sample.t_ns - t_ns for sample in samples) / len(samples)
            self._origin_ns += int(_PHASE_GAIN * offset)
        return cell
