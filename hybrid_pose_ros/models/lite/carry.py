"""What a hybrid keeps of its own pose when the next keyframe comes.

    s   = sigmoid(share + still * exp(-|w_before| / SLOW))      more of a joint that hardly moves
    o_0 = h + s * o_before              two opinions of where a joint is: logits add
    w_0 = w + velocity_share * w_before     a keyframe knows little of velocities

h, w are the keyframe's alone; share, still and velocity_share are learnt per joint. What was known
of a fast joint is a little behind; of one that hardly moves, it is as good as the keyframe itself.
Logits shrink as a keyframe ages (decaying.py), and so does what is kept of an old pose. Zeros
(after a reset) keep nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

FIRST_SHARE, FIRST_STILL, FIRST_VELOCITY_SHARE = 0.1, 2.0, 0.8
SLOW = 0.1  # cells per bin: 4 px of the 256 crop in 100 ms


class Carry(nn.Module):
    """What is learnt per joint: `share_logit`, `still`, `velocity_logit`."""

    def __init__(self, joints: int) -> None:
        super().__init__()
        self.share_logit = nn.Parameter(torch.full((joints,), _logit(FIRST_SHARE)))
        self.still = nn.Parameter(torch.full((joints,), FIRST_STILL))
        self.velocity_logit = nn.Parameter(torch.full((joints,), _logit(FIRST_VELOCITY_SHARE)))

    def forward(
        self, heatmaps: Tensor, velocity: Tensor, before: Tensor, velocity_before: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Heatmaps (B, J, h, w) and velocities (B, 2 J, 1, 1) to go on from.

        Args:
            heatmaps, velocity: what the keyframe says alone.
            before, velocity_before: the output and the velocities at the keyframe's time.
        """
        share = self.share(velocity_before)[:, :, None, None]
        velocity_share = torch.sigmoid(self.velocity_logit).repeat_interleave(2)[:, None, None]
        return heatmaps + share * before, velocity + velocity_share * velocity_before

    def share(self, velocity: Tensor) -> Tensor:
        """(B, J) shares of the logits of joints with velocities (B, 2 J, 1, 1), cells per bin."""
        squared = velocity.flatten(1).unflatten(1, (-1, 2)).square().sum(-1)
        speed = torch.sqrt(squared + 1e-8)  # smooth at rest, where a norm has no gradient
        return torch.sigmoid(self.share_logit + self.still * torch.exp(-speed / SLOW))


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
