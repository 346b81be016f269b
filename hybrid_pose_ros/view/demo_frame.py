"""What one picture of the demo shows, free of ROS."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hybrid_pose_ros.pose.keypoints import Keypoints

CameraView = tuple[np.ndarray, Keypoints | None, np.ndarray | None]


@dataclass(frozen=True)
class DemoFrame:
    """What one picture shows.

    Attributes:
        t_s: time since the start, seconds.
        cameras: name -> (events as EVENT_DTYPE, the estimate, true (13, 2) sensor pixels).
        xyz: (13, 3) metres, NaN = missing; None while there is no skeleton.
        confidence: (13,) of the 3D joints in 0..1; None = certain.
        truth_xyz: (13, 3) metres where known.
        captions: label -> value for the title bar, in this order; a caption named like a camera
            goes into that camera's picture.
        sizes: name -> (width, height) of the sensors; needed only for cameras that are not in the
            rig given to the dashboard.
    """

    t_s: float
    cameras: dict[str, CameraView]
    xyz: np.ndarray | None = None
    confidence: np.ndarray | None = None
    truth_xyz: np.ndarray | None = None
    captions: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
