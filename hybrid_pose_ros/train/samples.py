"""Training sequences: a keyframe's events, the bins after it, and where the joints really were."""

from __future__ import annotations

import dataclasses
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
        keyframe: (B, 20, S, S) event counts before the keyframe.
        bins: (T, B, 2, S, S) event counts of the bins after it.
        cells: (T + 1, B, 13, 2) true joints in heatmap cells, at the keyframe and in each bin.
        present: (B,) bool, whether there is a person at all; cells mean nothing where not.
        following: (B, 20, S, S) the keyframe after the last bin; B = 0 where it is not needed.
    """

    keyframe: Tensor
    bins: Tensor
    cells: Tensor
    present: Tensor
    following: Tensor


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
    )


def cut(
    view: View,
    start: int,
    windows: Windows,
    augmentation: AugmentationConfig | None = None,
    rng: np.random.Generator | None = None,
    following: bool = False,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool, np.ndarray]:
    """One sequence of `windows.bins` bins whose keyframe is at truth sample `start`.

    Args:
        augmentation: needs `rng`; None = as it was.
        following: also cut the next keyframe.

    Returns:
        keyframe (20, S, S), bins (T, 2, S, S), cells (T + 1, 13, 2), present, and the next
        keyframe (20, S, S) or (0, S, S).
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
    split = int(np.searchsorted(events["t"], t_ns))
    keyframe = _keyframe(events[:split], windows, crop, t_ns, published)
    bins = windows.bin_counts(events[split:], crop, t_ns)
    cells = crop.to_cells(uv, windows.heatmap_size).astype(np.float32)
    nothing = np.zeros((0, *keyframe.shape[1:]), np.float32)
    end_ns = t_ns + after_ns
    after = _keyframe(events, windows, crop, end_ns, published) if following else nothing
    return keyframe, bins, cells, present, after


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
    following: bool = False,
) -> Batch:
    """The sequences at `places` (index of the view, truth sample of the keyframe) as one batch."""
    windows = dataclasses.replace(windows, bins=bins)
    parts = [
        cut(views[view], start, windows, augmentation, rng, following) for view, start in places
    ]
    keyframe, after, cells, present, next_keyframe = zip(*parts, strict=True)
    return Batch(
        torch.from_numpy(np.stack(keyframe)).contiguous(memory_format=torch.channels_last),
        torch.from_numpy(np.ascontiguousarray(np.stack(after, 1))),
        torch.from_numpy(np.stack(cells, 1)),
        torch.tensor(present),
        torch.from_numpy(np.stack(next_keyframe)) if following else torch.zeros(0),
    )
