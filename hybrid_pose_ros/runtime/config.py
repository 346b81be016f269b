"""Timing of the estimator: the same record for live nodes, offline inference and tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from hybrid_pose_ros.runtime.keyframe_policy import PolicyConfig

FIXED, ON_DEMAND = "fixed", "on_demand"


@dataclass(frozen=True)
class EstimatorConfig:
    """Event-time rules. Bin k covers [k * bin_ns, (k + 1) * bin_ns) of the sensor clock.

    Attributes:
        bin_ns: length of one SNN step.
        keyframe_bins: a keyframe is due every so many bins; keyframe n describes time
            n * keyframe_bins * bin_ns.
        keyframes: "fixed", or "on_demand": when `policy` asks for one, and at the fixed rate only
            as long as nobody asks; keyframe n then describes time n * bin_ns.
        window_events: the CNN sees the last so many events of the crop before the keyframe.
        window_ns: none of them older than this.
        max_delay_bins: a keyframe may arrive so many bins late; the SNN keeps the bins since then.
        reorder_ns: packets may arrive in any order within so much time; everything comes so much
            later. Drivers send them in order.
        policy: when keyframes are asked for.
    """

    bin_ns: int = 10_000_000
    keyframe_bins: int = 10
    window_events: int = 7500
    window_ns: int = 400_000_000
    max_delay_bins: int = 50
    reorder_ns: int = 0
    keyframes: str = FIXED
    policy: PolicyConfig = field(default_factory=PolicyConfig)

    def __post_init__(self) -> None:
        for name in ("bin_ns", "keyframe_bins", "window_events", "window_ns", "max_delay_bins"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")
        if not 0 <= self.reorder_ns <= 1_000_000_000:
            raise ValueError(f"reorder_ns must be in 0..1000000000, got {self.reorder_ns}")
        if self.keyframes not in (FIXED, ON_DEMAND):
            raise ValueError(f"keyframes must be {FIXED} or {ON_DEMAND}, got {self.keyframes!r}")

    @property
    def keyframe_ns(self) -> int:
        """Time from one keyframe to the next at the fixed rate."""
        return self.keyframe_bins * self.bin_ns

    @property
    def on_demand(self) -> bool:
        """Whether keyframes have to be asked for."""
        return self.keyframes == ON_DEMAND

    @property
    def number_ns(self) -> int:
        """Keyframe n describes n times this."""
        return self.bin_ns if self.on_demand else self.keyframe_ns

    @property
    def memory_ns(self) -> int:
        """A keyframe may come so late."""
        return self.max_delay_bins * self.bin_ns
