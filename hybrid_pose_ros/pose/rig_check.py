"""Do the cameras of a rig fit each other, and if not, which one has moved?

A camera is suspected when the poses of a moving person fit clearly better once that camera alone
may turn. Residuals alone would not do: one wrong camera spoils those of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.pose.bundle_adjustment import adjust
from hybrid_pose_ros.pose.bundle_problem import Beliefs
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.triangulation import triangulate
from hybrid_pose_ros.pose.views import Views

# The misfit is the mean of log(1 + (distance / _SCALE_PX)^2): few outliers do not decide it.
_SCALE_PX = 2.0
_GAIN = 0.04  # of the misfit that turning a camera must win; 0.5 degrees win 0.08 and more
_RIVAL = 0.9  # share of the best gain at which another camera explains the data as well
_TIMES = 60


@dataclass(frozen=True)
class Suspicion:
    """What turning cameras would win.

    Attributes:
        moved: names of the cameras that do not fit, worst first.
        turned_deg: (C,) how far each camera turned when it was tried, beside those moved already.
        rivals: cameras that explain the misfit about as well as moved[0].
    """

    moved: tuple[str, ...]
    turned_deg: np.ndarray
    rivals: tuple[str, ...]


def reprojections(cameras: Sequence[Camera], views: Views) -> np.ndarray:
    """Pixels (C, T, 13, 2) of the joints that most views agree on; NaN with fewer than two."""
    count, times, joints = views.uv.shape[:3]
    projections = np.stack([camera.projection for camera in cameras])
    uv = views.uv.reshape(count, -1, 2)
    # What networks err, not what their heatmaps say: those are wider, and no view would stand out.
    covariance = np.broadcast_to([_SCALE_PX**2, 0.0, _SCALE_PX**2], (*uv.shape[:2], 3))
    xyz = triangulate(projections, uv, covariance, np.isfinite(uv[..., 0])).xyz
    image = np.einsum("cik,nk->cni", projections[..., :3], xyz) + projections[:, None, :, 3]
    return (image[..., :2] / image[..., 2:]).reshape(count, times, joints, 2)


def residuals_px(cameras: Sequence[Camera], views: Views) -> np.ndarray:
    """Distances (C, T, 13) between measured pixels and `reprojections`; NaN = no two views."""
    return np.linalg.norm(reprojections(cameras, views) - views.uv, axis=-1)


def suspect(cameras: Sequence[Camera], views: Views, shift_m: float = 0.005) -> Suspicion:
    """Find the cameras that have moved, one after the other, while most others hold the frame.

    Args:
        cameras: C cameras.
        views: what they saw.
        shift_m: how far a camera that was turned may have been shifted, m.

    Raises:
        CalibrationError: too little is seen by two cameras at once.
    """
    # Constant errors of the joints matter for the last tenths of a degree only.
    beliefs = Beliefs(position_m=shift_m, joint_bias_px=0.0)
    views = views.thinned(_TIMES)
    names = [camera.name for camera in cameras]
    moved: list[str] = []
    turned = np.zeros(len(names))
    rivals: tuple[str, ...] = ()
    misfit = _misfit(cameras, views, [], beliefs)[0]
    while len(moved) < max(1, (len(names) - 1) // 2):
        gains = np.full(len(names), -np.inf)
        for i, name in enumerate(names):
            if name not in moved:
                left, turns = _misfit(cameras, views, [*moved, name], beliefs)
                gains[i] = misfit - left
                turned[i] = turns[i]
        best = int(np.argmax(gains))
        if gains[best] < _GAIN:
            break
        if not moved:
            close = gains >= _RIVAL * gains[best]
            rivals = tuple(names[i] for i in np.flatnonzero(close) if i != best)
        moved.append(names[best])
        misfit -= gains[best]
    return Suspicion(tuple(moved), turned, rivals)


def _misfit(
    cameras: Sequence[Camera], views: Views, moved: Sequence[str], beliefs: Beliefs
) -> tuple[float, np.ndarray]:
    """Misfit when some cameras may have moved, and by how many degrees each turned (C,)."""
    found = adjust(cameras, views.uv, views.covariance, moved, beliefs)
    errors = found.errors_px[np.isfinite(views.uv[..., 0])]
    misfit = float(np.log1p((errors / _SCALE_PX) ** 2).mean())
    return misfit, np.degrees(np.linalg.norm(found.moves[:, :3], axis=1))
