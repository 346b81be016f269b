"""What can go wrong with one camera, as changes of its stream of poses."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.skeleton import SWAP

# (camera, bins since the fault began, its pose, its pose when the fault began) -> bins by which
# its stamp is wrong, and its pose; None: nothing comes.
Fault = Callable[[Camera, int, Keypoints, Keypoints], tuple[int, Keypoints] | None]


def bumped(axis: int, degrees: float = 2.0) -> Fault:
    """The camera turns about its own x (axis 0: tilt) or y (axis 1: pan), unknown to the rig."""

    def fault(camera: Camera, since: int, pose: Keypoints, _: Keypoints) -> tuple[int, Keypoints]:
        turn = cv2.Rodrigues(np.radians(degrees) * np.eye(3)[axis])[0]
        homography = camera.intrinsics @ turn @ np.linalg.inv(camera.intrinsics)
        image = np.column_stack([pose.uv, np.ones(len(pose.uv))]) @ homography.T
        uv = (image[:, :2] / image[:, 2:]).astype(np.float32)
        return 0, Keypoints(uv, pose.covariance, pose.confidence)

    return fault


def stops(_camera: Camera, _since: int, _pose: Keypoints, _first: Keypoints) -> None:
    """Nothing comes any more."""


def freezes(
    _camera: Camera, _since: int, _pose: Keypoints, first: Keypoints
) -> tuple[int, Keypoints]:
    """The same pose again and again, with new stamps."""
    return 0, first


def swaps(_camera: Camera, _since: int, pose: Keypoints, _: Keypoints) -> tuple[int, Keypoints]:
    """Left and right are exchanged."""
    side = list(SWAP)
    return 0, Keypoints(pose.uv[side], pose.covariance[side], pose.confidence[side])


def nonsense(camera: Camera, since: int, pose: Keypoints, _: Keypoints) -> tuple[int, Keypoints]:
    """Random places in the picture, with full confidence."""
    size = (camera.width, camera.height)
    uv = np.random.default_rng(since).uniform(0, size, pose.uv.shape).astype(np.float32)
    return 0, Keypoints(uv, pose.covariance, np.ones_like(pose.confidence))


def jumps_ahead(
    _camera: Camera, _since: int, pose: Keypoints, _: Keypoints
) -> tuple[int, Keypoints]:
    """Stamps are 0.3 s (30 bins) ahead."""
    return 30, pose


def jumps_back(
    _camera: Camera, _since: int, pose: Keypoints, _: Keypoints
) -> tuple[int, Keypoints]:
    """Stamps are 0.3 s (30 bins) behind."""
    return -30, pose


FAULTS: dict[str, Fault] = {
    "stops": stops,
    "freezes": freezes,
    "clock ahead by 0.3 s": jumps_ahead,
    "clock behind by 0.3 s": jumps_back,
    "left and right exchanged": swaps,
    "tilted by 2 degrees": bumped(0),
    "turned by 2 degrees": bumped(1),
    "nonsense": nonsense,
}
