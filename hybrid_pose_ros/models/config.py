"""Every setting of the lite networks, in one record that travels with the weights."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from hybrid_pose_ros.skeleton import NUM_JOINTS


@dataclass(frozen=True)
class LiteConfig:
    """Sizes and constants of the lite hybrid.

    Attributes:
        input_size: side of the square input, pixels; the crop's events are pooled to it.
        heatmap_size: side of the heatmaps, cells; half of the input.
        keyframe_bins: time bins per polarity of the CNN's input.
        cnn_widths: channels of the CNN at 1/2, 1/4, 1/8 and 1/16 of the input.
        snn_widths: channels of the SNN at 1/2, 1/4 and 1/8 of the input.
        tau: membrane time constant of the LIF neurons, in bins.
        decay: initial factor by which the output of the hybrid keeps its previous value.
        joints: number of heatmaps.
    """

    input_size: int = 128
    keyframe_bins: int = 10
    cnn_widths: tuple[int, int, int, int] = (24, 48, 96, 128)
    snn_widths: tuple[int, int, int] = (16, 32, 64)
    tau: float = 3.0
    decay: float = 0.9
    joints: int = NUM_JOINTS

    def __post_init__(self) -> None:
        if self.input_size % 16 or self.input_size <= 0:
            raise ValueError(f"input_size must be a multiple of 16, got {self.input_size}")
        if any(width % 8 for width in self.snn_widths):
            raise ValueError(f"snn_widths must be multiples of 8, got {self.snn_widths}")
        if self.tau < 1.0:
            raise ValueError(f"tau must be >= 1 bin, got {self.tau}")
        if not 0.0 < self.decay < 1.0:
            raise ValueError(f"decay must lie between 0 and 1, got {self.decay}")

    @property
    def heatmap_size(self) -> int:
        return self.input_size // 2

    @classmethod
    def from_dict(cls, values: dict) -> LiteConfig:
        """Rebuild from `dataclasses.asdict` (JSON turns tuples into lists).

        Raises:
            ValueError: for a key that is not a setting, or a value out of range.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown network settings {unknown}; known are {sorted(known)}")
        settings: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**settings)
