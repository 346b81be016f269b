#!/usr/bin/env python3
"""Simulated event cameras that look at a simulated person, in real time.

Out, per camera:  <camera>/events (EventPacket, as a driver sends them), <camera>/camera_info
Out:              ground_truth/skeleton (Skeleton3D), /tf (truth_<joint>), /tf_static (cameras),
                  /diagnostics (1 Hz)
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from event_camera_msgs.msg import EventPacket
from geometry_msgs.msg import TransformStamped
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage

from hybrid_pose_ros.data.camera_info import camera_info_fields, camera_pose
from hybrid_pose_ros.data.truth import TRUTH_PREFIX, TRUTH_TOPIC
from hybrid_pose_ros.msg import Skeleton3D
from hybrid_pose_ros.nodes import params, qos, run
from hybrid_pose_ros.nodes.diagnostics import to_msg
from hybrid_pose_ros.nodes.skeleton_msg import JointFrames, skeleton_to_msg
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.rig import Rig, check_cameras, is_live
from hybrid_pose_ros.runtime.decimator import Decimator
from hybrid_pose_ros.runtime.fused_skeleton import FusedSkeleton
from hybrid_pose_ros.runtime.health import OK, WARN, Report
from hybrid_pose_ros.runtime.sim_stream import SimStream, StreamCounters, StreamOptions
from hybrid_pose_ros.runtime.sim_worker import SimOptions
from hybrid_pose_ros.simulator.presets import rig_for
from hybrid_pose_ros.skeleton import NUM_JOINTS

_REPORT_S = 1.0
_FRAME_RATE_HZ = 50.0
_TOLERATED_LATE_NS = 20_000_000  # a second


@dataclass(frozen=True)
class SimNodeConfig(StreamOptions):
    """Parameters of the node, beside those of `StreamOptions`.

    Attributes:
        cameras: names in the rig file.
        rig: calibration file; empty, or what lets other nodes wait for the CameraInfo that this
            one sends, for the DHP19 rig with the sensor's pixels.
        simulation: see `SimOptions`.
    """

    cameras: tuple[str, ...] = ("cam2", "cam3")
    rig: str = ""
    simulation: SimOptions = field(default_factory=SimOptions)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_cameras(self.cameras)


class SimNode(Node):
    """Wires a `SimStream` to publishers."""

    def __init__(self, **node_arguments: object) -> None:
        super().__init__("sim_node", **node_arguments)
        config = params.load(self, SimNodeConfig)
        self._rate = config.rate
        rig, sensor = rig_for(
            config.simulation.sensor or None,
            Path(config.rig) if config.rig and not is_live(config.rig) else None,
            list(config.cameras),
        )
        self._world = rig.world_frame
        self._events = {
            name: self.create_publisher(EventPacket, f"{name}/events", qos.EVENTS)
            for name in rig.cameras
        }
        self._truth = self.create_publisher(Skeleton3D, TRUTH_TOPIC.lstrip("/"), qos.SKELETONS)
        self._tf = self.create_publisher(TFMessage, "/tf", qos.SKELETONS)
        self._reports = self.create_publisher(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
        self._frames = JointFrames(self._world, TRUTH_PREFIX)
        self._frame_due = Decimator(_FRAME_RATE_HZ)
        self._calibration = self._announce(rig)
        self._stream = SimStream(
            config.simulation,
            config,
            sensor,
            list(rig.cameras.values()),
            publish=lambda camera, raw: self._events[camera].publish(raw),
            tell_truth=self._on_truth,
        )
        self._before, self._before_ns = StreamCounters(), time.monotonic_ns()
        self.create_timer(0.1, self._stream.check, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.create_timer(_REPORT_S, self._on_report, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info(f"simulating {', '.join(rig.cameras)}")

    def _announce(self, rig: Rig) -> list[object]:
        """Publish what the cameras are, once; the publishers must live as long as the node."""
        stamp = self.get_clock().now().to_msg()
        kept: list[object] = []
        frames = []
        for name, camera in rig.cameras.items():
            info = CameraInfo(**camera_info_fields(camera))
            info.header.stamp, info.header.frame_id = stamp, camera.frame_id
            publisher = self.create_publisher(CameraInfo, f"{name}/camera_info", qos.LATCHED)
            publisher.publish(info)
            kept.append(publisher)
            frame = _camera_frame(camera, rig.world_frame)
            frame.header.stamp = stamp
            frames.append(frame)
        static = self.create_publisher(TFMessage, "/tf_static", qos.LATCHED)
        static.publish(TFMessage(transforms=frames))
        return [*kept, static]

    def _on_truth(self, t_ns: int, xyz: np.ndarray, velocity: np.ndarray) -> None:
        skeleton = FusedSkeleton(
            t_ns=t_ns,
            xyz=xyz,
            velocity=velocity,
            covariance=np.zeros((NUM_JOINTS, 3, 3)),
            confidence=np.ones(NUM_JOINTS),
            views=np.full(NUM_JOINTS, len(self._events), np.uint8),
            reprojection_px=np.zeros(NUM_JOINTS),
            stamps_ns={},
        )
        self._truth.publish(skeleton_to_msg(skeleton, self._world))
        if self._frame_due(t_ns):
            self._tf.publish(self._frames.message(skeleton))

    def _on_report(self) -> None:
        now, now_ns = self._stream.counters, time.monotonic_ns()
        seconds = (now_ns - self._before_ns) * 1e-9
        late_ns = now.late_ns - self._before.late_ns
        packets = now.packets - self._before.packets
        speed = packets * 0.01 / len(self._events) / seconds
        report = Report(
            OK,
            "ok",
            {
                "speed": f"{speed:.2f}",
                "packet_rate_hz": f"{packets / seconds:.1f}",
                "event_rate_hz": f"{(now.events - self._before.events) / seconds:.0f}",
                "late_ms": f"{late_ns * 1e-6:.0f}",
            },
        )
        if late_ns > _TOLERATED_LATE_NS * seconds:
            text = (
                f"cannot keep up: {speed:.2f} of real time instead of {self._rate:.2f}; lower "
                "rate, or use fewer cameras or smaller sensors"
            )
            report = Report(WARN, text, report.values)
            self.get_logger().warning(text, throttle_duration_sec=5.0)
        self._before, self._before_ns = StreamCounters(now.packets, now.events, now.late_ns), now_ns
        message = DiagnosticArray(status=[to_msg(f"{self.get_name()}: simulation", "", report)])
        message.header.stamp = self.get_clock().now().to_msg()
        self._reports.publish(message)

    def close(self) -> None:
        """End the workers."""
        self._stream.stop()


def _camera_frame(camera: Camera, world: str) -> TransformStamped:
    """The pose of a camera's optical frame."""
    place, turn = camera_pose(camera)
    frame = TransformStamped(child_frame_id=camera.frame_id)
    frame.header.frame_id = world
    translation, rotation = frame.transform.translation, frame.transform.rotation
    translation.x, translation.y, translation.z = map(float, place)
    rotation.x, rotation.y, rotation.z, rotation.w = map(float, turn)
    return frame


def main() -> None:
    """Entry point of the executable."""
    run.main(SimNode)


if __name__ == "__main__":
    main()
