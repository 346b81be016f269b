"""Which events and labels of a recording make one training sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.published import stacked_histogram
from hybrid_pose_ros.events.representation import count_histogram, keyframe_input

BIN_MS = 10  # the labels' distance too
_US_PER_MS = 1000
_NS_PER_US = 1000


@dataclass(frozen=True)
class Windows:
    """How sequences are cut and represented.

    The published way ("events" edges) divides the time from a slice's first to its last event
    on the whole sensor, and labels a bin with the pose at its beginning. The streaming way
    ("fixed") has bins of 10 ms, counts the keyframe's events inside the crop, and labels a bin
    with the pose at its end.

    Attributes:
        bins: steps of a sequence after its keyframe, 10 ms each; 0 for keyframes alone.
        step_ms: from one sequence to the next.
        keyframe: "count", the last `events` events, or "duration", the last 100 ms.
        events: of a keyframe by count.
        keyframe_bins: time bins of the keyframe's input per polarity.
        edges: "events" or "fixed", see above.
        input_size: side of the networks' input, px; the crop is pooled to it.
        heatmap_size: side of the heatmaps, in whose cells the joints are.
        earlier: bins before the first one that a network looks back to.
    """

    bins: int = 10
    step_ms: int = 100
    keyframe: str = "count"
    events: int = 7500
    keyframe_bins: int = 10
    edges: str = "events"
    input_size: int = 256
    heatmap_size: int = 256
    earlier: int = 0

    def __post_init__(self) -> None:
        if self.keyframe not in ("count", "duration") or self.edges not in ("events", "fixed"):
            raise ConfigError(
                "keyframe must be count or duration and edges events or fixed, got "
                f"{self.keyframe!r} and {self.edges!r}"
            )
        for name in ("events", "keyframe_bins", "input_size", "heatmap_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.bins < 0 or self.earlier < 0:
            raise ConfigError(
                f"bins and earlier must not be negative, got {self.bins} and {self.earlier}"
            )
        if self.step_ms < BIN_MS or self.step_ms % BIN_MS:
            raise ConfigError(f"step_ms must be a multiple of {BIN_MS}, got {self.step_ms}")

    @property
    def label_shift_us(self) -> int:
        """From the end of a bin to the time of its label."""
        return -BIN_MS * _US_PER_MS if self.edges == "events" else 0

    @property
    def before_ms(self) -> int:
        """Milliseconds that a keyframe by duration looks back."""
        return BIN_MS * self.keyframe_bins

    @property
    def reach(self) -> int:
        """Events to read before a keyframe by count: those outside of the crop do not count."""
        return self.events if self.edges == "events" else 3 * self.events

    def starts_ms(self, first_event_us: int | None, length_ms: int) -> np.ndarray:
        """Keyframe times (n,) of a recording.

        Args:
            first_event_us: time from which a keyframe by count has enough events; None = never.
            length_ms: shorter one of events and labels.
        """
        first = self.step_ms * -(-self.before_ms // self.step_ms)
        if self.keyframe == "count":
            if first_event_us is None:
                return np.zeros(0, np.int64)
            step_us = self.step_ms * _US_PER_MS
            first = max(self.step_ms, self.step_ms * -(-first_event_us // step_us))
        return np.arange(first, length_ms - self.bins * BIN_MS + 1, self.step_ms)

    def keyframe_counts(self, events: np.ndarray, crop: Crop, t_ns: int) -> np.ndarray:
        """(2 * keyframe_bins, S, S) of the events before a keyframe, OFF bins first."""
        if self.edges == "events":
            counts = self._published(events, crop, self.keyframe_bins)
            return counts.transpose(1, 0, 2, 3).reshape(-1, *counts.shape[2:])
        bins, size = self.keyframe_bins, self.input_size
        if self.keyframe == "count":
            return keyframe_input(events, crop, size, bins, self.events, t_ns)
        before_ns = self.before_ms * _US_PER_MS * _NS_PER_US
        return count_histogram(events, crop, size, bins, t_ns - before_ns, t_ns)

    def bin_counts(self, events: np.ndarray, crop: Crop, t_ns: int) -> np.ndarray:
        """(bins, 2, S, S) of the events after a keyframe."""
        return self._bin_counts(events, crop, t_ns, self.bins)

    def earlier_counts(self, events: np.ndarray, crop: Crop, t_ns: int) -> np.ndarray:
        """(earlier, 2, S, S) of the last bins before a keyframe, all 10 ms long."""
        bins = self.earlier if self.bins else 0
        t_ns -= bins * BIN_MS * _US_PER_MS * _NS_PER_US
        return self._bin_counts(events, crop, t_ns, bins, fixed=True)

    def _bin_counts(
        self, events: np.ndarray, crop: Crop, t_ns: int, bins: int, fixed: bool = False
    ) -> np.ndarray:
        """(bins, 2, S, S) of the events from t_ns on."""
        if bins == 0:
            return np.zeros((0, 2, self.input_size, self.input_size), np.float32)
        if self.edges == "events" and not fixed:
            return self._published(events, crop, bins)
        end_ns = t_ns + bins * BIN_MS * _US_PER_MS * _NS_PER_US
        size = self.input_size
        counts = count_histogram(events, crop, size, bins, t_ns, end_ns)
        return counts.reshape(2, bins, size, size).transpose(1, 0, 2, 3)

    def _published(self, events: np.ndarray, crop: Crop, bins: int) -> np.ndarray:
        """(bins, 2, S, S), edges at the first and last event of the whole sensor."""
        x, y = events["x"].astype(np.int64) - crop.x, events["y"].astype(np.int64) - crop.y
        inside = (x >= 0) & (x < crop.width) & (y >= 0) & (y < crop.height)
        # One event of weight zero at either end keeps the edges where they are.
        size = self.input_size
        x, y = x * size // crop.width, y * size // crop.height
        ends = np.zeros(len(events), bool)
        ends[:1] = ends[-1:] = True
        kept = inside | ends
        spare = np.where(inside, y, size)  # a row that is cut off again
        counts = stacked_histogram(
            np.where(inside, x, 0)[kept],
            spare[kept],
            events["p"][kept],
            events["t"][kept],
            bins,
            size + 1,
            size,
        )
        return counts[:, :, :size]
