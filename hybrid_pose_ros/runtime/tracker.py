"""The joints in 3D and what is thought of each camera, moved on by one measurement at a time.

Every camera's pixels correct a Kalman filter per joint directly, so one view still corrects the two
directions that it sees and the depth is held. Triangulation starts a joint, and with three views or
more it finds the view that lies. What a tracker does depends on the measurements it was given, in
the order of their times, and on nothing else: `Timeline` takes care of the order.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.pose.bones import Bones
from hybrid_pose_ros.pose.kalman import ACCEPTED, MISSING, REJECTED, JointFilter
from hybrid_pose_ros.pose.rig import Rig
from hybrid_pose_ros.pose.triangulation import chi2_limit, triangulate
from hybrid_pose_ros.runtime.camera_trust import CameraTrust
from hybrid_pose_ros.runtime.fusion_config import FusionConfig
from hybrid_pose_ros.runtime.measurement import Measurement
from hybrid_pose_ros.skeleton import NUM_JOINTS

_NEVER = np.iinfo(np.int64).min // 2
# Poses of two cameras so many periods apart describe the same moment, for a vote among views.
_TOGETHER = 1.5
# A joint that another camera has not confirmed for so many periods is seen by one alone.
_ALONE = 5
# Two cameras agree when so many of the joints are consistent at 2.5 standard deviations.
_AGREEMENT, _MOST = 6.25, 0.8


class Tracker:
    """State of the fusion at one time.

    Args:
        rig: the cameras.
        config: settings.

    Attributes:
        arrays: everything that changes, changed in place only.
        filter, trust, bones: the parts.
        latest_ns: (C,) time of each camera's last pose.
        uv, confidence: (C, 13, 2) px and (C, 13) of that pose.
        accepted: (C, 13) bool, its joints that went in.
        evidence: (C, 13) confidence of what went in last, and `evidence_ns` when.
        counts: (C, 2) joints compared and refused.
    """

    def __init__(self, rig: Rig, config: FusionConfig) -> None:
        count = len(rig.cameras)
        self._config = config
        self._projections = rig.projections()
        self.filter = JointFilter(
            NUM_JOINTS,
            count,
            accel_noise=config.accel_noise,
            velocity_decay_s=config.velocity_decay_s,
            correlated_share=config.correlated_share,
            correlation_s=config.correlation_s,
            max_std=config.max_std_m,
            gate=config.gate,
            reopen_after=config.reopen_after,
        )
        self.trust = CameraTrust(count)
        self.bones = Bones()
        self.latest_ns = np.full(count, _NEVER, np.int64)
        self.uv = np.full((count, NUM_JOINTS, 2), np.nan)
        self._as_seen = self.uv.copy()  # before sides were exchanged
        self._covariance = np.ones((count, NUM_JOINTS, 3))
        self.confidence = np.zeros((count, NUM_JOINTS))
        self.accepted = np.zeros((count, NUM_JOINTS), bool)
        self.evidence = np.zeros((count, NUM_JOINTS))
        self.evidence_ns = np.full((count, NUM_JOINTS), _NEVER, np.int64)
        self._elsewhere = np.zeros(NUM_JOINTS, np.int64)  # see _search
        self.counts = np.zeros((count, 2), np.int64)
        self._now_ns = np.full(1, _NEVER, np.int64)
        self.arrays = (
            *self.filter.arrays, *self.trust.arrays, *self.bones.arrays, self.latest_ns, self.uv,
            self._as_seen, self._covariance, self.confidence, self.accepted, self.evidence,
            self.evidence_ns, self._elsewhere, self.counts, self._now_ns,
        )  # fmt: skip

    @property
    def now_ns(self) -> int | None:
        """Time of the state; None before the first measurement."""
        now_ns = int(self._now_ns[0])
        return None if now_ns == _NEVER else now_ns

    def take(self, new: Measurement) -> None:
        """Move on to a measurement's time and take it in, as far as it can be believed."""
        self._predict(new.t_ns)
        camera, projection = new.camera, self._projections[new.camera]
        peers = self._peers(new)
        before = self._as_seen[camera].copy()
        self._as_seen[camera] = np.where(new.seen[:, None], new.uv, np.nan)
        recent_ns = new.t_ns - _ALONE * self._config.period_ns
        confirmed = bool(peers) and int(self.evidence_ns[camera].max()) >= recent_ns
        agrees = len(peers) == 1 and not self.trust.used(camera) and self._agrees(new, peers[0])
        new = self.trust.judge(
            new, before, self.filter.xyz, projection, confirmed=confirmed, agrees=agrees
        )
        self._remember(new)
        seen = new.seen
        outvoted = self._outvoted(new, peers, seen)
        status = np.full(NUM_JOINTS, MISSING, np.int8)
        if self.trust.used(camera):
            covariance = new.covariance * self.trust.weight(camera)
            usable, alone = seen & ~outvoted, self._alone(new)
            status = self.filter.update_pixels(
                camera, projection, new.uv, covariance, usable, alone
            )
            refused = outvoted | (status == REJECTED)
        else:
            far = self.filter.distances(camera, projection, new.uv, new.covariance, seen)
            with np.errstate(invalid="ignore"):
                refused = outvoted | (far > self._config.gate)
            # The depth that one camera alone has held may be wrong, not the pose.
            refused &= not agrees
        compared = seen & (self.filter.known | outvoted)
        self.counts[camera] += self.trust.judge_refused(camera, compared, refused)
        self.accepted[camera] = status == ACCEPTED
        self._confirm(new, status == ACCEPTED)
        searched = seen & (~self.filter.known | (status == REJECTED))
        if peers and searched.any() and self.trust.used(camera):
            self._search(searched, new, peers)
        self._learn(new, peers)

    def _predict(self, t_ns: int) -> None:
        now_ns = self.now_ns
        if now_ns is not None:
            self.filter.predict((t_ns - now_ns) * 1e-9)
        self._now_ns[0] = t_ns if now_ns is None else max(now_ns, t_ns)
        newest = self.evidence_ns.max(axis=0)
        stale = self.filter.known & (t_ns - newest > self._config.hold_ns)
        if stale.any():
            self.filter.forget(stale)

    def _remember(self, new: Measurement) -> None:
        camera = new.camera
        self.latest_ns[camera] = new.t_ns
        self.uv[camera], self.confidence[camera] = new.uv, new.confidence
        self._covariance[camera] = new.covariance

    def _confirm(self, new: Measurement, accepted: np.ndarray) -> None:
        self.evidence[new.camera][accepted] = new.confidence[accepted]
        self.evidence_ns[new.camera][accepted] = new.t_ns

    def _peers(self, new: Measurement) -> list[int]:
        """Other cameras that are used and have a pose of about this time."""
        reach_ns = _TOGETHER * self._config.period_ns
        return [
            c
            for c in range(len(self.latest_ns))
            if c != new.camera and new.t_ns - self.latest_ns[c] <= reach_ns and self.trust.used(c)
        ]

    def _agrees(self, new: Measurement, peer: int) -> bool:
        """Whether nearly all joints of two poses can be the same points."""
        which = [new.camera, peer]
        result = triangulate(
            self._projections[which],
            np.stack([new.uv, self.uv[peer]]),
            np.stack([new.covariance, self._covariance[peer]]),
            np.stack([new.confidence, self.confidence[peer]]),
        )
        with np.errstate(invalid="ignore"):
            fit = int((result.chi2 <= _AGREEMENT).sum())
        return fit >= _MOST * max(1, int((result.views == 2).sum()))

    def _alone(self, new: Measurement) -> np.ndarray:
        """(13,) bool: joints that no other camera has confirmed lately."""
        recent_ns = new.t_ns - _ALONE * self._config.period_ns
        confirmed = self.evidence_ns >= recent_ns
        confirmed[new.camera] = False
        return np.logical_not(np.any(confirmed, axis=0))

    def _outvoted(self, new: Measurement, peers: list[int], seen: np.ndarray) -> np.ndarray:
        """(13,) bool: joints in which two other cameras or more contradict this one."""
        if len(peers) < 2:
            return np.zeros(NUM_JOINTS, bool)
        which = [new.camera, *peers]
        result = triangulate(
            self._projections[which], self.uv[which], self._covariance[which],
            self.confidence[which],
        )  # fmt: skip
        voters = (self.confidence[which] > 0).sum(axis=0)
        return seen & (voters > 2) & ~result.used[0]

    def _search(self, searched: np.ndarray, new: Measurement, peers: list[int]) -> None:
        """Begin joints where the views of this moment agree.

        Unknown joints begin at once. A known joint that the gate refuses is moved only when its
        views have agreed on another place for long: a camera that talks nonsense may agree with
        another one by chance.
        """
        which = [new.camera, *peers]
        confidence = np.where(searched, self.confidence[which], 0.0)
        result = triangulate(
            self._projections[which], self.uv[which], self._covariance[which], confidence
        )
        with np.errstate(invalid="ignore"):
            limits = chi2_limit(2 * result.views.astype(int) - 3)
            spread = np.trace(result.covariance, axis1=1, axis2=2)
            agree = (result.chi2 <= limits) & (spread <= 3 * self._config.max_std_m**2)
        self._elsewhere[:] = np.where(agree & searched, self._elsewhere + 1, 0)
        patience = self._config.reopen_after * len(which)
        begin = agree & searched & (~self.filter.known | (self._elsewhere >= patience))
        if not begin.any():
            return
        self.filter.start(begin, result.xyz)
        self._elsewhere[begin] = 0
        for row, camera in enumerate(which):
            used = begin & result.used[row]
            self.filter.update_pixels(
                camera, self._projections[camera], self.uv[camera], self._covariance[camera], used
            )
            self.accepted[camera] |= used
            self.evidence[camera][used] = self.confidence[camera][used]
            self.evidence_ns[camera][used] = self.latest_ns[camera]

    def _learn(self, new: Measurement, peers: list[int]) -> None:
        """Measure the limbs that several cameras see now."""
        if not peers or new.camera > min(peers) or self.trust.disagree:
            return  # one of the cameras that see this moment is enough
        sure = self.filter.known & self.accepted[new.camera]
        sure &= self.accepted[peers].any(axis=0)
        seconds = self._config.period_ns * 1e-9
        self.bones.learn(self.filter.xyz, self.filter.covariance, sure, seconds)
