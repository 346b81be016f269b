"""The last bins of one camera: what a keyframe that comes late starts again from."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.runtime.engine import StepResult


@dataclass
class Bin:
    """A bin's events (2, S, S), and what the network said after it; None without a keyframe."""

    index: int
    counts: np.ndarray
    result: StepResult | None = None


class BinHistory:
    """As many bins as a keyframe may be late, and one more: what was known before them."""

    def __init__(self, max_delay_bins: int) -> None:
        self._bins: deque[Bin] = deque(maxlen=max_delay_bins + 1)
        self._max_delay = max_delay_bins

    def add(self, index: int, counts: np.ndarray) -> Bin:
        """The next bin, its result to be filled in."""
        self._bins.append(Bin(index, counts))
        return self._bins[-1]

    def clear(self) -> None:
        """Forget all bins."""
        self._bins.clear()

    def since(self, first: int, end: int) -> list[Bin] | None:
        """Bins first to end - 1; None unless all of them are kept."""
        bins = [each for each in self._bins if each.index >= first]
        missed = end - first
        return bins if len(bins) == missed <= self._max_delay else None

    def known_before(self, first: int) -> StepResult | None:
        """What the network said at the beginning of a bin; None where nothing is known."""
        return next((each.result for each in self._bins if each.index == first - 1), None)
