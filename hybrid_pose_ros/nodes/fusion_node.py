#!/usr/bin/env python3
"""2D poses of all cameras in, 3D skeletons out.

In, per camera:  <camera>/keyframe (Pose2D), <camera>/update (PoseUpdate2D)
Out:             skeleton (Skeleton3D, one per grid time), skeleton_markers (MarkerArray),
                 /tf (one frame per joint and one of the body), /diagnostics (1 Hz); where hri_msgs
                 is installed, /humans/bodies/tracked and /humans/bodies/<id>/skeleton2d
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.publisher import Publisher
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.msg import Pose2D, PoseUpdate2D, Skeleton3D
from hybrid_pose_ros.nodes import params, qos, run
from hybrid_pose_ros.nodes.camera_params import rig_of
from hybrid_pose_ros.nodes.convert import keyframe_keypoints, relative_pose, stamp_to_ns
from hybrid_pose_ros.nodes.fusion_diagnostics import FusionDiagnostics
from hybrid_pose_ros.nodes.hri import HriSkeleton, hri_messages
from hybrid_pose_ros.nodes.markers import SkeletonMarkers
from hybrid_pose_ros.nodes.skeleton_msg import JointFrames, skeleton_to_msg
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.pose.rig import check_cameras
from hybrid_pose_ros.runtime.decimator import Decimator
from hybrid_pose_ros.runtime.fused_skeleton import FusedSkeleton
from hybrid_pose_ros.runtime.fusion import Fusion, warm_up
from hybrid_pose_ros.runtime.fusion_config import FusionConfig
from hybrid_pose_ros.runtime.pose_assembler import PoseAssembler

_POLL_S = 0.05
_REPORT_S = 1.0
_LONGEST_PREDICTION_NS = 200_000_000


@dataclass(frozen=True)
class FusionNodeConfig:
    """Parameters of the node.

    Attributes:
        cameras: names of the cameras, as in the topics and in the rig file.
        rig: calibration file or folder; "camera_info" for live CameraInfo and TF; empty for the
            DHP19 rig that comes with the package.
        device: accepted like in all nodes; the fusion needs no GPU.
        tf_prefix: before the joint's name in the names of TF frames.
        body_id: the TF frame of the body is body_<id>, as in REP 155; empty for none.
        show_covariance: also draw ellipsoids that hold a joint with 95 % probability.
        predict_to_now: move skeletons on to the time at which they are published, by at most
            0.2 s; otherwise they describe the time of their measurements.
        marker_rate_hz: markers are for eyes, which need no more; 0 for one with every skeleton.
        frame_rate_hz: of the TF frames, between which TF interpolates; 0 for every skeleton.
        keyframes_only: fuse the keyframes themselves, where no SNN node runs; set
            fusion.period_ns to their distance then.
        fusion: see `FusionConfig`.
    """

    cameras: tuple[str, ...] = ("cam2", "cam3")
    rig: str = ""
    device: str = "auto"
    tf_prefix: str = "person_"
    body_id: str = "person"
    show_covariance: bool = False
    predict_to_now: bool = False
    marker_rate_hz: float = 25.0
    frame_rate_hz: float = 50.0
    keyframes_only: bool = False
    fusion: FusionConfig = field(default_factory=FusionConfig)

    def __post_init__(self) -> None:
        check_cameras(self.cameras)
        for name in ("marker_rate_hz", "frame_rate_hz"):
            if not 0.0 <= getattr(self, name) <= 1000.0:
                raise ConfigError(f"{name} must be in 0..1000, got {getattr(self, name)}")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ConfigError(f"device must be one of auto, cpu, cuda, got {self.device!r}")


class FusionNode(Node):
    """Wires `Fusion` to topics."""

    NAME = "fusion_node"

    def __init__(self, **node_arguments: object) -> None:
        super().__init__(self.NAME, **node_arguments)
        self._config = params.load(self, FusionNodeConfig)
        rig = rig_of(self._config.rig, self._config.cameras, self)
        self._world = rig.world_frame
        self._fusion = Fusion(rig, self._config.fusion)
        warm_up(rig)
        self._assemblers = {camera: PoseAssembler() for camera in self._config.cameras}
        self._markers = SkeletonMarkers(rig.world_frame, ellipsoids=self._config.show_covariance)
        self._frames = JointFrames(rig.world_frame, self._config.tf_prefix, self._config.body_id)
        self._diagnostics = FusionDiagnostics(self.get_name(), self._fusion, self._assemblers)
        self._skeleton_publisher = self.create_publisher(Skeleton3D, "skeleton", qos.SKELETONS)
        self._marker_publisher = self.create_publisher(
            MarkerArray, "skeleton_markers", qos.SKELETONS
        )
        self._frame_publisher = self.create_publisher(TFMessage, "/tf", qos.SKELETONS)
        self._report_publisher = self.create_publisher(
            DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS
        )
        self._hri = self._hri_publishers(next(iter(rig.cameras.values())))
        for camera in self._config.cameras:
            on_keyframe = partial(self._on_keyframe, camera)
            on_update = partial(self._on_update, camera)
            self.create_subscription(Pose2D, f"{camera}/keyframe", on_keyframe, qos.POSES)
            self.create_subscription(PoseUpdate2D, f"{camera}/update", on_update, qos.FAST)
        # Steady time: a stalled camera is noticed even where a recording's clock stands still.
        self._eyes = Decimator(self._config.marker_rate_hz)
        self._tf = Decimator(self._config.frame_rate_hz)
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._reported_ns = self._steady.now().nanoseconds
        self.create_timer(_POLL_S, self._on_poll, clock=self._steady)
        self.create_timer(_REPORT_S, self._on_report, clock=self._steady)

    def _on_keyframe(self, camera: str, msg: Pose2D) -> None:
        keypoints = keyframe_keypoints(msg)
        ready = self._assemblers[camera].add_keyframe(msg.keyframe, keypoints.uv)
        stamp_ns = stamp_to_ns(msg.header.stamp)
        if self._config.keyframes_only:
            ready = [(stamp_ns, keypoints)]
        else:  # the update of that time started from an older keyframe
            self._fusion.correct(camera, stamp_ns, keypoints)
        self._fuse(camera, ready)

    def _on_update(self, camera: str, msg: PoseUpdate2D) -> None:
        if self._config.keyframes_only:
            return
        self._fuse(camera, self._assemblers[camera].add_update(relative_pose(msg)))

    def _fuse(self, camera: str, poses: list[tuple[int, Keypoints]]) -> None:
        for t_ns, keypoints in poses:
            for skeleton in self._fusion.add(camera, t_ns, keypoints):
                self._publish(skeleton)

    def _on_poll(self) -> None:
        for skeleton in self._fusion.poll(self._steady.now().nanoseconds):
            self._publish(skeleton)

    def _publish(self, skeleton: FusedSkeleton) -> None:
        if self._config.predict_to_now:
            now_ns = self.get_clock().now().nanoseconds
            if 0 < now_ns - skeleton.t_ns <= _LONGEST_PREDICTION_NS:
                skeleton = self._fusion.predict(skeleton, now_ns)
        self._diagnostics.count(skeleton)
        self._skeleton_publisher.publish(skeleton_to_msg(skeleton, self._world))
        markers_due, frames_due = (due(skeleton.t_ns) for due in (self._eyes, self._tf))
        if markers_due and self._marker_publisher.get_subscription_count():
            self._marker_publisher.publish(self._markers.message(skeleton))
        if frames_due and self._frame_publisher.get_subscription_count():
            self._frame_publisher.publish(self._frames.message(skeleton))
        if self._hri and frames_due:
            messages, ids, skeleton2d = self._hri
            ids.publish(messages.ids(skeleton))
            skeleton2d.publish(messages.skeleton2d(skeleton))

    def _hri_publishers(self, camera: Camera) -> tuple[HriSkeleton, Publisher, Publisher] | None:
        messages, body_id = hri_messages(), self._config.body_id
        if messages is None or not body_id:
            return None
        return (
            HriSkeleton(messages, body_id, camera),
            self.create_publisher(messages.IdsList, "/humans/bodies/tracked", qos.SKELETONS),
            self.create_publisher(
                messages.Skeleton2D, f"/humans/bodies/{body_id}/skeleton2d", qos.SKELETONS
            ),
        )

    def _on_report(self) -> None:
        now_ns = self._steady.now().nanoseconds
        seconds = max(now_ns - self._reported_ns, 1) * 1e-9
        self._reported_ns = now_ns
        stamp = self.get_clock().now().to_msg()
        self._report_publisher.publish(self._diagnostics.message(stamp, seconds))


def main() -> None:
    """Entry point of the executable."""
    run.main(FusionNode)


if __name__ == "__main__":
    main()
