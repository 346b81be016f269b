"""Augmentation of events and joints: nothing is changed that a camera could not have seen.

Mirrored people (left and right joints swapped), crops that are shifted and scaled, faster or slower
motion, dropped events and added noise.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.pose.rig import DHP19_CROP, DHP19_HEIGHT, DHP19_WIDTH
from hybrid_pose_ros.skeleton import SWAP
from hybrid_pose_ros.train.data_config import AugmentationConfig

MARGIN = 64  # added to all coordinates so that a shifted crop never starts below zero


def random_crop(config: AugmentationConfig, rng: np.random.Generator) -> Crop:
    """The DHP19 crop, shifted and scaled, in coordinates with the margin added."""
    side = round(DHP19_CROP.width * rng.uniform(*config.scale))
    shift = rng.integers(-config.shift, config.shift + 1, 2)
    centre_x = DHP19_CROP.x + DHP19_CROP.width // 2 + MARGIN + shift[0]
    centre_y = DHP19_CROP.y + DHP19_CROP.height // 2 + MARGIN + shift[1]
    return Crop(int(centre_x - side // 2), int(centre_y - side // 2), side, side)


def change_speed(events: np.ndarray, t_ns: int, factor: float) -> np.ndarray:
    """A copy of the events whose distance in time from t_ns is divided by `factor`."""
    out = events.copy()
    out["t"] = t_ns + np.floor((events["t"] - t_ns) / factor).astype(np.int64)
    return out


def joints_at(uv: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(m, 13, 2) joints at fractional rows (m,) of (n, 13, 2), linear in between; NaN outside."""
    last = len(uv) - 1
    below = np.clip(np.floor(rows).astype(np.int64), 0, last)
    share = (rows - below)[:, None, None].astype(np.float32)
    above = np.where(share[:, 0, 0] > 0, np.minimum(below + 1, last), below)
    out = uv[below] * (1 - share) + uv[above] * share
    out[(rows < 0) | (rows > last)] = np.nan
    return out


def augment(
    events: np.ndarray, uv: np.ndarray, config: AugmentationConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Copies of events and joints (m, 13, 2) with margin, mirror, drops and noise."""
    keep = rng.random(events.size) >= rng.choice(config.drop)
    out = events[keep].copy()
    uv = uv + MARGIN
    out["x"] += MARGIN
    out["y"] += MARGIN
    if rng.random() < config.mirror:
        middle = 2 * (DHP19_CROP.x + MARGIN) + DHP19_CROP.width - 1
        out["x"] = middle - out["x"]
        uv = uv[:, SWAP]
        uv[..., 0] = middle - uv[..., 0]
    seconds = (int(out["t"][-1]) - int(out["t"][0])) * 1e-9 if out.size else 0.0
    count = rng.poisson(rng.uniform(0.0, config.noise_hz) * seconds * DHP19_WIDTH * DHP19_HEIGHT)
    if count:
        noise = np.zeros(count, out.dtype)
        noise["t"] = rng.integers(out["t"][0], out["t"][-1] + 1, count)
        noise["x"] = rng.integers(MARGIN, MARGIN + DHP19_WIDTH, count)
        noise["y"] = rng.integers(MARGIN, MARGIN + DHP19_HEIGHT, count)
        noise["p"] = rng.integers(0, 2, count)
        out = np.concatenate([out, noise])
        out = out[np.argsort(out["t"], kind="stable")]
    return out, uv
