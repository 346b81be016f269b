"""What the lite networks with a recurrent part share: they predict the change of the heatmaps.

    o_i = decay * o_(i-1) + part(bin_i)          (o: heatmap logits; decay is learnt)

Logits shrink while the part adds nothing, so the pose's confidence falls by itself as a keyframe
ages. With `motion` the heatmaps also move with their joints: see motion.py.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.motion import advance
from hybrid_pose_ros.models.network import PoseNetwork

KEEP = 0.8  # initial share of a joint's velocity that stays from one bin to the next
NOISE = 0.02  # initial noise of a joint's velocity, cells per bin


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


class RecurrentPart(Protocol):
    """Counts (T, B, 2 D, S, S) to maps (T, B, maps, S/2, S/2), with states in between."""

    def __call__(self, x: Tensor) -> Tensor: ...

    def state_shapes(self) -> list[tuple[int, int, int]]: ...

    @property
    def states(self) -> list[Tensor]: ...

    def set_states(self, states: list[Tensor]) -> None: ...


class DecayingNetwork(PoseNetwork):
    """Base of the lite networks that have a recurrent part.

    Attributes:
        velocities: (T, B, J, 2) cells per bin, of the last steps; None without `motion`.
    """

    config: LiteConfig
    has_step = True
    sharpness: Tensor

    def __init__(self, config: LiteConfig | None = None) -> None:
        config = config or LiteConfig()
        super().__init__(config)
        self.decay_logit = nn.Parameter(torch.tensor(_logit(config.decay)))
        self.velocities: Tensor | None = None
        if config.motion:
            self.keep_logit = nn.Parameter(torch.full((config.joints,), _logit(KEEP)))
            self.log_noise = nn.Parameter(torch.full((config.joints,), math.log(NOISE)))
            # What calibration divides the logits by must not blur where a joint is looked for.
            self.register_buffer("sharpness", torch.ones(()))
            self._velocity = torch.zeros(1, config.joints, 2)

    @property
    def part(self) -> RecurrentPart:
        """The recurrent part."""
        raise NotImplementedError

    @property
    def decay(self) -> Tensor:
        """Factor in (0, 1) that the output keeps per bin."""
        return torch.sigmoid(self.decay_logit)

    @property
    def keep(self) -> Tensor:
        """(J,) factors in (0, 1) that the velocities keep per bin; with `motion`."""
        return torch.sigmoid(self.keep_logit)

    @property
    def noise(self) -> Tensor:
        """(J,) noise of the velocities, cells per bin; with `motion`."""
        return self.log_noise.exp()

    def state_shapes(self) -> list[tuple[int, int, int]]:
        velocity = [(2 * self.config.joints, 1, 1)] if self.config.motion else []
        return self.part.state_shapes() + velocity

    @property
    def states(self) -> list[Tensor]:
        velocity = [self._velocity.flatten(1)[:, :, None, None]] if self.config.motion else []
        return self.part.states + velocity

    def _set_states(self, states: list[Tensor]) -> None:
        if self.config.motion:
            self._velocity = states[-1].flatten(1).unflatten(1, (-1, 2))
            states = states[:-1]
        self.part.set_states(states)

    def _rollout(self, x: Tensor, output: Tensor) -> Tensor:
        changes = self.part(x)
        if self.config.motion:
            sharpness = float(self.sharpness)
            outputs, self.velocities = advance(
                changes, output, self._velocity, self.decay, self.keep, self.noise, sharpness
            )
            self._velocity = self.velocities[-1]
            return outputs
        steps = []
        for change in changes:
            output = self.decay * output + change
            steps.append(output)
        return torch.stack(steps)
