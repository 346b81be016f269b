"""Settings of the published networks; the defaults are the published ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hybrid_pose_ros.models.config import NetworkConfig
from hybrid_pose_ros.skeleton import NUM_JOINTS

CNN_STEPS = ("hold", "rerun")


@dataclass(frozen=True)
class PaperConfig(NetworkConfig):
    """Constants that a published checkpoint does not hold; layer sizes are fixed.

    Attributes:
        input_size: side of the square input, pixels; heatmaps have the same. The networks are
            convolutional: published weights fit any multiple of 32.
        keyframe_bins: time bins per polarity of the CNN's input.
        joints: number of heatmaps.
        tau: membrane time constant of the LIF neurons, in bins (SNN alone: 2).
        decay: factor by which the output of a hybrid keeps its previous value per bin.
        cnn_step: how a CNN alone answers a step: "hold" its heatmaps or "rerun" on the last bins.
    """

    preset: ClassVar[str] = "paper"

    input_size: int = 256
    keyframe_bins: int = 10
    joints: int = NUM_JOINTS
    tau: float = 3.0
    decay: float = 0.8
    cnn_step: str = "hold"

    def __post_init__(self) -> None:
        if self.input_size % 32 or self.input_size <= 0:
            raise ValueError(f"input_size must be a multiple of 32, got {self.input_size}")
        if self.keyframe_bins < 1 or self.joints < 1:
            raise ValueError(
                f"keyframe_bins and joints must be >= 1, got {self.keyframe_bins}, {self.joints}"
            )
        if self.tau <= 1.0:
            raise ValueError(f"tau must be > 1 bin, got {self.tau}")
        if not 0.0 <= self.decay <= 1.0:
            raise ValueError(f"decay must lie between 0 and 1, got {self.decay}")
        if self.cnn_step not in CNN_STEPS:
            raise ValueError(f"cnn_step must be one of {CNN_STEPS}, got {self.cnn_step!r}")

    @property
    def heatmap_size(self) -> int:
        return self.input_size
