"""Every setting of the lite networks, in one record that travels with the weights."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

from hybrid_pose_ros.models.config import NetworkConfig
from hybrid_pose_ros.skeleton import NUM_JOINTS

HEADS = ("fine", "coarse")
CNN_STEPS = ("hold", "rerun")
MAX_LEAD = 3.0  # bins
MAX_DELAY = 10  # bins: what the CNN sees


@dataclass(frozen=True)
class LiteConfig(NetworkConfig):
    """Sizes and constants of the lite networks; each network reads those of its parts.

    Attributes:
        input_size: side of the square input, pixels; the crop's events are pooled to it.
        keyframe_bins: time bins per polarity of the CNN's input.
        cnn_widths: channels of the CNN at 1/2, 1/4, 1/8 and 1/16 of the input.
        snn_widths: channels of the SNN at 1/2, 1/4 and 1/8 of the input.
        tau: membrane time constant of the LIF neurons, in bins.
        decay: initial factor by which the output of a hybrid keeps its previous value.
        joints: number of heatmaps.
        rnn_widths: channels of the RNN at 1/2, 1/4 and 1/8 of the input.
        residual_blocks: pairs of convolutions at the SNN's coarsest level.
        head: "fine": the SNN's head sits at 1/2 of the input; "coarse": at 1/4, its maps doubled.
        motion: the recurrent part also says how fast the joints move, and the heatmaps move along
            (motion.py).
        carry: hybrids with `motion`: a keyframe that comes while the network goes on is joined
            with what it knows already (carry.py).
        rest: hybrids: joints are still at a keyframe; of a CNN-SNN it says where the deeper
            membranes rest until the next one, not only where they start (spiking_unet.py).
        lead: joints are decoded so many bins of their velocities ahead of their heatmaps, which
            follow what happens with a delay (motion.py); fitted after training.
        delays: the SNN's first layer sees the bins that came so many bins ago (axonal delays), the
            present one first. One bin alone does not tell which way an edge moves.
        cnn_step: how a CNN alone answers a step: "hold" its heatmaps or "rerun" on the last bins.
    """

    preset: ClassVar[str] = "lite"

    input_size: int = 128
    keyframe_bins: int = 10
    cnn_widths: tuple[int, int, int, int] = (24, 48, 96, 128)
    snn_widths: tuple[int, int, int] = (16, 32, 64)
    tau: float = 3.0
    decay: float = 0.9
    joints: int = NUM_JOINTS
    rnn_widths: tuple[int, int, int] = (16, 24, 48)
    residual_blocks: int = 1
    head: str = "fine"
    motion: bool = False
    carry: bool = False
    rest: bool = False
    lead: float = 0.0
    delays: tuple[int, ...] = (0,)
    cnn_step: str = "hold"

    def __post_init__(self) -> None:
        if self.input_size % 16 or self.input_size <= 0:
            raise ValueError(f"input_size must be a multiple of 16, got {self.input_size}")
        if any(width % 8 for width in self.snn_widths):
            raise ValueError(f"snn_widths must be multiples of 8, got {self.snn_widths}")
        if self.tau <= 1.0:
            raise ValueError(f"tau must be > 1 bin, got {self.tau}")
        if not 0.0 < self.decay < 1.0:
            raise ValueError(f"decay must lie between 0 and 1, got {self.decay}")
        if self.residual_blocks < 0:
            raise ValueError(f"residual_blocks must be >= 0, got {self.residual_blocks}")
        if self.head not in HEADS:
            raise ValueError(f"head must be one of {HEADS}, got {self.head!r}")
        if self.carry and not self.motion:
            raise ValueError("carry needs motion: the velocities are what it keeps")
        if not 0.0 <= self.lead <= MAX_LEAD or (self.lead and not self.motion):
            raise ValueError(
                f"lead must lie in 0..{MAX_LEAD} bins and needs motion, got {self.lead}"
            )
        rising = all(first < then for first, then in itertools.pairwise(self.delays))
        if not rising or self.delays[:1] != (0,) or self.delays[-1] > MAX_DELAY:
            raise ValueError(
                f"delays must rise from 0 to at most {MAX_DELAY} bins, got {self.delays}"
            )
        if self.cnn_step not in CNN_STEPS:
            raise ValueError(f"cnn_step must be one of {CNN_STEPS}, got {self.cnn_step!r}")

    @property
    def maps(self) -> int:
        """Maps of the recurrent part's head: a change per joint, with `motion` two more each."""
        return self.joints * (3 if self.motion else 1)

    @property
    def heatmap_size(self) -> int:
        return self.input_size // 2
