"""A film of a simulation: above, what each camera looked at; below, its events and the truth."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from hybrid_pose_ros.simulator.performance import Performance
from hybrid_pose_ros.simulator.recording import SimulatedRecording
from hybrid_pose_ros.simulator.sensor import DAVIS346
from hybrid_pose_ros.simulator.simulate import camera_run
from hybrid_pose_ros.view.overlay import draw_overlay
from hybrid_pose_ros.view.video import VideoWriter

FPS = 25
_LAST_EVENTS = 7500  # as many as a network sees
_COLUMN_PX = 692  # width of one camera's picture, even
_BRIGHTEST = 0.8  # radiance that is shown white


def film_simulation(
    recording: SimulatedRecording, performance: Performance, seed: int, path: Path
) -> None:
    """Write an .mp4 of all cameras side by side.

    Args:
        recording: what was simulated.
        performance, seed: of what.
        path: of the film.
    """
    looks = {
        name: camera_run(performance, camera, DAVIS346, seed).picture
        for name, camera in recording.calibration.items()
    }
    heights = [c.height * _COLUMN_PX / c.width for c in recording.calibration.values()]
    height = 2 * round(max(heights))
    period = round(1e9 / FPS)
    with VideoWriter(path, FPS, (_COLUMN_PX * len(looks), height + height % 4)) as video:
        for end in range(period, int(recording.seconds * 1e9) + 1, period):
            columns = [_column(recording, name, look(end), end) for name, look in looks.items()]
            canvas = np.zeros((height + height % 4, _COLUMN_PX * len(columns), 3), np.uint8)
            for i, column in enumerate(columns):
                canvas[: len(column), i * _COLUMN_PX : (i + 1) * _COLUMN_PX] = column
            video.write(canvas)


def _column(recording: SimulatedRecording, name: str, scene: np.ndarray, end_ns: int) -> np.ndarray:
    """(h, _COLUMN_PX, 3): the radiance of the scene above the events of one camera."""
    camera, events = recording.calibration[name], recording.cameras[name]
    last = int(np.searchsorted(events["t"], end_ns))
    truth = min(int(np.searchsorted(recording.truth_t_ns, end_ns)), len(recording.truth_xyz) - 1)
    uv = camera.project(recording.truth_xyz[truth])
    part = draw_overlay(
        events[max(0, last - _LAST_EVENTS) : last], camera.width, camera.height, truth_uv=uv
    )
    grey = np.clip(255.0 * np.sqrt(scene / _BRIGHTEST), 0, 255).astype(np.uint8)
    size = (_COLUMN_PX, round(camera.height * _COLUMN_PX / camera.width))
    return np.concatenate(
        [
            cv2.resize(half, size, interpolation=cv2.INTER_LINEAR)
            for half in (cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), part)
        ]
    )
