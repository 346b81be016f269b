"""A calibrated camera as ROS describes it: the fields of CameraInfo, and its pose for TF."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from hybrid_pose_ros.pose.camera import Camera

CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
TF = "tf2_msgs/msg/TFMessage"


def camera_info_fields(camera: Camera) -> dict[str, Any]:
    """Fields of a sensor_msgs/CameraInfo but for the header; numbers as float64 arrays."""
    matrix, lens = camera.intrinsics, camera.distortion
    model, coefficients = "plumb_bob", np.zeros(5)
    if lens is not None:
        coefficients = np.array(lens.coefficients, np.float64)
        model = "rational_polynomial" if len(coefficients) == 8 else lens.model
        model = "equidistant" if model == "fisheye" else model
    return {
        "width": camera.width,
        "height": camera.height,
        "distortion_model": model,
        "d": coefficients,
        "k": matrix.ravel(),
        "r": np.eye(3).ravel(),
        "p": np.column_stack([matrix, np.zeros(3)]).ravel(),
    }


def camera_pose(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Place (3,) in metres and orientation (4,) x, y, z, w of the optical frame in the world."""
    return camera.center, Rotation.from_matrix(camera.rotation.T).as_quat()
