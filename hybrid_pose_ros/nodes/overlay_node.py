#!/usr/bin/env python3
"""A picture per camera: its latest events with the 2D skeleton, made only while somebody looks.

In, per camera:   <camera>/events, <camera>/keyframe, <camera>/update; subscribed to only while
                  <camera>/overlay has a subscriber
Out, per camera:  <camera>/overlay (sensor_msgs/Image, bgr8)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.msg import Pose2D, PoseUpdate2D
from hybrid_pose_ros.nodes import params, qos, run
from hybrid_pose_ros.nodes.camera_overlay import CameraOverlay
from hybrid_pose_ros.nodes.camera_params import rig_of
from hybrid_pose_ros.nodes.convert import relative_pose, stamp_to_msg
from hybrid_pose_ros.nodes.event_subscription import EventSubscription
from hybrid_pose_ros.nodes.images import to_image_msg
from hybrid_pose_ros.pose.rig import check_cameras


@dataclass(frozen=True)
class OverlayParams:
    """Parameters of the node.

    Attributes:
        cameras: names of the cameras, as in the topics and in the rig file.
        rig: calibration file or folder; "camera_info" for live CameraInfo and TF; empty for the
            DHP19 rig that comes with the package.
        rate_hz: pictures a second.
        window_ms: events of the last so many milliseconds are shown.
    """

    cameras: tuple[str, ...] = ("cam2", "cam3")
    rig: str = ""
    rate_hz: float = 25.0
    window_ms: float = 30.0

    def __post_init__(self) -> None:
        check_cameras(self.cameras)
        if not 0.1 <= self.rate_hz <= 200.0:
            raise ConfigError(f"rate_hz must be in 0.1..200, got {self.rate_hz}")
        if not 1.0 <= self.window_ms <= 1000.0:
            raise ConfigError(f"window_ms must be in 1..1000, got {self.window_ms}")


class OverlayNode(Node):
    """Subscribes a camera's topics when its picture gets its first subscriber."""

    def __init__(self, **node_arguments: object) -> None:
        super().__init__("overlay_node", **node_arguments)
        self._config = params.load(self, OverlayParams)
        self._rig = rig_of(self._config.rig, self._config.cameras, self)
        self._out = {
            camera: self.create_publisher(Image, f"{camera}/overlay", qos.IMAGES)
            for camera in self._config.cameras
        }
        self._drawn: dict[str, tuple[CameraOverlay, list[Callable[[], object]]]] = {}
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1 / self._config.rate_hz, self._on_tick, clock=steady)

    def _on_tick(self) -> None:
        for camera, publisher in self._out.items():
            watched = publisher.get_subscription_count() > 0
            if watched and camera not in self._drawn:
                self._drawn[camera] = self._begin(camera)
            elif not watched and camera in self._drawn:
                for end in self._drawn.pop(camera)[1]:
                    end()
            elif watched and self._drawn[camera][0].ready:
                stamp_ns, picture = self._drawn[camera][0].picture()
                frame_id = self._rig.cameras[camera].frame_id
                header = Header(stamp=stamp_to_msg(stamp_ns), frame_id=frame_id)
                publisher.publish(to_image_msg(picture, header))

    def _begin(self, camera: str) -> tuple[CameraOverlay, list[Callable[[], object]]]:
        """A picture, and what ends its subscriptions."""
        overlay = CameraOverlay(self._rig.cameras[camera], int(self._config.window_ms * 1e6))
        subscribe = self.create_subscription
        poses = [
            subscribe(Pose2D, f"{camera}/keyframe", partial(_on_keyframe, overlay), qos.POSES),
            subscribe(PoseUpdate2D, f"{camera}/update", partial(_on_update, overlay), qos.POSES),
        ]
        events = EventSubscription(self, f"{camera}/events", overlay.add_packet)
        return overlay, [events.close, *(partial(self.destroy_subscription, one) for one in poses)]


def _on_keyframe(overlay: CameraOverlay, msg: Pose2D) -> None:
    overlay.add_keyframe(msg.keyframe, np.stack([msg.u, msg.v], axis=1))


def _on_update(overlay: CameraOverlay, msg: PoseUpdate2D) -> None:
    overlay.add_update(relative_pose(msg))


def main() -> None:
    """Entry point of the executable."""
    run.main(OverlayNode)


if __name__ == "__main__":
    main()
