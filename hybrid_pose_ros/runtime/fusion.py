"""2D poses of any number of cameras in, 3D skeletons with uncertainty out.

Every camera's pixels correct a Kalman filter per joint directly, so one view still corrects the two
directions that it sees and the depth is held. Triangulation starts a joint, and with three views or
more it finds the view that lies; a camera that contradicts for long while another fits is left out.
The result depends on the data and their stamps only.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.pose.kalman import ACCEPTED, REJECTED, JointFilter
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.pose.rig import Rig
from hybrid_pose_ros.pose.triangulation import chi2_limit, reprojection_error, triangulate
from hybrid_pose_ros.runtime.collector import Cell, Collector, Sample
from hybrid_pose_ros.runtime.fused_skeleton import FusedSkeleton
from hybrid_pose_ros.runtime.fusion_config import FusionConfig
from hybrid_pose_ros.skeleton import NUM_JOINTS

# A camera is left out when more than so much of what it says is refused, while another camera fits;
# it is taken back when it fits too. The share is averaged over the last 1 / _DOUBT_GAIN poses.
_DOUBT_GAIN = 0.2
_CONTRADICTS = 0.5
_FITS = 0.25


class Fusion:
    """Live and offline fusion of the cameras of a rig."""

    def __init__(self, rig: Rig, config: FusionConfig | None = None) -> None:
        self.config = config = config or FusionConfig()
        self.rig = rig
        self._collector = Collector(list(rig.cameras), config.period_ns, config.live_periods)
        self._filter = JointFilter(
            NUM_JOINTS,
            accel_noise=config.accel_noise,
            velocity_decay_s=config.velocity_decay_s,
            max_std=config.max_std_m,
            gate=config.gate,
            reopen_after=config.reopen_after,
        )
        self._now_ns: int | None = None  # time of the filter
        self._evidence = np.zeros(NUM_JOINTS)  # what the cameras last said
        self._seen_ns = np.zeros(NUM_JOINTS, np.int64)
        self._elsewhere = np.zeros(NUM_JOINTS, np.int64)  # see _search
        self._seen = dict.fromkeys(rig.cameras, 0)
        self._rejected = dict.fromkeys(rig.cameras, 0)
        self._doubt = dict.fromkeys(rig.cameras, 0.0)  # recent share of refused joints
        self._left_out: set[str] = set()
        self._received = 0
        self._polled = (0, 0)  # poses received and now_ns at the last change

    def add(self, camera: str, t_ns: int, keypoints: Keypoints) -> list[FusedSkeleton]:
        """Take one camera's pose at ROS time t_ns; returns the skeletons that it completes.

        Raises:
            KeyError: unknown camera.
        """
        self._received += 1
        cells = self._collector.add(Sample(camera, int(t_ns), keypoints))
        return [self._fuse(cell) for cell in cells]

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
        return [self._fuse(cell) for cell in self._collector.flush()]

    def live(self, camera: str) -> bool:
        """Whether this camera delivers and is waited for."""
        return self._collector.live(camera)

    def left_out(self, camera: str) -> bool:
        """Whether this camera delivers but is not used because it contradicts the others."""
        return camera in self._left_out

    def counters(self, camera: str) -> dict[str, int]:
        """Poses taken, late, duplicate, jumps; joints seen and rejected."""
        counters = {"taken": 0, "late": 0, "duplicate": 0, "jumps": 0}
        counters.update(self._collector.counters(camera))
        return {**counters, "joints": self._seen[camera], "rejected": self._rejected[camera]}

    def last_ns(self, camera: str) -> int:
        """Latest stamp of a camera; -1 if it never delivered."""
        return self._collector.last_ns(camera)

    def _fuse(self, cell: Cell) -> FusedSkeleton:
        if cell.restart:
            self._filter.forget(np.ones(NUM_JOINTS, bool))
            self._now_ns = None
        samples = cell.samples
        projections = np.array([self.rig.cameras[s.camera].projection for s in samples])
        projections = projections.reshape(-1, 3, 4)
        uv, covariance, confidence = self._measurements(samples)
        usable = confidence > 0
        if len(samples) > 2:
            usable &= self._agreeing(projections, uv, covariance, confidence)
        trusted = np.array([s.camera not in self._left_out for s in samples], bool)
        single = usable[trusted].sum(axis=0) < 2
        status = np.zeros(usable.shape, np.int8)
        for i, sample in enumerate(samples):
            self._predict(sample.t_ns)
            status[i] = self._filter.update_pixels(
                projections[i], uv[i], covariance[i], usable[i], single, test_only=not trusted[i]
            )
        # A view that was outvoted counts like one that the gate refused.
        self._judge(samples, confidence > 0, (status == REJECTED) | ((confidence > 0) & ~usable))
        accepted = (status == ACCEPTED) & trusted[:, None]
        searched = ~self._filter.known | (status == REJECTED).any(axis=0)
        if len(samples) > 1 and searched.any():
            found = self._search(searched, projections, uv, covariance, confidence * usable)
            accepted = np.where(found.any(axis=0), found, accepted)
        return self._skeleton(cell, projections, uv, confidence, accepted)

    def _judge(self, samples: tuple[Sample, ...], seen: np.ndarray, refused: np.ndarray) -> None:
        """Count seen and refused (S, 13), and leave out cameras that alone contradict for long."""
        for i, sample in enumerate(samples):
            count, bad = int(seen[i].sum()), int(refused[i].sum())
            self._seen[sample.camera] += count
            self._rejected[sample.camera] += bad
            if count:
                doubt = self._doubt[sample.camera]
                self._doubt[sample.camera] = doubt + _DOUBT_GAIN * (bad / count - doubt)
        fits = [s.camera for s in samples if self._doubt[s.camera] < _FITS]
        for sample in samples:
            if sample.camera in fits:
                self._left_out.discard(sample.camera)
            elif fits and self._doubt[sample.camera] > _CONTRADICTS:
                self._left_out.add(sample.camera)

    def _measurements(
        self, samples: tuple[Sample, ...]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Pixels (S, 13, 2), covariance (S, 13, 3) px^2, confidence (S, 13), 0 = not usable."""
        joints = [sample.keypoints for sample in samples]
        uv = np.array([k.uv for k in joints], np.float64).reshape(-1, NUM_JOINTS, 2)
        covariance = np.array([k.covariance for k in joints], np.float64)
        covariance = covariance.reshape(-1, NUM_JOINTS, 3)
        covariance[..., ::2] += self.config.pixel_noise_px**2
        confidence = np.array([k.confidence for k in joints], np.float64)
        confidence = confidence.reshape(-1, NUM_JOINTS)
        with np.errstate(invalid="ignore"):
            usable = confidence >= max(self.config.min_confidence, 1e-9)
            usable &= np.isfinite(uv).all(axis=-1) & np.isfinite(covariance).all(axis=-1)
        return uv, covariance, np.where(usable, np.minimum(confidence, 1.0), 0.0)

    @staticmethod
    def _agreeing(
        projections: np.ndarray, uv: np.ndarray, covariance: np.ndarray, confidence: np.ndarray
    ) -> np.ndarray:
        """Views that three or more cameras do not outvote; (S, 13) bool."""
        result = triangulate(projections, uv, covariance, confidence)
        voted = (confidence > 0).sum(axis=0) > 2
        return result.used | ~voted

    def _predict(self, t_ns: int) -> None:
        if self._now_ns is not None:
            self._filter.predict((t_ns - self._now_ns) * 1e-9)
            self._now_ns = max(self._now_ns, t_ns)
        else:
            self._now_ns = t_ns

    def _search(
        self,
        which: np.ndarray,
        projections: np.ndarray,
        uv: np.ndarray,
        covariance: np.ndarray,
        confidence: np.ndarray,
    ) -> np.ndarray:
        """Begin joints where the views of this cell agree.

        Unknown joints begin at once. A known joint that the gate refuses is moved only when its
        views have agreed on another place `reopen_after` times in a row: a camera that talks
        nonsense may agree with another one by chance, but not for long.

        Args:
            which: (13,) bool, joints that are unknown or had a view refused.

        Returns:
            (S, 13) bool, the views of the joints that were begun.
        """
        result = triangulate(projections, uv, covariance, np.where(which, confidence, 0.0))
        with np.errstate(invalid="ignore"):
            limits = chi2_limit(2 * result.views.astype(int) - 3)
            spread = np.trace(result.covariance, axis1=1, axis2=2)
            agree = (result.chi2 <= limits) & (spread <= 3 * self.config.max_std_m**2)
        self._elsewhere = np.where(agree, self._elsewhere + 1, 0)
        begin = agree & (~self._filter.known | (self._elsewhere >= self.config.reopen_after))
        self._filter.start(begin, result.xyz, result.covariance)
        self._elsewhere[begin] = 0
        return result.used & begin

    def _skeleton(
        self,
        cell: Cell,
        projections: np.ndarray,
        uv: np.ndarray,
        confidence: np.ndarray,
        accepted: np.ndarray,
    ) -> FusedSkeleton:
        """The state at the time of the cell; accepted (S, 13): the views that confirmed it."""
        t_ns = cell.t_ns
        if self._now_ns is None:
            self._now_ns = t_ns
        elif not cell.samples:
            self._predict(t_ns)
        views = accepted.sum(axis=0)
        some = views > 0
        self._evidence[some] = (confidence * accepted).sum(axis=0)[some] / views[some]
        self._seen_ns[some] = t_ns
        stale = self._filter.known & (t_ns - self._seen_ns > self.config.hold_ns)
        if stale.any():
            self._filter.forget(stale)
        xyz, covariance = self._filter.peek((t_ns - self._now_ns) * 1e-9)
        variance = np.trace(covariance, axis1=1, axis2=2) / 3
        trust = self._evidence / (1.0 + variance / self.config.half_std_m**2)
        known = self._filter.known & np.isfinite(trust)
        return FusedSkeleton(
            t_ns=t_ns,
            xyz=xyz,
            covariance=covariance,
            velocity=self._filter.velocity.copy(),
            confidence=np.where(known, trust, 0.0),
            views=views.astype(np.uint8),
            reprojection_px=reprojection_error(projections, uv, accepted, self._filter.xyz),
            stamps_ns={sample.camera: sample.t_ns for sample in cell.samples},
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
