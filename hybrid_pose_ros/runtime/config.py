"""Timing of the estimator: the same record for live nodes, offline inference and tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EstimatorConfig:
    """Event-time rules. Bin k covers [k * bin_ns, (k + 1) * bin_ns) of the sensor clock.

    Attributes:
        bin_ns: length of one SNN step.
        keyframe_bins: a keyframe is due every so many bins; keyframe n describes time
            n * keyframe_bins * bin_ns.
        window_events: the CNN sees the last so many events of the crop before the keyframe.
        window_ns: none of them older than this.
        max_delay_bins: a keyframe may arrive so many bins late; the SNN keeps the bins since then.
        reorder_ns: packets may arrive in any order within so much time; everything comes so much
            later. Drivers send them in order.
    """

    bin_ns: int = 10_000_000
    keyframe_bins: int = 10
    window_events: int = 7500
    window_ns: int = 400_000_000
    max_delay_bins: int = 50
    reorder_ns: int = 0

    def __post_init__(self) -> None:
        for name in ("bin_ns", "keyframe_bins", "window_events", "window_ns", "max_delay_bins"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")
        if not 0 <= self.reorder_ns <= 1_000_000_000:
            raise ValueError(f"reorder_ns must be in 0..1000000000, got {self.reorder_ns}")

    @property
    def keyframe_ns(self) -> int:
        return self.keyframe_bins * self.bin_ns
