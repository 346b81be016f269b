"""What all cameras saw at the same times: 2D poses of each camera brought to one clock grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.keypoints import Keypoints

_GAP_NS = 60_000_000  # poses further apart are not interpolated
_SURE = 0.3


@dataclass(frozen=True)
class Track:
    """All poses of one camera.

    Attributes:
        t_ns: (n,) int64 ROS time, ascending.
        uv: (n, 13, 2) sensor pixels.
        covariance: (n, 13, 3) px^2.
        confidence: (n, 13).
    """

    t_ns: np.ndarray
    uv: np.ndarray
    covariance: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class Views:
    """Poses of C cameras at T common times.

    Attributes:
        t_ns: (T,) int64.
        uv: (C, T, 13, 2) pixels of the cameras without distortion; NaN = missing or not sure.
        covariance: (C, T, 13, 3) px^2.
    """

    t_ns: np.ndarray
    uv: np.ndarray
    covariance: np.ndarray

    def thinned(self, count: int) -> Views:
        """At most `count` times, evenly chosen."""
        every = np.unique(np.linspace(0, len(self.t_ns) - 1, count).round().astype(int))
        return Views(self.t_ns[every], self.uv[:, every], self.covariance[:, every])


def common_views(
    tracks: Mapping[str, Track], cameras: Sequence[Camera], period_ns: int = 100_000_000
) -> Views:
    """Bring the poses of all cameras to one grid.

    Args:
        tracks: by the name of the camera.
        cameras: C cameras that have tracks.
        period_ns: of the grid.

    Raises:
        RecordingError: the cameras were never recorded at the same time.
    """
    used = [tracks[camera.name] for camera in cameras]
    start = max((int(track.t_ns[0]) if len(track.t_ns) else 0) for track in used)
    end = min((int(track.t_ns[-1]) if len(track.t_ns) else -1) for track in used)
    t_ns = np.arange(start, end + 1, period_ns, dtype=np.int64)
    if len(t_ns) < 2:
        names = ", ".join(camera.name for camera in cameras)
        raise RecordingError(
            f"{names} have no poses at the same time; record them together, with clocks that agree"
        )
    found = [_resample(track, t_ns) for track in used]
    straight = [
        [camera.linear_keypoints(pose) for pose in poses]
        for camera, poses in zip(cameras, found, strict=True)
    ]
    sure = np.array([[pose.confidence >= _SURE for pose in poses] for poses in straight])
    uv = np.array([[pose.uv for pose in poses] for poses in straight], np.float64)
    covariance = np.array([[pose.covariance for pose in poses] for poses in straight], np.float64)
    return Views(t_ns, np.where(sure[..., None], uv, np.nan), covariance)


def _resample(track: Track, t_ns: np.ndarray) -> list[Keypoints]:
    """Linear between neighbours in time; confidence 0 in gaps."""
    after = np.clip(np.searchsorted(track.t_ns, t_ns), 1, max(1, len(track.t_ns) - 1))
    before = after - 1
    after = np.minimum(after, len(track.t_ns) - 1)
    gap = track.t_ns[after] - track.t_ns[before]
    share = np.clip((t_ns - track.t_ns[before]) / np.maximum(gap, 1), 0.0, 1.0)[:, None, None]
    uv = (1 - share) * track.uv[before] + share * track.uv[after]
    covariance = (1 - share) * track.covariance[before] + share * track.covariance[after]
    confidence = np.minimum(track.confidence[before], track.confidence[after])
    confidence = np.where(gap[:, None] <= _GAP_NS, confidence, 0.0)
    return [Keypoints(*pose) for pose in zip(uv, covariance, confidence, strict=True)]
