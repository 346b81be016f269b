"""Measurements in the order of their time, however they arrive: rewinds, inserts, replays.

Before each measurement the tracker's state is kept, as long as something may still come that
belongs before it. The result is a function of the measurements alone, not of their arrival.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from hybrid_pose_ros.runtime.measurement import Measurement
from hybrid_pose_ros.runtime.tracker import Tracker


class Timeline:
    """Feeds a tracker.

    Args:
        tracker: takes measurements; everything in its `arrays` is rewound.
        horizon_ns: how late a measurement may come.
        same_ns: two measurements of a camera closer than this are the same.
    """

    def __init__(self, tracker: Tracker, horizon_ns: int, same_ns: int) -> None:
        self._tracker = tracker
        self._horizon_ns = horizon_ns
        self._same_ns = same_ns
        self._blank = self._save()
        self._measurements: list[Measurement] = []
        self._before: list[list[np.ndarray]] = []  # states before those that were taken
        self._floor_ns: int | None = None  # nothing can be inserted before
        self.replayed = 0

    def __len__(self) -> int:
        return len(self._measurements)

    def put(self, new: Measurement) -> str:
        """Add a measurement; nothing is computed yet.

        Returns:
            "taken", "replayed" if later ones will be taken anew, "corrected" if it replaced one,
            "duplicate" if there is one already, or "late" if its time is beyond the horizon.
        """
        if self._floor_ns is not None and new.t_ns <= self._floor_ns:
            return "late"
        place = bisect_left(self._measurements, new.order, key=lambda m: m.order)
        same = self._same(new, place)
        if same is not None and not (new.corrects and not self._measurements[same].corrects):
            return "duplicate"
        if same is not None:
            self._rewind(min(same, place))
            del self._measurements[same]
            place -= same < place
            self._measurements.insert(place, new)
            return "corrected"
        rewound = self._rewind(place)
        self._measurements.insert(place, new)
        return "replayed" if rewound else "taken"

    def advance(self, until_ns: int) -> None:
        """Take everything up to a time, then forget what is older than the horizon."""
        while len(self._before) < len(self._measurements):
            measurement = self._measurements[len(self._before)]
            if measurement.t_ns > until_ns:
                break
            self._before.append(self._save())
            self._tracker.take(measurement)
        oldest_ns = until_ns - self._horizon_ns
        old = 0
        while old < len(self._before) and self._measurements[old].t_ns < oldest_ns:
            old += 1
        if old:
            self._floor_ns = self._measurements[old - 1].t_ns
            del self._measurements[:old], self._before[:old]

    def restart(self) -> None:
        """Forget everything."""
        self._restore(self._blank)
        self._measurements.clear()
        self._before.clear()
        self._floor_ns = None

    def _same(self, new: Measurement, place: int) -> int | None:
        """Index of this camera's measurement of the same time."""
        for step in (-1, 1):
            index = place if step > 0 else place - 1
            while 0 <= index < len(self._measurements):
                other = self._measurements[index]
                if abs(other.t_ns - new.t_ns) >= self._same_ns:
                    break
                if other.camera == new.camera:
                    return index
                index += step
        return None

    def _rewind(self, place: int) -> bool:
        """Go back to before a measurement; False if it was not taken yet."""
        if place >= len(self._before):
            return False
        self._restore(self._before[place])
        self.replayed += len(self._before) - place
        del self._before[place:]
        return True

    def _save(self) -> list[np.ndarray]:
        return [array.copy() for array in self._tracker.arrays]

    def _restore(self, saved: list[np.ndarray]) -> None:
        for array, old in zip(self._tracker.arrays, saved, strict=True):
            array[...] = old
