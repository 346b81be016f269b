"""Collects the poses of all scenes of a section and turns them into one row per contender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hybrid_pose_ros.eval import metrics
from hybrid_pose_ros.eval.accuracy import distances_3d
from hybrid_pose_ros.eval.contenders import Contender
from hybrid_pose_ros.eval.energy import NM_7, NM_45
from hybrid_pose_ros.eval.poses import Firing, Poses
from hybrid_pose_ros.eval.reliability import Reliability
from hybrid_pose_ros.eval.scene import KEYFRAME_NS, Grid, Scene, crop_pixels
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.pose.triangulation import triangulate
from hybrid_pose_ros.skeleton import JOINTS

DELAY_NS = 150_000_000  # delays up to this are found


@dataclass
class Judged:
    """What was collected of one contender; lists have one entry per camera or scene.

    Attributes:
        estimate, truth: (N, T, 13, 2) crop pixels, one pair per camera that counts in 2D.
        fast: (N, T, 13) bool, alike.
        errors_3d: number of views -> (N, T, 13) mm, one per scene.
        firing: sum over everything, None where nothing spikes.
        reliability: of confidences and covariances, None where it is not judged.
    """

    contender: Contender
    estimate: list[np.ndarray] = field(default_factory=list)
    truth: list[np.ndarray] = field(default_factory=list)
    fast: list[np.ndarray] = field(default_factory=list)
    errors_3d: dict[int, list[np.ndarray]] = field(default_factory=dict)
    firing: Firing | None = None
    reliability: Reliability | None = None

    def add_camera(
        self, scene: Scene, grid: Grid, camera: Camera, poses: Poses, firing: Firing | None
    ) -> None:
        """Take the poses (N, T, ...) of one camera."""
        truth = scene.crop_truth(camera, grid.times_ns)
        before = scene.crop_truth(camera, grid.times_ns - KEYFRAME_NS)
        self.estimate.append(crop_pixels(poses.uv, camera))
        self.truth.append(truth)
        self.fast.append(np.linalg.norm(truth - before, axis=-1) > metrics.FAST_PX)
        if self.reliability is not None:
            self.reliability.add(scene, grid, camera, poses)
        if firing is not None and self.firing is not None:
            self.firing.add(firing)
        elif firing is not None:
            self.firing = firing

    def add_views(self, scene: Scene, grid: Grid, views: Sequence[tuple[Camera, Poses]]) -> None:
        """Take the poses of several cameras at the same times, for their 3D error."""
        truth = scene.truth.at(grid.times_ns.ravel()).reshape(*grid.times_ns.shape, -1, 3)
        found = in_3d(views, grid.wanted)
        self.errors_3d.setdefault(len(views), []).append(distances_3d(found, truth))

    def row(self, bin_ns: int) -> dict[str, Any]:
        """The contender's figures; steps begin with the keyframe's own time."""
        estimate, truth = np.concatenate(self.estimate), np.concatenate(self.truth)
        fast = np.concatenate(self.fast)
        errors = np.linalg.norm(estimate - truth, axis=-1)
        short = KEYFRAME_NS // bin_ns
        main, main_fast = errors[:, 1 : short + 1], fast[:, 1 : short + 1]
        tracks = [
            (
                e[:, 1 : short + 1].reshape(-1, *e.shape[2:]),
                t[:, 1 : short + 1].reshape(-1, *t.shape[2:]),
            )
            for e, t in zip(self.estimate, self.truth, strict=True)
        ]
        lag = metrics.delay_steps(tracks, DELAY_NS // bin_ns)
        shakes = [metrics.jitter(e, t) for e, t in tracks]
        in_space = {str(n): np.concatenate(parts) for n, parts in self.errors_3d.items()}
        return {
            "name": self.contender.name,
            "variant": self.contender.variant,
            "rate_hz": round(1e9 / bin_ns),
            "windows": len(errors),
            "t_ms": [round(step * bin_ns * 1e-6, 3) for step in range(errors.shape[1])],
            "error_2d_px": {
                "all": metrics.per_step(errors),
                "fast": metrics.per_step(errors, fast),
                "rest": metrics.per_step(errors, ~fast),
                "published": metrics.published_per_step(errors),
            },
            "mean_2d_px": {
                "all": metrics.mean(main),
                "fast": metrics.mean(main[main_fast]),
                "rest": metrics.mean(main[~main_fast]),
            },
            "joints_2d_px": {j: metrics.mean(main[..., i]) for i, j in enumerate(JOINTS)},
            "pck": metrics.pck(main),
            "error_3d_mm": {n: metrics.per_step(part) for n, part in in_space.items()},
            "mean_3d_mm": {n: metrics.mean(part[:, 1 : short + 1]) for n, part in in_space.items()},
            "jitter_px": metrics.mean(np.array([s for s in shakes if s is not None])),
            "delay_ms": None if lag is None else lag * bin_ns * 1e-6,
            **self._cost(bin_ns, short),
            **({} if self.reliability is None else {"reliability": self.reliability.row()}),
        }  # fmt: skip

    def _cost(self, bin_ns: int, short: int) -> dict[str, Any]:
        operations_per_s, firing = 0.0, {}
        if self.firing is not None:
            per_step = self.firing.operations_per_step
            operations_per_s = float(per_step[:, :short].sum(0).mean()) * 1e9 / bin_ns
            rates = self.firing.rates
            neurons = self.firing.neurons[:-1]
            firing = {
                "spike_rates": dict(zip(self.firing.layers[:-1], listed(rates), strict=True)),
                "spike_rate": float(
                    (rates[:, :short] * neurons[:, None]).sum() / neurons.sum() / short
                ),
            }
        macs_per_s = self.contender.macs_per_s
        return {
            "macs_per_s": macs_per_s,
            "synaptic_operations_per_s": operations_per_s,
            "power_mw": {
                technology.name: 1e3 * technology.joules(operations_per_s, macs_per_s)
                for technology in (NM_7, NM_45)
            },
            **firing,
        }  # fmt: skip


def listed(values: np.ndarray) -> list[list[float | None]]:
    """(L, T) as JSON can hold it: NaN becomes None."""
    return [[float(v) if np.isfinite(v) else None for v in line] for line in values]


def in_3d(views: Sequence[tuple[Camera, Poses]], wanted: np.ndarray) -> np.ndarray:
    """Joints (N, T, 13, 3) metres from the poses of several cameras, where `wanted` (N, T)."""
    projections = np.stack([camera.projection for camera, _ in views])
    found = np.full((*wanted.shape, len(JOINTS), 3), np.nan)
    for place in zip(*np.nonzero(wanted), strict=True):
        seen = [
            camera.linear_keypoints(
                Keypoints(p.uv[place], p.covariance[place], p.confidence[place])
            )
            for camera, p in views
        ]
        found[place] = triangulate(
            projections,
            np.stack([pose.uv for pose in seen]),
            np.stack([pose.covariance for pose in seen]),
            np.stack([pose.confidence for pose in seen]),
        ).xyz
    return found
