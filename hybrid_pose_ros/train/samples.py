"""Training sequences: a keyframe's events, the bins after it, and where the joints really were."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hybrid_pose_ros.data.dhp19_windows import BIN_MS, Windows
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.models.config import NetworkConfig
from hybrid_pose_ros.pose.rig import DHP19_CROP, DHP19_HEIGHT, DHP19_WIDTH
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.train.augmentation import augment, change_speed, joints_at, random_crop
from hybrid_pose_ros.train.background import without_person
from hybrid_pose_ros.train.data_config import AugmentationConfig, DataConfig
from hybrid_pose_ros.train.views import TRUTH_PERIOD_NS, View

BIN_NS = BIN_MS * 1_000_000
TIMING = EstimatorConfig()
PUBLISHED_REACH_NS = 5_000_000_000  # 7500 events last that long where hardly anything moves


class Batch(NamedTuple):
    """B sequences of T bins.

    Attributes:
        keyframes: (K, B, 20, S, S) event counts before each keyframe.
        bins: (T, B, 2, S, S) event counts of the bins after the first keyframe.
        cells: (T + 1, B, 13, 2) true joints in heatmap cells, at the keyframe and in each bin.
        present: (B,) bool, whether there is a person at all; cells mean nothing where not.
        at: (K,) how many bins come before each keyframe: 0, ...; T: it comes after the last bin.
        before: (R, B, 2, S, S) counts of the bins before the first keyframe, as many as the network
            looks back.
    """

    keyframes: Tensor
    bins: Tensor
    cells: Tensor
    present: Tensor
    at: Tensor
    before: Tensor = torch.zeros(0)


def windows_for(recipe: str, data: DataConfig, network: NetworkConfig) -> Windows:
    """How a recipe cuts events: as published, or as the estimator does."""
    return Windows(
        bins=0,
        step_ms=data.step_ms,
        keyframe=data.keyframe,
        events=TIMING.window_events,
        keyframe_bins=network.keyframe_bins,
        edges="events" if recipe == "published" else "fixed",
        input_size=network.input_size,
        heatmap_size=network.heatmap_size,
        earlier=getattr(network, "delays", (0,))[-1],
    )


def cut(
    view: View,
    start: int,
    windows: Windows,
    augmentation: AugmentationConfig | None = None,
    rng: np.random.Generator | None = None,
    at: Sequence[int] = (0,),
) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool, np.ndarray]:
    """One sequence of `windows.bins` bins whose first keyframe is at truth sample `start`.

    Args:
        augmentation: needs `rng`; None = as it was.
        at: bins before each keyframe, 0 first.

    Returns:
        keyframes (K, 20, S, S), bins (T, 2, S, S), cells (T + 1, 13, 2), present, and the bins
        before the first keyframe (R, 2, S, S).
    """
    published = windows.edges == "events"
    t_ns = start * TRUTH_PERIOD_NS
    reach_ns = PUBLISHED_REACH_NS if published else TIMING.window_ns
    after_ns = windows.bins * BIN_NS
    factor, crop, present = 1.0, DHP19_CROP, True
    rows = np.arange(windows.bins + 1) + windows.label_shift_us * 1000 / TRUTH_PERIOD_NS
    if augmentation is not None and rng is not None:
        factor = rng.uniform(*augmentation.time_scale)
        present = bool(rng.random() >= augmentation.background)
    events = view.between(t_ns - round(reach_ns * factor), t_ns + round(after_ns * factor))
    uv = joints_at(view.uv, start + rows * factor)
    if augmentation is not None and rng is not None:
        if factor != 1.0:
            events = change_speed(events, t_ns, factor)
        if not present:
            events = without_person(events, DHP19_WIDTH, DHP19_HEIGHT, rng)
        events, uv = augment(events, uv, augmentation, rng)
        crop = random_crop(augmentation, rng)
    times_ns = [t_ns + bins * BIN_NS for bins in at]
    splits = np.searchsorted(events["t"], times_ns)
    keyframes = [
        _keyframe(events[:split], windows, crop, when, published)
        for split, when in zip(splits, times_ns, strict=True)
    ]
    bins = windows.bin_counts(events[splits[0] :], crop, t_ns)
    cells = crop.to_cells(uv, windows.heatmap_size).astype(np.float32)
    before = windows.earlier_counts(events[: splits[0]], crop, t_ns)
    return np.stack(keyframes), bins, cells, present, before


def _keyframe(
    events: np.ndarray, windows: Windows, crop: Crop, t_ns: int, published: bool
) -> np.ndarray:
    """(20, S, S) counts of the events before t_ns."""
    if published:
        if windows.keyframe == "count":
            events = events[-windows.events :]
        else:
            first = np.searchsorted(events["t"], t_ns - windows.before_ms * 1_000_000)
            events = events[first:]
    else:
        events = events[np.searchsorted(events["t"], t_ns - TIMING.window_ns) :]
    return windows.keyframe_counts(events, crop, t_ns)


def collate(
    views: list[View],
    places: list[tuple[int, int]],
    windows: Windows,
    bins: int,
    augmentation: AugmentationConfig | None,
    rng: np.random.Generator,
    at: Sequence[int] = (0,),
) -> Batch:
    """The sequences at `places` (index of the view, truth sample of the keyframe) as one batch."""
    windows = dataclasses.replace(windows, bins=bins)
    parts = [cut(views[view], start, windows, augmentation, rng, at) for view, start in places]
    keyframes, after, cells, present, before = zip(*parts, strict=True)
    return Batch(
        torch.from_numpy(np.ascontiguousarray(np.stack(keyframes, 1))),
        torch.from_numpy(np.ascontiguousarray(np.stack(after, 1))),
        torch.from_numpy(np.stack(cells, 1)),
        torch.tensor(present),
        torch.tensor(at),
        torch.from_numpy(np.ascontiguousarray(np.stack(before, 1))),
    )
