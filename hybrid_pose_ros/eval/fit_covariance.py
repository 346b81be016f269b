"""Fits the scale of a network's covariances on recordings whose truth is known."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.eval.camera_events import CameraEvents
from hybrid_pose_ros.eval.reliability import Reliability
from hybrid_pose_ros.eval.scene import TIMING, Scene, grid_of
from hybrid_pose_ros.eval.sequences import SequenceEngine, Start
from hybrid_pose_ros.models.fold import folded
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.pose.covariance_scale import UNSCALED, CovarianceScale, fit_covariance_scale

HORIZON_NS = 400_000_000  # the longest time without a keyframe that counts
LATE_EVERY = 4


def fit_covariance(
    network: PoseNetwork, scenes: Iterable[Scene]
) -> tuple[CovarianceScale, Reliability]:
    """The scale, and the joints that it was fitted on (unscaled).

    Args:
        network: in eval mode; whatever scale it has is left aside.
        scenes: all cameras count; windows as in an evaluation, some of them late.

    Raises:
        RecordingError: no scene is long enough.
    """
    raw = folded(network)
    raw.covariance_scale = UNSCALED
    engine, joints = SequenceEngine(raw), Reliability.of(raw)
    for scene in scenes:
        grid = grid_of(scene, TIMING.bin_ns, HORIZON_NS, LATE_EVERY)
        for camera in scene.rig.cameras.values() if len(grid.starts_ns) else ():
            view = CameraEvents(scene.events[camera.name], camera)
            poses, _ = engine.roll(view, grid, Start.live(raw))
            joints.add(scene, grid, camera, poses)
    if not joints.distance:
        raise RecordingError("no recording is long enough: 0.4 s with events and truth are needed")
    distance, confidence = np.concatenate(joints.distance), np.concatenate(joints.confidence)
    return fit_covariance_scale(distance, confidence), joints
