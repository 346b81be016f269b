"""What a hybrid keeps of its own pose when the next keyframe comes.

    o_0 = h + share * o_before              two opinions of where a joint is: logits add
    w_0 = w + velocity_share * w_before     a keyframe knows little of velocities

h, w are the keyframe's alone; one share per joint is learnt. Logits shrink as a keyframe ages
(decaying.py), and so does what is kept of an old pose. Zeros (after a reset) keep nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

FIRST_SHARE, FIRST_VELOCITY_SHARE = 0.25, 0.8


class Carry(nn.Module):
    """The two shares of each joint, in (0, 1)."""

    def __init__(self, joints: int) -> None:
        super().__init__()
        self.share_logit = nn.Parameter(torch.full((joints,), _logit(FIRST_SHARE)))
        self.velocity_logit = nn.Parameter(torch.full((joints,), _logit(FIRST_VELOCITY_SHARE)))

    def forward(
        self, heatmaps: Tensor, velocity: Tensor, before: Tensor, velocity_before: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Heatmaps (B, J, h, w) and velocities (B, 2 J, 1, 1) to go on from.

        Args:
            heatmaps, velocity: what the keyframe says alone.
            before, velocity_before: the output and the velocities at the keyframe's time.
        """
        share = torch.sigmoid(self.share_logit)[:, None, None]
        velocity_share = torch.sigmoid(self.velocity_logit).repeat_interleave(2)[:, None, None]
        return heatmaps + share * before, velocity + velocity_share * velocity_before


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
