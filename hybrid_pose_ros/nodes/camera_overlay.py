"""One camera's picture in the making: its latest events and its latest 2D pose."""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.data.typestore import EVENT_PACKET
from hybrid_pose_ros.events.buffer import EventBuffer
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.runtime.camera_input import CameraInput
from hybrid_pose_ros.runtime.pose_assembler import PoseAssembler, RelativePose
from hybrid_pose_ros.view.overlay import draw_overlay

_HORIZON_NS = 200_000_000


class CameraOverlay:
    """Takes packets and poses, draws on request.

    Args:
        camera: for the sensor's size.
        window_ns: how far back events are shown.
    """

    def __init__(self, camera: Camera, window_ns: int) -> None:
        self._camera = camera
        self._window_ns = window_ns
        self._input = CameraInput(camera)
        self._buffer = EventBuffer(horizon_ns=max(_HORIZON_NS, 2 * window_ns))
        self._assembler = PoseAssembler()
        self._pose: tuple[int, Keypoints] | None = None

    def add_packet(self, raw: bytes, msgtype: str = EVENT_PACKET) -> None:
        """Take a serialised packet."""
        decoded = self._input.receive(raw, msgtype)
        self._buffer.append(decoded.events, decoded.t_end_ns)

    def add_keyframe(self, number: int, uv: np.ndarray) -> None:
        """Take a keyframe's (13, 2) pixels."""
        self._keep(self._assembler.add_keyframe(number, uv))

    def add_update(self, pose: RelativePose) -> None:
        """Take an update."""
        self._keep(self._assembler.add_update(pose))

    @property
    def ready(self) -> bool:
        """Whether there is anything to draw."""
        return self._input.clock.offset_ns is not None

    def picture(self) -> tuple[int, np.ndarray]:
        """ROS time of the newest event, and the (height, width, 3) uint8 BGR picture."""
        end_ns = self._buffer.watermark_ns
        events = self._buffer.window(end_ns - self._window_ns, end_ns)
        keypoints = self._pose[1] if self._pose else None
        image = draw_overlay(events, self._camera.width, self._camera.height, keypoints)
        return self._input.clock.to_ros(end_ns), image

    def _keep(self, poses: list[tuple[int, Keypoints]]) -> None:
        if poses:
            self._pose = poses[-1]
