"""Batches by number: what step i trains on follows from seed and i alone.

A run that was killed therefore goes on with the batches that it would have had, and several devices
share the work without talking to each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Dataset

from hybrid_pose_ros.data.dhp19_windows import Windows
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.train.config import LEAST_GAP, StageConfig
from hybrid_pose_ros.train.data_config import AugmentationConfig
from hybrid_pose_ros.train.fresh import FreshViews
from hybrid_pose_ros.train.samples import Batch, collate
from hybrid_pose_ros.train.views import TRUTH_PERIOD_NS, View

VALIDATION_BATCH, VALIDATION_BINS = 8, 30
FIRST_SAMPLE = 200_000_000 // TRUTH_PERIOD_NS  # nothing has been seen of a person before


@dataclass
class Batches(Dataset):
    """Training batches of a stage.

    Attributes:
        views: what is trained on.
        windows: how sequences are cut.
        stage: batch size and lengths.
        seed: of everything random.
        augmentation: None: every sequence of the grid once per epoch (recipe "published");
            otherwise random places, augmented.
        following: also a keyframe after the last bin.
        rank, world: of this device, and how many there are.
        fresh: makes the views, always others, instead; recipe "ours".
    """

    views: list[View]
    windows: Windows
    stage: StageConfig
    seed: int
    augmentation: AugmentationConfig | None = None
    following: bool = False
    rank: int = 0
    world: int = 1
    fresh: FreshViews | None = None

    def __post_init__(self) -> None:
        if self.fresh is not None:
            self.views = self.fresh.empty()
        self._find_places()

    def _find_places(self) -> None:
        longest = self.stage.longest
        if self.augmentation is not None:
            faster = self.augmentation.time_scale[1]
            self.places = _free_places(self.views, longest, faster)
        else:
            self.places = _grid(self.views, self.windows, longest)
        if not self.places:
            found = max((len(view.uv) for view in self.views), default=0)
            raise RecordingError(
                f"no recording is long enough for sequences of {longest} bins "
                f"({longest * TRUTH_PERIOD_NS * 1e-9:g} s) that begin {FIRST_SAMPLE} bins after "
                f"its start; the longest has {found}"
            )

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole stage."""
        if self.stage.steps:
            return self.stage.steps
        return self.stage.epochs * self._per_epoch

    @property
    def _per_epoch(self) -> int:
        return max(1, len(self.places) // (self.stage.batch * self.world))

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        if self.fresh is not None and self.fresh.renew(step, [self.seed, self.rank]):
            self.views = self.fresh.views
            self._find_places()
        shared = np.random.default_rng([self.seed, step])  # the same on every device
        low, high = self.stage.bins
        bins = int(shared.integers(low, high + 1))
        bins += int(shared.integers(self.stage.delay[0], self.stage.delay[1] + 1))
        rng = np.random.default_rng([self.seed, step, self.rank])
        if self.augmentation is None:
            places = self._next_of_epoch(step)
        else:
            # About the same work each step: fewer sequences where they are longer.
            longest = self.stage.longest
            size = max(2, round(self.stage.batch * longest / bins)) if bins else self.stage.batch
            places = [self._random_place(rng) for _ in range(size)]
        at = _draw_keyframes(self.stage.keyframes, bins, shared)
        if self.following:
            at.append(bins)
        return collate(self.views, places, self.windows, bins, self.augmentation, rng, at)

    def _random_place(self, rng: np.random.Generator) -> tuple[int, int]:
        view, end = self.places[rng.integers(len(self.places))]
        return view, int(rng.integers(FIRST_SAMPLE, end))

    def _next_of_epoch(self, step: int) -> list[tuple[int, int]]:
        epoch, number = divmod(step, self._per_epoch)
        order = np.random.default_rng([self.seed, epoch, 1]).permutation(len(self.places))
        first = (number * self.world + self.rank) * self.stage.batch
        return [self.places[i] for i in order[first : first + self.stage.batch]]


@dataclass
class ValidationBatches(Dataset):
    """The same few batches at every validation, spread over all views."""

    views: list[View]
    windows: Windows
    bins: int
    count: int
    seed: int = 5
    at: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        self.places = _free_places(self.views, self.bins, 1.0)
        if not self.places:
            raise RecordingError(
                f"no validation recording is long enough for sequences of {self.bins} bins"
            )

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Batch]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> Batch:
        rng = np.random.default_rng([self.seed, number])
        places = []
        for _ in range(VALIDATION_BATCH):
            view, end = self.places[rng.integers(len(self.places))]
            places.append((view, int(rng.integers(FIRST_SAMPLE, end))))
        return collate(self.views, places, self.windows, self.bins, None, rng, self.at)


def least_seconds(bins: int, faster: float) -> float:
    """Length that a clip needs for sequences of so many bins, sped up by that factor."""
    return (FIRST_SAMPLE + int(np.ceil(bins * faster))) * TRUTH_PERIOD_NS / 1e9


def _draw_keyframes(count: tuple[int, int], bins: int, rng: np.random.Generator) -> list[int]:
    """Bins before each keyframe of a sequence, the first 0, at least LEAST_GAP apart."""
    if count[1] == 1:
        return [0]
    number = int(rng.integers(count[0], count[1] + 1))
    spare = bins - number * LEAST_GAP  # after the last keyframe there is a gap, too
    steps = np.sort(rng.integers(0, spare + 1, number - 1))
    return [0, *(int(step) + (i + 1) * LEAST_GAP for i, step in enumerate(steps))]


def _free_places(views: Sequence[View], bins: int, faster: float) -> list[tuple[int, int]]:
    """(view, first sample that is too late for a keyframe) of the views that are long enough."""
    ends = [len(view.uv) - int(np.ceil(bins * faster)) for view in views]
    return [(i, end) for i, end in enumerate(ends) if end > FIRST_SAMPLE]


def _grid(views: Sequence[View], windows: Windows, bins: int) -> list[tuple[int, int]]:
    """(view, keyframe's sample) of every sequence, one per `step_ms`."""
    places = []
    for i, view in enumerate(views):
        first = view.time_of(windows.events)
        length_ms = (len(view.uv) - bins) * TRUTH_PERIOD_NS // 1_000_000
        starts = windows.starts_ms(None if first is None else first // 1000, length_ms)
        places += [(i, int(ms) * 1_000_000 // TRUTH_PERIOD_NS) for ms in starts]
    return places
