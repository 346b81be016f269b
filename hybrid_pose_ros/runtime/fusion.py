"""2D poses of any number of cameras in, 3D skeletons with uncertainty out.

Poses go to a `Timeline`, which takes them in the order of their times however late they come; a
`Collector` says when the next skeleton is due. The result depends on the data and their stamps
only. The method is described in docs/fusion.md.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from hybrid_pose_ros.pose.bone_steps import condition
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.pose.rig import Rig
from hybrid_pose_ros.pose.triangulation import reprojection_error
from hybrid_pose_ros.runtime.camera_report import CameraReport
from hybrid_pose_ros.runtime.collector import Collector, Tick
from hybrid_pose_ros.runtime.fused_skeleton import FusedSkeleton
from hybrid_pose_ros.runtime.fusion_config import FusionConfig
from hybrid_pose_ros.runtime.measurement import measure
from hybrid_pose_ros.runtime.timeline import Timeline
from hybrid_pose_ros.runtime.tracker import Tracker
from hybrid_pose_ros.skeleton import LIMBS, NUM_JOINTS

# What is left of the confidence where cameras contradict each other, and in an impossible limb.
_DOUBTFUL, _IMPOSSIBLE = 0.3, 0.2


class Fusion:
    """Live and offline fusion of the cameras of a rig."""

    def __init__(self, rig: Rig, config: FusionConfig | None = None) -> None:
        self.config = config = config or FusionConfig()
        self.rig = rig
        self._names = list(rig.cameras)
        self._index = {name: index for index, name in enumerate(self._names)}
        self._collector = Collector(self._names, config.period_ns, config.live_periods)
        self._tracker = Tracker(rig, config)
        self._timeline = Timeline(self._tracker, config.horizon_ns, config.period_ns // 2)
        self._projections = rig.projections()
        self._counters: dict[str, Counter[str]] = {name: Counter() for name in self._names}
        self._received = 0
        self._polled = (0, 0)  # poses received and now_ns at the last change

    def add(self, camera: str, t_ns: int, keypoints: Keypoints) -> list[FusedSkeleton]:
        """Take one camera's pose at ROS time t_ns; returns the skeletons that it completes.

        Raises:
            KeyError: unknown camera.
        """
        self._received += 1
        believed, ticks = self._collector.add(camera, int(t_ns))
        if ticks and ticks[0].restart:
            self._timeline.restart()
        if believed:
            self._put(camera, t_ns, keypoints, corrects=False)
        return [self._skeleton(tick) for tick in ticks]

    def correct(self, camera: str, t_ns: int, keypoints: Keypoints) -> None:
        """Take a keyframe's pose, which comes late and replaces the update of the same time.

        Raises:
            KeyError: unknown camera.
        """
        newest_ns = self._collector.last_ns(camera)
        if not self._collector.leapt(camera) and t_ns <= newest_ns:
            self._put(camera, t_ns, keypoints, corrects=True)

    def poll(self, now_ns: int) -> list[FusedSkeleton]:
        """Give out what waits when no camera has delivered for `timeout_ns`.

        Only differences of now_ns count, so any clock will do.
        """
        received, since_ns = self._polled
        if received != self._received or now_ns < since_ns:
            self._polled = (self._received, now_ns)
            return []
        if now_ns - since_ns < self.config.timeout_ns:
            return []
        return [self._skeleton(tick) for tick in self._collector.flush()]

    def report(self, camera: str) -> CameraReport:
        """What is known about a camera now.

        Raises:
            KeyError: unknown camera.
        """
        index, tracker = self._index[camera], self._tracker
        seen, refused = tracker.counts[index].tolist()
        counters = {"taken": 0, "late": 0, "duplicate": 0, "replayed": 0, "corrected": 0}
        counters |= {"jumps": 0, **self._counters[camera], **self._collector.counters(camera)}
        verdict = tracker.trust.verdict(index)
        if self._collector.leapt(camera):
            verdict = "left out: its clock has jumped"
        return CameraReport(
            live=self._collector.live(camera),
            used=tracker.trust.used(index) and not self._collector.leapt(camera),
            verdict=verdict,
            offset_px=float(np.linalg.norm(tracker.trust.offset[index])),
            last_ns=self._collector.last_ns(camera),
            counters={**counters, "joints": seen, "rejected": refused},
        )

    @property
    def disagree(self) -> bool:
        """Whether cameras contradict each other and nobody knows which one is wrong."""
        return self._tracker.trust.disagree

    @property
    def history(self) -> int:
        """Number of poses that are remembered for replays."""
        return len(self._timeline)

    def predict(self, skeleton: FusedSkeleton, t_ns: int) -> FusedSkeleton:
        """The latest skeleton moved on to a later time."""
        return self._describe(t_ns, skeleton.views, skeleton.reprojection_px, skeleton.stamps_ns)

    def _put(self, camera: str, t_ns: int, keypoints: Keypoints, *, corrects: bool) -> None:
        index = self._index[camera]
        measurement = measure(
            index, self.rig.cameras[camera], int(t_ns), keypoints, corrects=corrects,
            min_confidence=self.config.min_confidence, pixel_noise_px=self.config.pixel_noise_px,
        )  # fmt: skip
        outcome = self._timeline.put(measurement)
        counters = self._counters[camera]
        counters[outcome] += 1
        if outcome == "replayed":
            counters["taken"] += 1

    def _skeleton(self, tick: Tick) -> FusedSkeleton:
        half_ns = self.config.period_ns // 2
        self._timeline.advance(tick.t_ns + half_ns)
        tracker = self._tracker
        fresh = np.abs(tracker.latest_ns - tick.t_ns) <= half_ns
        accepted = tracker.accepted & fresh[:, None]
        error = reprojection_error(self._projections, tracker.uv, accepted, tracker.filter.xyz)
        stamps_ns = {
            name: int(tracker.latest_ns[index])
            for name, index in self._index.items()
            if fresh[index]
        }
        views = accepted.sum(axis=0).astype(np.uint8)
        return self._describe(tick.t_ns, views, error, stamps_ns)

    def _describe(
        self, t_ns: int, views: np.ndarray, error: np.ndarray, stamps_ns: dict[str, int]
    ) -> FusedSkeleton:
        """The state at a time near its own."""
        tracker, config = self._tracker, self.config
        now_ns = t_ns if tracker.now_ns is None else tracker.now_ns
        xyz, covariance = tracker.filter.peek((t_ns - now_ns) * 1e-9)
        newest_ns = tracker.evidence_ns.max(axis=0)
        known = tracker.filter.known & (t_ns - newest_ns <= config.hold_ns)
        xyz, covariance = tracker.bones.apply(xyz, covariance, known)
        # What the cameras said that confirmed the joint last, or just before.
        last = tracker.evidence_ns >= newest_ns - config.period_ns
        evidence = (tracker.evidence * last).sum(axis=0) / np.maximum(last.sum(axis=0), 1)
        variance = np.trace(covariance, axis1=1, axis2=2) / 3
        trust = evidence / (1.0 + variance / config.half_std_m**2)
        trust = trust * (_DOUBTFUL if tracker.trust.disagree else 1.0)
        trust = np.where(tracker.bones.impossible(xyz), _IMPOSSIBLE, 1.0) * trust
        known &= np.isfinite(trust)
        gone = ~known[:, None]
        return FusedSkeleton(
            t_ns=t_ns,
            xyz=np.where(gone, np.nan, xyz),
            covariance=np.where(gone[..., None], np.nan, covariance),
            velocity=np.where(gone, np.nan, tracker.filter.velocity),
            confidence=np.where(known, trust, 0.0),
            views=views,
            reprojection_px=error,
            stamps_ns=stamps_ns,
        )


def warm_up(rig: Rig) -> None:
    """Compile or load the numeric kernels now, so that the first live pose need not wait."""
    fusion = Fusion(rig)
    nothing = np.zeros((NUM_JOINTS, 2), np.float32)
    covariance = np.tile(np.array([1, 0, 1], np.float32), (NUM_JOINTS, 1))
    keypoints = Keypoints(nothing, covariance, np.ones(NUM_JOINTS, np.float32))
    for t_ns in (0, fusion.config.period_ns):
        for camera in rig.cameras:
            fusion.add(camera, t_ns, keypoints)
    lengths = np.full(len(LIMBS), np.nan)
    places = np.zeros((NUM_JOINTS, 3))
    condition(places, np.eye(3 * NUM_JOINTS), np.array(LIMBS, np.int64), lengths, lengths, 1.0)
