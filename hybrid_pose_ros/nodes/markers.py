"""Fused skeletons as two RViz markers: limbs and joints, from red (not sure) to green (sure).

Points and colours are made once and shared by both markers, so that a message costs 39 numbers.
"""

from __future__ import annotations

from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from hybrid_pose_ros.nodes.convert import stamp_to_msg
from hybrid_pose_ros.runtime.fused_skeleton import FusedSkeleton
from hybrid_pose_ros.skeleton import JOINTS, LIMBS

_LIMB_WIDTH_M = 0.025
_JOINT_DIAMETER_M = 0.06
# A view that hears nothing for so long shows no old skeleton.
_LIFETIME_NS = 500_000_000


class SkeletonMarkers:
    """Builds the MarkerArray of a skeleton, always the same one: publish it before the next."""

    def __init__(self, frame_id: str) -> None:
        self._points = [Point() for _ in JOINTS]
        self._colors = [ColorRGBA(a=1.0) for _ in JOINTS]
        self._limbs = self._marker(frame_id, "limbs", Marker.LINE_LIST, _LIMB_WIDTH_M)
        self._joints = self._marker(frame_id, "joints", Marker.SPHERE_LIST, _JOINT_DIAMETER_M)
        self._array = MarkerArray(markers=[self._limbs, self._joints])

    @staticmethod
    def _marker(frame_id: str, namespace: str, kind: int, size: float) -> Marker:
        marker = Marker(ns=namespace, type=kind, action=Marker.ADD)
        marker.header.frame_id = frame_id
        marker.pose.orientation.w = 1.0
        marker.scale.x = marker.scale.y = marker.scale.z = size
        marker.color.a = 1.0
        marker.lifetime.nanosec = _LIFETIME_NS
        return marker

    def message(self, skeleton: FusedSkeleton) -> MarkerArray:
        """The markers of this skeleton; unknown joints and their limbs are left out."""
        confidence = skeleton.confidence.tolist()
        for point, color, xyz, sure in zip(
            self._points, self._colors, skeleton.xyz.tolist(), confidence, strict=True
        ):
            if sure > 0:
                point.x, point.y, point.z = xyz
                color.r, color.g = min(1.0, 2.0 - 2.0 * sure), min(1.0, 2.0 * sure)
        ends = [j for limb in LIMBS if all(confidence[j] > 0 for j in limb) for j in limb]
        known = [j for j, sure in enumerate(confidence) if sure > 0]
        stamp = stamp_to_msg(skeleton.t_ns)
        for marker, joints in ((self._limbs, ends), (self._joints, known)):
            marker.header.stamp = stamp
            marker.points[:] = [self._points[j] for j in joints]
            marker.colors[:] = [self._colors[j] for j in joints]
            # An empty list is an error in RViz.
            marker.action = Marker.ADD if joints else Marker.DELETE
        return self._array
