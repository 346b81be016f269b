"""Whether each camera can be believed, judged by how its poses fit what all the others say.

Three statistics per camera, each with its own time: the share of refused joints (nonsense), the
share of poses that fit better with left and right exchanged, and the median distance of all joints
from their prediction, which noise moves by a pixel or two and a knock at the tripod by ten.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.runtime import pose_comparison, trust_steps
from hybrid_pose_ros.runtime.measurement import Measurement
from hybrid_pose_ros.skeleton import SWAP

_MIRROR = np.array(SWAP, np.int64)
_NEVER = -(10**18)

_WORDS = {
    trust_steps.GOOD: "ok",
    trust_steps.SWAPPED: "left and right are exchanged; corrected",
    trust_steps.CONTRADICTS: "left out: contradicts the other cameras",
    trust_steps.MOVED: "left out: the camera has been moved, or its calibration is wrong",
    trust_steps.FROZEN: "left out: the picture hangs",
}


class CameraTrust:
    """Judges C cameras by their poses.

    Args:
        cameras: their number.

    Attributes:
        arrays: everything that changes, changed in place only.
        offset: (C, 2) px, mean over half a second of the median distance from the prediction.
    """

    def __init__(self, cameras: int) -> None:
        self._verdict = np.zeros(cameras, np.int64)
        self.offset = np.zeros((cameras, 2))
        self._fast = np.zeros((cameras, 2))
        self._doubt = np.zeros(cameras)
        self._mirror = np.zeros(cameras)
        self._equal = np.zeros(cameras, np.int64)
        self._jolted = np.zeros((cameras, 2))
        self._in_place = np.zeros(cameras, np.int64)
        self._times = np.full(cameras, -1, np.int64)
        self._off = np.full(cameras, _NEVER, np.int64)
        self._jolts = np.full(cameras, _NEVER, np.int64)
        self._disagree = np.zeros(1, bool)
        self.arrays = (
            self._verdict, self.offset, self._fast, self._doubt, self._mirror, self._equal,
            self._jolted, self._in_place, self._times, self._off, self._jolts,
            self._disagree,
        )  # fmt: skip

    def used(self, camera: int) -> bool:
        """Whether its poses go into the skeleton."""
        return bool(self._verdict[camera] <= trust_steps.SWAPPED)

    def verdict(self, camera: int) -> str:
        """What is thought of it, in words; "ok" if there is nothing to say."""
        return _WORDS[int(self._verdict[camera])]

    @property
    def disagree(self) -> bool:
        """Cameras contradict each other and none of them is known to be the wrong one."""
        return bool(self._disagree[0])

    def weight(self, camera: int) -> float:
        """Factor of its variances: a camera that is often refused is believed less."""
        return float((1.0 + 4.0 * self._doubt[camera]) ** 2)

    def judge(
        self,
        new: Measurement,
        previous: np.ndarray,
        xyz: np.ndarray,
        projection: np.ndarray,
        *,
        confirmed: bool,
        agrees: bool,
    ) -> Measurement:
        """Compare a pose with its prediction.

        A jolt is one pose that is off as a whole while the prediction was confirmed by another
        camera just now; a slow or old displacement shows in the offset.

        Args:
            new: the pose.
            previous: (13, 2) pixels of this camera's pose before; NaN = missing.
            xyz: (13, 3) predicted joints; NaN = unknown.
            projection: (3, 4) of the camera.
            confirmed: whether this camera and another one have confirmed the prediction just now.
            agrees: whether the pose and that of the only other camera see the same points.

        Returns:
            The pose with its sides as they should be.
        """
        camera, times, verdict = new.camera, self._times, self._verdict
        found = np.empty(9)

        def examine(pose: Measurement) -> None:
            pose_comparison.examine(
                xyz, projection, pose.uv, pose.covariance, pose.seen, previous, _MIRROR, found
            )

        examine(new)
        trust_steps.judge_frozen(camera, found[5], times, verdict, self.offset, self._equal)
        if trust_steps.judge_sides(
            camera, found[4], found[3], times, verdict, self.offset, self._mirror
        ):
            new = new.mirrored()
            examine(new)
        self._disagree[0] = trust_steps.judge_place(
            camera, new.t_ns, found, confirmed, agrees, times, self._off, self._jolts, verdict,
            self.offset, self._fast, self._jolted, self._in_place,
        )  # fmt: skip
        return new

    def judge_refused(self, camera: int, seen: np.ndarray, refused: np.ndarray) -> tuple[int, int]:
        """Count joints that were compared and refused, (13,) bool each; returns both numbers."""
        numbers: tuple[int, int] = trust_steps.judge_doubt(
            camera, seen, refused, self._times, self._verdict, self._doubt
        )
        return numbers
