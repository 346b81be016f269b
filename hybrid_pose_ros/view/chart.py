"""A rolling line chart for the last seconds of one quantity."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from hybrid_pose_ros.view import canvas


class RollingChart:
    """Keeps the last `span_s` seconds of a value and draws them.

    Args:
        label: what is shown, with its unit.
        colour: of the curve.
        floor_max: the vertical axis reaches at least this value.
        span_s: seconds from the left to the right edge.
    """

    def __init__(
        self, label: str, colour: canvas.Colour, floor_max: float, span_s: float = 5.0
    ) -> None:
        self.label, self.colour = label, colour
        self._floor_max, self._span_s = floor_max, span_s
        self._points: deque[tuple[float, float]] = deque()

    def add(self, t_s: float, value: float) -> None:
        """Appends a value; NaN leaves a gap."""
        self._points.append((t_s, value))
        while self._points[0][0] < t_s - self._span_s:
            self._points.popleft()

    @property
    def last_t_s(self) -> float:
        """The time of the latest value."""
        return self._points[-1][0]

    def draw(self, image: np.ndarray, box: tuple[int, int, int, int]) -> None:
        """Draws into box = (x, y, width, height)."""
        x, y, width, height = box
        canvas.text(image, (x, y + 12), self.label, 13, canvas.MUTED)
        low = y + height - 1
        canvas.line(image, (x, low), (x + width - 1, low), canvas.RULE)
        finite = [value for _, value in self._points if np.isfinite(value)]
        if not finite:
            return
        latest, top = self._points[-1], max(self._floor_max, 1.15 * max(finite))
        if np.isfinite(latest[1]):
            canvas.text(image, (x + width, y + 12), f"{latest[1]:.0f}", 14, align="right")
        last_t = latest[0]
        rise = height - 20
        line: list[tuple[float, float]] = []
        for t, value in [*self._points, (last_t, float("nan"))]:
            if np.isfinite(value):
                right = x + (width - 1) * (1.0 - (last_t - t) / self._span_s)
                line.append((right, low - rise * value / top))
            elif line:
                self._draw_run(image, line, low)
                line = []

    def _draw_run(self, image: np.ndarray, run: list[tuple[float, float]], low: int) -> None:
        """One stretch without gaps: the curve over a soft area."""
        area = np.array([(run[0][0], low), *run, (run[-1][0], low)])
        with canvas.opacity(image, area.tolist(), 1, 0.22):
            canvas.polygon(image, area, self.colour)
        curve = np.round(np.array(run) * 16).astype(np.int32)
        cv2.polylines(image, [curve], False, self.colour, 1, cv2.LINE_AA, 4)
