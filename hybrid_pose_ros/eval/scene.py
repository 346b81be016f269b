"""One recording to be judged: what each camera saw, and where the joints really were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.eval.accuracy import Truth
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.rig import Rig
from hybrid_pose_ros.runtime.config import EstimatorConfig

# What a recording tells about a network, each judged apart.
SECTIONS = {
    "subjects": "new people, movements as in training",
    "movements": "new people, movements left out of training",
    "mocap": "new people, motion capture",
    "fitting": "further people, movements as in training, to fit settings on",
    "recording": "one recording",
}
TIMING = EstimatorConfig()
KEYFRAME_NS = TIMING.keyframe_ns
FIRST_NS = 2 * KEYFRAME_NS  # nothing has been seen of a person before
CROP_PX = 256  # 2D errors are in pixels of a crop of this side


@dataclass(frozen=True)
class Scene:
    """One person in front of some cameras.

    Attributes:
        name: of the recording.
        section: one of SECTIONS.
        events: camera -> EVENT_DTYPE, in one clock.
        truth: joints in that clock.
        rig: the cameras.
    """

    name: str
    section: str
    events: dict[str, np.ndarray]
    truth: Truth
    rig: Rig

    @property
    def end_ns(self) -> int:
        """Until when events and truth are known."""
        ends = [int(events["t"][-1]) for events in self.events.values() if len(events)]
        return min([int(self.truth.t_ns[-1]), max(ends)]) if ends and len(self.truth.t_ns) else 0

    def crop_truth(self, camera: Camera, t_ns: np.ndarray) -> np.ndarray:
        """(..., 13, 2) true pixels of the 256 x 256 crop at times (...); NaN outside of it."""
        uv = camera.project(self.truth.at(t_ns.ravel())).reshape(*t_ns.shape, -1, 2)
        crop = crop_pixels(uv, camera)
        inside = np.all((crop > -0.5) & (crop < CROP_PX - 0.5), axis=-1, keepdims=True)
        return np.where(inside, crop, np.nan)


def crop_pixels(uv: np.ndarray, camera: Camera) -> np.ndarray:
    """Sensor pixels (..., 2) to pixels of the crop, scaled to 256 x 256."""
    return camera.crop.to_cells(uv, CROP_PX)


@dataclass(frozen=True)
class Grid:
    """The windows of a scene: each begins at a keyframe, all follow each other without gaps.

    Attributes:
        starts_ns: (N,) times of the keyframes.
        late: (N,) bool, windows that run on without a new keyframe.
        bin_ns: length of a step.
        horizon_ns: length of the late windows; the others end at the next keyframe.
    """

    starts_ns: np.ndarray
    late: np.ndarray
    bin_ns: int
    horizon_ns: int

    @property
    def short_steps(self) -> int:
        """Steps from one keyframe to the next."""
        return KEYFRAME_NS // self.bin_ns

    @property
    def steps(self) -> int:
        """Steps of a late window."""
        return self.horizon_ns // self.bin_ns

    @property
    def times_ns(self) -> np.ndarray:
        """(N, steps + 1) time of every pose, the keyframe's first."""
        return self.starts_ns[:, None] + np.arange(self.steps + 1) * self.bin_ns

    @property
    def wanted(self) -> np.ndarray:
        """(N, steps + 1) bool: which poses there are."""
        return self.late[:, None] | (np.arange(self.steps + 1) <= self.short_steps)


def grid_of(scene: Scene, bin_ns: int, horizon_ns: int, late_every: int) -> Grid:
    """All windows that fit into a scene; every `late_every`-th runs on if it fits.

    Raises:
        ValueError: the bins do not divide the time between keyframes, or a horizon below it.
    """
    if KEYFRAME_NS % bin_ns or horizon_ns % bin_ns or horizon_ns < KEYFRAME_NS:
        raise ValueError(f"bins of {bin_ns} ns do not fit {KEYFRAME_NS} and {horizon_ns} ns")
    starts = np.arange(FIRST_NS, scene.end_ns - KEYFRAME_NS + 1, KEYFRAME_NS, dtype=np.int64)
    late = (np.arange(len(starts)) % late_every == 0) & (starts + horizon_ns <= scene.end_ns)
    return Grid(starts, late, bin_ns, horizon_ns)
