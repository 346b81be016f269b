"""Fused skeletons as RViz markers: limbs and joints, from red (not sure) to green (sure).

Points and colours are made once and shared by both markers, so that a message costs 39 numbers. On
demand an ellipsoid per joint shows where the truth is with 95 % probability.
"""

from __future__ import annotations

from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from hybrid_pose_ros.nodes.convert import stamp_to_msg
from hybrid_pose_ros.pose.ellipsoid import ellipsoids
from hybrid_pose_ros.runtime.fused_skeleton import FusedSkeleton
from hybrid_pose_ros.skeleton import JOINTS, LIMBS

_LIMB_WIDTH_M = 0.025
_JOINT_DIAMETER_M = 0.06
_ELLIPSOID_ALPHA = 0.25
# A view that hears nothing for so long shows no old skeleton.
_LIFETIME_NS = 500_000_000


class SkeletonMarkers:
    """Builds the MarkerArray of a skeleton, always the same one: publish it before the next.

    Args:
        frame_id: of the skeletons.
        ellipsoids: also show the covariances.
    """

    def __init__(self, frame_id: str, *, ellipsoids: bool = False) -> None:
        self._points = [Point() for _ in JOINTS]
        self._colors = [ColorRGBA(a=1.0) for _ in JOINTS]
        self._limbs = self._marker(frame_id, "limbs", Marker.LINE_LIST, _LIMB_WIDTH_M)
        self._joints = self._marker(frame_id, "joints", Marker.SPHERE_LIST, _JOINT_DIAMETER_M)
        self._ellipsoids: list[Marker] = []
        if ellipsoids:
            for number in range(len(JOINTS)):
                marker = self._marker(frame_id, "covariance", Marker.SPHERE, 1.0)
                marker.id = number
                self._ellipsoids.append(marker)
        self._array = MarkerArray(markers=[self._limbs, self._joints, *self._ellipsoids])

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
        if self._ellipsoids:
            self._fill_ellipsoids(skeleton, known)
        return self._array

    def _fill_ellipsoids(self, skeleton: FusedSkeleton, known: list[int]) -> None:
        for marker in self._ellipsoids:
            marker.action = Marker.DELETE
        axes, turns = ellipsoids(skeleton.covariance[known])
        for j, axis, turn in zip(known, axes.tolist(), turns.tolist(), strict=True):
            marker, color = self._ellipsoids[j], self._colors[j]
            marker.header.stamp = self._joints.header.stamp
            marker.action = Marker.ADD
            marker.pose.position = self._points[j]
            q = marker.pose.orientation
            q.x, q.y, q.z, q.w = turn
            marker.scale.x, marker.scale.y, marker.scale.z = axis
            marker.color.r, marker.color.g = color.r, color.g
            marker.color.a = _ELLIPSOID_ALPHA
