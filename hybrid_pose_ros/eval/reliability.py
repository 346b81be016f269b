"""Whether confidences and covariances say the truth: counts over joints whose truth is known.

confidence   a joint of confidence 0.8 is right (within the decoder's window) in 80 % of all cases
sigma        joints with a predicted sigma of 3 px are 3 px off, root mean square per axis
coverage     95 % of the true joints lie in their 95 % ellipses, at any age of the keyframe
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hybrid_pose_ros.eval.poses import Poses
from hybrid_pose_ros.eval.scene import CROP_PX, Grid, Scene, crop_pixels
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.heatmap import LABEL_WINDOW, WINDOW

SHARES = (0.5, 0.9, 0.95)
CONFIDENCES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 1.0)
SIGMA_BINS = 10
AGES_MS = {  # since the keyframe
    "keyframe": (0, 0), "1-50 ms": (1, 50), "51-100 ms": (51, 100), "101-200 ms": (101, 200),
    "201-400 ms": (201, 400),
}  # fmt: skip
LEAST = 20  # joints in a bin


@dataclass
class Reliability:
    """Collects joints; lists have one flat array (n,) per camera and scene.

    Attributes:
        window_px: a joint is right if both coordinates are so near, crop pixels.
        distance: squared Mahalanobis distance of the truth.
        confidence, sigma_px, error_px, right, age_ms: of the same joints; sigma per axis.
    """

    window_px: float
    distance: list[np.ndarray] = field(default_factory=list)
    confidence: list[np.ndarray] = field(default_factory=list)
    sigma_px: list[np.ndarray] = field(default_factory=list)
    error_px: list[np.ndarray] = field(default_factory=list)
    right: list[np.ndarray] = field(default_factory=list)
    age_ms: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def of(cls, network: PoseNetwork) -> Reliability:
        """For the poses of a network: its decoder's window counts."""
        reach = LABEL_WINDOW if network.config.preset == "paper" else WINDOW
        return cls((reach + 0.5) * CROP_PX / network.config.heatmap_size)

    def add(self, scene: Scene, grid: Grid, camera: Camera, poses: Poses) -> None:
        """Take the poses (N, T, ...) of one camera in a scene's windows."""
        off = poses.uv - _sensor_truth(scene, grid, camera)
        uu, uv, vv = np.moveaxis(poses.covariance.astype(np.float64), -1, 0)
        du, dv = np.moveaxis(off, -1, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            distance = (vv * du**2 - 2 * uv * du * dv + uu * dv**2) / (uu * vv - uv**2)
        known = np.isfinite(distance) & (poses.confidence > 0)
        scale = CROP_PX / camera.crop.width
        age = (grid.times_ns - grid.starts_ns[:, None]) * 1e-6
        self.distance.append(distance[known])
        self.confidence.append(poses.confidence[known])
        self.sigma_px.append(np.sqrt((uu + vv) / 2)[known] * scale)
        self.error_px.append(np.linalg.norm(off, axis=-1)[known] * scale)
        self.right.append((np.abs(off).max(-1) * scale <= self.window_px)[known])
        self.age_ms.append(np.broadcast_to(age[..., None], known.shape)[known])

    def row(self) -> dict[str, Any]:
        """Curves and shares as JSON holds them."""
        names = ("distance", "confidence", "sigma_px", "error_px", "right", "age_ms")
        joined = {name: np.concatenate(getattr(self, name)) for name in names}
        bounds = np.digitize(joined["confidence"], CONFIDENCES[1:-1])
        order = np.argsort(joined["sigma_px"], kind="stable")
        return {
            "confidence": [_confidence(joined, bounds == i) for i in np.unique(bounds)],
            "sigma": [_sigma(joined, part) for part in np.array_split(order, SIGMA_BINS)],
            "coverage": _coverage(joined),
        }


def _sensor_truth(scene: Scene, grid: Grid, camera: Camera) -> np.ndarray:
    """(N, T, 13, 2) sensor pixels; NaN outside of the crop."""
    uv = camera.project(scene.truth.at(grid.times_ns.ravel()))
    uv = uv.reshape(*grid.times_ns.shape, -1, 2)
    crop = crop_pixels(uv, camera)
    inside = np.all((crop > -0.5) & (crop < CROP_PX - 0.5), axis=-1, keepdims=True)
    return np.where(inside, uv, np.nan)


def _confidence(joined: dict[str, np.ndarray], chosen: np.ndarray) -> dict[str, float]:
    return {
        "joints": int(chosen.sum()),
        "confidence": float(joined["confidence"][chosen].mean()),
        "right": float(joined["right"][chosen].mean()),
    }


def _sigma(joined: dict[str, np.ndarray], chosen: np.ndarray) -> dict[str, float]:
    if not len(chosen):
        return {"joints": 0, "sigma_px": 0.0, "error_px": 0.0}
    return {
        "joints": len(chosen),
        "sigma_px": float(np.sqrt((joined["sigma_px"][chosen] ** 2).mean())),
        "error_px": float(np.sqrt((joined["error_px"][chosen] ** 2).mean() / 2)),
    }


def _coverage(joined: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Share of joints within the ellipses of `SHARES`, by the age of the keyframe."""
    found = {}
    age = joined["age_ms"]
    for name, chosen in (
        ("all", np.ones(len(age), bool)),
        ("confidence above 0.5", joined["confidence"] > 0.5),
        *((name, (age >= low) & (age <= high)) for name, (low, high) in AGES_MS.items()),
    ):
        if chosen.sum() >= LEAST:
            distance = joined["distance"][chosen]
            found[name] = {
                f"{share:g}": float((distance <= -2 * np.log(1 - share)).mean()) for share in SHARES
            }
    return found
