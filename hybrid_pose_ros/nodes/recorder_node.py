#!/usr/bin/env python3
"""Records what the graph publishes to an mcap bag; log times are wall times of reception.

In:  skeleton, skeleton_markers (if asked for), /tf, /diagnostics,
     per camera <camera>/keyframe (written without its states) and <camera>/update
"""

from __future__ import annotations

import array
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.msg import Pose2D, PoseUpdate2D, Skeleton3D
from hybrid_pose_ros.nodes import params, qos, run
from hybrid_pose_ros.pose.rig import check_cameras
from hybrid_pose_ros.runtime.bag_recorder import BagRecorder
from hybrid_pose_ros.runtime.state_transport import STRIPPED

_TYPES = {
    Pose2D: "hybrid_pose_ros/msg/Pose2D",
    PoseUpdate2D: "hybrid_pose_ros/msg/PoseUpdate2D",
    Skeleton3D: "hybrid_pose_ros/msg/Skeleton3D",
    TFMessage: "tf2_msgs/msg/TFMessage",
    DiagnosticArray: "diagnostic_msgs/msg/DiagnosticArray",
    MarkerArray: "visualization_msgs/msg/MarkerArray",
}


@dataclass(frozen=True)
class RecorderParams:
    """Parameters of the node.

    Attributes:
        out: folder of the bag; must not exist.
        cameras: names of the cameras, as in the topics.
        markers: also record skeleton_markers.
    """

    out: str = ""
    cameras: tuple[str, ...] = ("cam2", "cam3")
    markers: bool = False

    def __post_init__(self) -> None:
        if not self.out:
            raise ConfigError("out must be the path of a bag to write, got ''")
        check_cameras(self.cameras)


class RecorderNode(Node):
    """Hands every message to a `BagRecorder`, with the time at which it came."""

    def __init__(self, **node_arguments: object) -> None:
        super().__init__("recorder_node", **node_arguments)
        config = params.load(self, RecorderParams)
        topics: dict[str, type] = {
            "skeleton": Skeleton3D, "/tf": TFMessage, "/diagnostics": DiagnosticArray,
        }  # fmt: skip
        for camera in config.cameras:
            topics |= {f"{camera}/keyframe": Pose2D, f"{camera}/update": PoseUpdate2D}
        if config.markers:
            topics["skeleton_markers"] = MarkerArray
        names = {topic: self.resolve_topic_name(topic) for topic in topics}
        self._bag = BagRecorder(
            Path(config.out), {names[topic]: _TYPES[kind] for topic, kind in topics.items()}
        )
        for topic, kind in topics.items():
            receive = self._on_keyframe if kind is Pose2D else self._on_message
            callback = partial(receive, names[topic])
            self.create_subscription(kind, topic, callback, qos.RECORD, raw=True)
        self.create_timer(0.2, self._bag.check)

    def _on_message(self, topic: str, raw: bytes) -> None:
        self._bag.put(topic, raw, time.time_ns())

    def _on_keyframe(self, topic: str, raw: bytes) -> None:
        received_ns = time.time_ns()
        msg = deserialize_message(raw, Pose2D)
        msg.state_transport, msg.state = STRIPPED, array.array("B")
        self._bag.put(topic, serialize_message(msg), received_ns)

    def close(self) -> None:
        """Complete the bag."""
        self._bag.close()


def main() -> None:
    """Entry point of the executable."""
    run.main(RecorderNode)


if __name__ == "__main__":
    main()
