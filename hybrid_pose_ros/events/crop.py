"""The window of a sensor that the networks see, and the way back from heatmap to sensor pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Crop:
    """A square window of the sensor, in pixels: columns x..x+width-1, rows y..y+height-1."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width != self.height or self.width < 1:
            raise ValueError(f"crop must be square, got {self.width} x {self.height} pixels")
        if self.x < 0 or self.y < 0:
            raise ValueError(f"crop must start inside the sensor, got x={self.x}, y={self.y}")

    @classmethod
    def centered(cls, width: int, height: int) -> Crop:
        """The largest square in the middle of a width x height sensor."""
        side = min(width, height)
        return cls((width - side) // 2, (height - side) // 2, side, side)

    def to_sensor(self, cells: np.ndarray, cell_count: int) -> np.ndarray:
        """Positions on a cell_count x cell_count grid over the crop to sensor pixels.

        Args:
            cells: (..., 2) column, row; cell centres at integers.

        Returns:
            (..., 2) u, v in sensor pixels, pixel centres at integers.
        """
        scale = self.width / cell_count
        return (np.asarray(cells) + 0.5) * scale - 0.5 + np.array([self.x, self.y])

    def to_cells(self, uv: np.ndarray, cell_count: int) -> np.ndarray:
        """Inverse of `to_sensor`."""
        scale = self.width / cell_count
        return (np.asarray(uv) - np.array([self.x, self.y]) + 0.5) / scale - 0.5
