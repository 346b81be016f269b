"""Where all parts of all bodies are at the pictures' times.

The bodies are placed on the host by the code that the other executor uses, some time ahead, so that
the device need not be waited for while it draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from hybrid_pose_ros.simulator.body import PART_SIZE, body_of
from hybrid_pose_ros.simulator.performance import Performance
from hybrid_pose_ros.simulator.simulate import FRAME_RATE, TRUTH_PERIOD_NS

BIN_NS = TRUTH_PERIOD_NS
STEPS = round(FRAME_RATE * BIN_NS * 1e-9)  # pictures in a bin
_AHEAD = 50  # bins that are placed at a time; numpy is slow on few instants


class Motion:
    """The bodies of C performances, P parts each (what lies beyond a body's own is zero)."""

    def __init__(
        self, performances: Sequence[Performance], parts: int, device: torch.device
    ) -> None:
        self._performances, self._parts, self._device = performances, parts, device
        self._first, self._placed = 0, torch.zeros(0)

    def parts(self, first: int, bins: int) -> Tensor:
        """(bins * STEPS, C, P, PART_SIZE) float64 at the ends of all steps of `bins` bins.

        Args:
            first: number of the first bin; bin 0 begins at time 0, earlier ones are negative.
        """
        start = (first - self._first) * STEPS
        if start < 0 or start + bins * STEPS > len(self._placed):
            self._place(first, max(bins, _AHEAD))
            start = 0
        return self._placed[start : start + bins * STEPS]

    def still(self, bin_number: int) -> Tensor:
        """(1, C, P, PART_SIZE) at the beginning of a bin."""
        return self.parts(bin_number - 1, 1)[-1:]

    def _place(self, first: int, bins: int) -> None:
        numbers = np.arange(first * STEPS + 1, (first + bins) * STEPS + 1)
        times = numbers * BIN_NS // STEPS * 1e-9
        placed = np.zeros((len(times), len(self._performances), self._parts, PART_SIZE))
        for i, performance in enumerate(self._performances):
            body = body_of(performance.bones(times), performance.person)
            placed[:, i, : body.parts.shape[1]] = body.parts
        self._first, self._placed = first, torch.as_tensor(placed, device=self._device)
