"""Which part of a sensor a picture panel shows, and how large."""

from __future__ import annotations

import cv2
import numpy as np

from hybrid_pose_ros.view import canvas


class Viewport:
    """Fits a sensor's height into a panel and keeps the person in the middle of its width.

    Args:
        sensor: (width, height) of the sensor, pixels.
        panel: (width, height) of the panel, pixels.
    """

    _DEAD_ZONE = 0.12  # of the panel's width: the person may move this far before it follows
    _FOLLOW = 0.15

    def __init__(self, sensor: tuple[int, int], panel: tuple[int, int]) -> None:
        self.sensor, self.panel = sensor, panel
        self.scale = panel[1] / sensor[1]
        if sensor[0] * self.scale < panel[0]:  # a narrow sensor: all of it, bars left and right
            self._low = self._high = (sensor[0] - panel[0] / self.scale) / 2
        else:
            self._low, self._high = 0.0, sensor[0] - panel[0] / self.scale
        self._left = (self._low + self._high) / 2
        self._aimed = False

    def follow(self, uv: np.ndarray | None) -> None:
        """Moves towards the middle of the joints (n, 2); the first call goes there at once."""
        if uv is None or not np.isfinite(uv).all(1).any():
            return
        wish = float(np.nanmedian(np.asarray(uv)[:, 0])) + 0.5 - self.panel[0] / self.scale / 2
        slack = 0.0 if not self._aimed else self._DEAD_ZONE * self.panel[0] / self.scale
        gap = wish - self._left
        if abs(gap) > slack:
            step = gap if not self._aimed else self._FOLLOW * (gap - np.copysign(slack, gap))
            self._left = float(np.clip(self._left + step, self._low, self._high))
        self._aimed = True

    def place(self, uv: np.ndarray) -> np.ndarray:
        """Sensor pixels (..., 2) to panel pixels; centres at integers in both."""
        return (np.asarray(uv, np.float64) + 0.5 - (self._left, 0.0)) * self.scale - 0.5

    def view(self, image: np.ndarray) -> np.ndarray:
        """The sensor's picture (height, width, 3) as the panel shows it."""
        shift = self.place(np.zeros(2))
        matrix = np.array([[self.scale, 0.0, shift[0]], [0.0, self.scale, shift[1]]])
        mode = cv2.INTER_NEAREST if self.scale >= 1.5 else cv2.INTER_LINEAR
        if self.scale < 0.75:  # no single event may fall between two pixels
            image = cv2.dilate(image, np.ones((int(np.ceil(1 / self.scale)),) * 2))
        return cv2.warpAffine(image, matrix, self.panel, flags=mode, borderValue=canvas.BACKGROUND)
