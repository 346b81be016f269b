"""Many 2D poses of one camera as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hybrid_pose_ros.skeleton import NUM_JOINTS


@dataclass(frozen=True)
class Poses:
    """Poses in any arrangement (...), such as (windows, steps).

    Attributes:
        uv: (..., 13, 2) float32 sensor pixels; NaN = not estimated.
        covariance: (..., 13, 3) float32 px^2: uu, uv, vv.
        confidence: (..., 13) float32; 0 = not estimated.
    """

    uv: np.ndarray
    covariance: np.ndarray
    confidence: np.ndarray

    @classmethod
    def empty(cls, *shape: int) -> Poses:
        """Nothing estimated yet."""
        return cls(
            np.full((*shape, NUM_JOINTS, 2), np.nan, np.float32),
            np.full((*shape, NUM_JOINTS, 3), np.nan, np.float32),
            np.zeros((*shape, NUM_JOINTS), np.float32),
        )

    def __getitem__(self, index: Any) -> Poses:
        return Poses(self.uv[index], self.covariance[index], self.confidence[index])

    def put(self, index: Any, other: Poses) -> None:
        """Set some of the poses, in place."""
        self.uv[index] = other.uv
        self.covariance[index] = other.covariance
        self.confidence[index] = other.confidence


@dataclass
class Firing:
    """What a spiking network did, per layer and step; sums over windows.

    Attributes:
        layers: names, the head last (it has operations, no neurons).
        neurons: (L,) per layer; 0 for the head.
        spikes: (L, T) float64.
        operations: (L, T) float64, synaptic additions.
        windows: (T,) how many windows were added.
    """

    layers: tuple[str, ...]
    neurons: np.ndarray
    spikes: np.ndarray
    operations: np.ndarray
    windows: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def add(self, other: Firing) -> None:
        """Sum with that of other windows of the same network and number of steps."""
        self.spikes += other.spikes
        self.operations += other.operations
        self.windows += other.windows

    @property
    def rates(self) -> np.ndarray:
        """(L - 1, T) share of neurons that fired; NaN where no window got."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return (self.spikes / self.windows)[:-1] / self.neurons[:-1, None]

    @property
    def operations_per_step(self) -> np.ndarray:
        """(L, T) mean synaptic operations of one step."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.operations / self.windows
