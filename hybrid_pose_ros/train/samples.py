"""Training sequences: a keyframe's events, the bins after it, and where the joints really were.

Augmentation happens on the events themselves: mirrored people (left and right joints swapped),
crops that are shifted and scaled, dropped events and added noise. One in ten shows no person.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.representation import count_histogram, keyframe_input
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.pose.rig import DHP19_CROP
from hybrid_pose_ros.pose.rig import DHP19_HEIGHT as SENSOR_HEIGHT
from hybrid_pose_ros.pose.rig import DHP19_WIDTH as SENSOR_WIDTH
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.skeleton import SWAP
from hybrid_pose_ros.train.background import without_person
from hybrid_pose_ros.train.clips import TRUTH_PERIOD_NS, View

MARGIN = 64  # added to all coordinates so that a shifted crop never starts below zero
FIRST_KEYFRAME_NS = 200_000_000
BACKGROUND_SHARE = 0.1  # of the sequences show no person


class Batch(NamedTuple):
    """B sequences of T bins.

    Attributes:
        keyframe: (B, 20, S, S) event counts before the keyframe.
        bins: (T, B, 2, S, S) event counts of the bins after it.
        cells: (T + 1, B, 13, 2) true joints in heatmap cells, at the keyframe and after each bin.
        present: (B,) bool, whether there is a person at all; cells mean nothing where not.
    """

    keyframe: Tensor
    bins: Tensor
    cells: Tensor
    present: Tensor


def random_crop(rng: np.random.Generator) -> Crop:
    """The DHP19 crop, shifted and scaled, in coordinates with the margin added."""
    side = int(rng.integers(232, 292))
    shift = rng.integers(-14, 15, 2)
    centre_x = DHP19_CROP.x + DHP19_CROP.width // 2 + MARGIN + shift[0]
    centre_y = DHP19_CROP.y + DHP19_CROP.height // 2 + MARGIN + shift[1]
    return Crop(int(centre_x - side // 2), int(centre_y - side // 2), side, side)


def _augment(events: np.ndarray, uv: np.ndarray, rng: np.random.Generator) -> tuple:
    """Copies of events and joints with margin, mirror, drops and noise."""
    keep = rng.random(events.size) >= rng.choice([0.0, 0.1, 0.25])
    out = events[keep].copy()
    uv = uv + MARGIN
    out["x"] += MARGIN
    out["y"] += MARGIN
    if rng.random() < 0.5:
        middle = 2 * (DHP19_CROP.x + MARGIN) + DHP19_CROP.width - 1
        out["x"] = middle - out["x"]
        uv = uv[:, SWAP]
        uv[..., 0] = middle - uv[..., 0]
    seconds = (int(out["t"][-1]) - int(out["t"][0])) * 1e-9 if out.size else 0.0
    count = rng.poisson(rng.uniform(0.0, 0.06) * seconds * SENSOR_WIDTH * SENSOR_HEIGHT)
    noise = np.zeros(count, out.dtype)
    if count:
        noise["t"] = rng.integers(out["t"][0], out["t"][-1] + 1, count)
        noise["x"] = rng.integers(MARGIN, MARGIN + SENSOR_WIDTH, count)
        noise["y"] = rng.integers(MARGIN, MARGIN + SENSOR_HEIGHT, count)
        noise["p"] = rng.integers(0, 2, count)
        out = np.concatenate([out, noise])
        out = out[np.argsort(out["t"], kind="stable")]
    return out, uv


def sequence(
    view: View,
    start: int,
    bins: int,
    network: LiteConfig,
    timing: EstimatorConfig,
    rng: np.random.Generator | None,
    present: bool = True,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One sequence whose keyframe is at truth sample `start`; augmented if a generator is given."""
    t_ns = start * TRUTH_PERIOD_NS
    window = [t_ns - timing.window_ns, t_ns + bins * timing.bin_ns]
    edges = np.searchsorted(view.events["t"], window)
    events, uv = view.events[edges[0] : edges[1]], view.uv[start : start + bins + 1]
    crop = DHP19_CROP
    if rng is not None:
        if not present:
            events = without_person(events, SENSOR_WIDTH, SENSOR_HEIGHT, rng)
        events, uv = _augment(events, uv, rng)
        crop = random_crop(rng)
    split = np.searchsorted(events["t"], t_ns)
    keyframe = keyframe_input(
        events[:split], crop, network.input_size, network.keyframe_bins, timing.window_events, t_ns
    )
    after = [
        count_histogram(
            events[split:], crop, network.input_size, 1,
            t_ns + k * timing.bin_ns, t_ns + (k + 1) * timing.bin_ns,
        )
        for k in range(bins)
    ]  # fmt: skip
    cells = crop.to_cells(uv, network.heatmap_size)
    size = network.input_size
    return keyframe, np.stack(after) if after else np.zeros((0, 2, size, size), "f4"), cells


class SequenceSampler:
    """Endless random batches from a list of views. Deterministic by seed."""

    def __init__(
        self, views: list[View], network: LiteConfig, timing: EstimatorConfig, seed: int
    ) -> None:
        self.views, self.network, self.timing = views, network, timing
        self.rng = np.random.default_rng(seed)

    def batch(self, size: int, bins: int, augment: bool = True) -> Batch:
        """`size` sequences of `bins` bins from random views and times."""
        rng = self.rng
        present = rng.random(size) >= (BACKGROUND_SHARE if augment else 0.0)
        parts = []
        for shown in present:
            view = self.views[rng.integers(len(self.views))]
            first = FIRST_KEYFRAME_NS // TRUTH_PERIOD_NS
            start = int(rng.integers(first, len(view.uv) - bins))
            generator = rng if augment else None
            parts.append(
                sequence(view, start, bins, self.network, self.timing, generator, bool(shown))
            )
        keyframe, after, cells = zip(*parts, strict=True)
        return Batch(
            torch.from_numpy(np.stack(keyframe)).contiguous(memory_format=torch.channels_last),
            torch.from_numpy(np.stack(after, 1)),
            torch.from_numpy(np.stack(cells, 1).astype(np.float32)),
            torch.from_numpy(present),
        )
