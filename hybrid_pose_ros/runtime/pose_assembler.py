"""Absolute 2D poses of one camera from keyframes and the updates that are relative to them.

Keyframes and updates come from different processes: an update may arrive before the keyframe that
it starts from. It is held until the keyframe comes, and given up when newer ones push it out.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.pose.keypoints import Keypoints


@dataclass(frozen=True)
class RelativePose:
    """An update as it is sent: pose = keyframe + delta.

    Attributes:
        keyframe: number of the keyframe that it starts from.
        t_ns: end of the bin, ROS time.
        delta_uv: (13, 2) pixels since the keyframe.
        covariance: (13, 3) px^2: var(u), cov(u, v), var(v).
        confidence: (13,) in [0, 1].
    """

    keyframe: int
    t_ns: int
    delta_uv: np.ndarray
    covariance: np.ndarray
    confidence: np.ndarray


class PoseAssembler:
    """Remembers the last keyframes of one camera and adds updates to them.

    Args:
        keyframes: how many keyframes to remember.
        held: how many updates may wait for their keyframe.

    Attributes:
        counters: "keyframes", "updates", "held", and "orphans": updates given up because their
            keyframe never came.
    """

    def __init__(self, keyframes: int = 8, held: int = 20) -> None:
        self._uv: dict[int, np.ndarray] = {}
        self._keyframes = keyframes
        self._held: deque[RelativePose] = deque()
        self._max_held = held
        self.counters: Counter[str] = Counter()

    def add_keyframe(self, number: int, uv: np.ndarray) -> list[tuple[int, Keypoints]]:
        """Take a keyframe's (13, 2) pixels; returns (t_ns, pose) of updates that waited for it."""
        self.counters["keyframes"] += 1
        self._uv.pop(number, None)  # a repeated number is the newest again
        self._uv[number] = np.asarray(uv, np.float32)
        while len(self._uv) > self._keyframes:
            self._uv.pop(next(iter(self._uv)))
        ready = [pose for pose in self._held if pose.keyframe == number]
        self._held = deque(pose for pose in self._held if pose.keyframe != number)
        return [self._absolute(pose) for pose in ready]

    def add_update(self, pose: RelativePose) -> list[tuple[int, Keypoints]]:
        """Take an update; returns its (t_ns, pose), or nothing while its keyframe is unknown."""
        self.counters["updates"] += 1
        if pose.keyframe in self._uv:
            return [self._absolute(pose)]
        self.counters["held"] += 1
        self._held.append(pose)
        if len(self._held) > self._max_held:
            self._held.popleft()
            self.counters["orphans"] += 1
        return []

    def _absolute(self, pose: RelativePose) -> tuple[int, Keypoints]:
        uv = self._uv[pose.keyframe] + np.asarray(pose.delta_uv, np.float32)
        return pose.t_ns, Keypoints(uv, pose.covariance, pose.confidence)
