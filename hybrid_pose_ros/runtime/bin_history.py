"""The last bins of one camera: what a keyframe that comes late starts again from."""

from __future__ import annotations

from collections import deque

import numpy as np

from hybrid_pose_ros.runtime.engine import StepResult


class BinHistory:
    """Events of as many bins as a keyframe may be late, and what the network said after each.

    Args:
        max_delay_bins: so late.
        earlier: bins before those, which a network looks back to.
    """

    def __init__(self, max_delay_bins: int, earlier: int = 0) -> None:
        self._bins: deque[tuple[int, np.ndarray]] = deque(maxlen=max_delay_bins + earlier)
        self._max_delay_bins, self._earlier = max_delay_bins, earlier
        self._known: dict[int, StepResult] = {}

    def add(self, index: int, counts: np.ndarray) -> None:
        """The next bin: its number and events (2, S, S)."""
        self._bins.append((index, counts))
        # The one before the oldest bin is kept: a keyframe may come for that bin's beginning.
        oldest = max(index - self._max_delay_bins + 1, self._bins[0][0])
        for old in [i for i in self._known if i < oldest - 1]:
            del self._known[old]

    def know(self, index: int, result: StepResult) -> None:
        """What the network said after a bin; replaces what it said before a keyframe came."""
        self._known[index] = result

    def clear(self) -> None:
        """Forget everything."""
        self._bins.clear()
        self._known.clear()

    def since(self, first: int, end: int) -> list[tuple[int, np.ndarray]] | None:
        """Number and events of the bins first to end - 1; None unless all of them are kept."""
        bins = [each for each in self._bins if each[0] >= first]
        return bins if len(bins) == end - first <= self._max_delay_bins else None

    def until(self, first: int) -> list[np.ndarray]:
        """Events of the bins before a bin that a network looks back to, the newest last."""
        before = [counts for index, counts in self._bins if index < first]
        return before[max(0, len(before) - self._earlier) :]

    def known_before(self, first: int) -> StepResult | None:
        """What the network said at the beginning of a bin; None where nothing is known."""
        return self._known.get(first - 1)
