"""One camera's events, cut as networks want them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.eval.scene import TIMING
from hybrid_pose_ros.events.representation import count_histogram, keyframe_input
from hybrid_pose_ros.models.config import NetworkConfig
from hybrid_pose_ros.pose.camera import Camera


@dataclass(frozen=True)
class CameraEvents:
    """What a network is run on: one camera's events (EVENT_DTYPE)."""

    events: np.ndarray
    camera: Camera

    def between(self, t0_ns: int, t1_ns: int) -> np.ndarray:
        """Events with t0_ns <= t < t1_ns."""
        first, end = np.searchsorted(self.events["t"], [t0_ns, t1_ns])
        return self.events[first:end]

    def keyframes(self, config: NetworkConfig, times_ns: np.ndarray) -> np.ndarray:
        """(B, 20, S, S) counts before each of the times (B,)."""
        counts = [
            keyframe_input(
                self.between(t_ns - TIMING.window_ns, t_ns), self.camera.crop,
                config.input_size, config.keyframe_bins, TIMING.window_events, t_ns,
            )
            for t_ns in times_ns.tolist()
        ]  # fmt: skip
        return np.stack(counts)

    def bins(self, config: NetworkConfig, starts_ns: np.ndarray, bin_ns: int) -> np.ndarray:
        """(B, 2, S, S) counts of a bin that begins at each of the times (B,)."""
        size, crop = config.input_size, self.camera.crop
        return np.stack(
            [
                count_histogram(self.between(t, t + bin_ns), crop, size, 1, t, t + bin_ns)
                for t in starts_ns.tolist()
            ]
        )
