"""What the lite networks with a recurrent part share: they predict the change of the heatmaps.

    o_i = decay * o_(i-1) + part(bin_i)          (o: heatmap logits; decay is learnt)

Logits shrink while the part adds nothing, so the pose's confidence falls by itself as a keyframe
ages.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.network import PoseNetwork


class RecurrentPart(Protocol):
    """Counts (T, B, 2, S, S) to changes (T, B, 13, S/2, S/2), with states in between."""

    def __call__(self, x: Tensor) -> Tensor: ...

    def state_shapes(self) -> list[tuple[int, int, int]]: ...

    @property
    def states(self) -> list[Tensor]: ...

    def set_states(self, states: list[Tensor]) -> None: ...


class DecayingNetwork(PoseNetwork):
    """Base of the lite networks that have a recurrent part."""

    config: LiteConfig
    has_step = True

    def __init__(self, config: LiteConfig | None = None) -> None:
        config = config or LiteConfig()
        super().__init__(config)
        self.decay_logit = nn.Parameter(torch.tensor(math.log(config.decay / (1 - config.decay))))

    @property
    def part(self) -> RecurrentPart:
        """The recurrent part."""
        raise NotImplementedError

    @property
    def decay(self) -> Tensor:
        """Factor in (0, 1) that the output keeps per bin."""
        return torch.sigmoid(self.decay_logit)

    def state_shapes(self) -> list[tuple[int, int, int]]:
        return self.part.state_shapes()

    @property
    def states(self) -> list[Tensor]:
        return self.part.states

    def _set_states(self, states: list[Tensor]) -> None:
        self.part.set_states(states)

    def _rollout(self, x: Tensor, output: Tensor) -> Tensor:
        outputs = []
        for change in self.part(x):
            output = self.decay * output + change
            outputs.append(output)
        return torch.stack(outputs)
