"""What the two lite hybrids share: a CNN's keyframe starts the states and the output.

keyframe:  o_0, features = CNN(x);  states_l = initialiser_l(features)
           with `motion`: w_0 = sum_x softmax(o_0)(x) first_motion(features)(x), with `rest` 0
           with `carry`, where the network goes on: joined with what it knew (carry.py)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.lite.carry import Carry
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.decaying import DecayingNetwork
from hybrid_pose_ros.models.lite.motion import joint_velocity
from hybrid_pose_ros.models.lite.unet import Features, KeyframeUnet


class KeyframedNetwork(DecayingNetwork):
    """Base of the hybrids: `cnn`, `initialisers` (the subclass fills them), the recurrent part."""

    has_keyframe = True
    initialisers: nn.ModuleList

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__(config)
        self.cnn = KeyframeUnet(self.config)
        if self.config.motion and not self.config.rest:
            self.first_motion = nn.Conv2d(self.config.cnn_widths[0], 2 * self.config.joints, 1)
            nn.init.zeros_(self.first_motion.weight)  # at rest until it is known better
            nn.init.zeros_(self.first_motion.bias)  # type: ignore[arg-type]
        if self.config.carry:
            self.carry = Carry(self.config.joints)

    @property
    def carries(self) -> bool:
        return self.config.carry

    def initial_states(self, features: Features) -> list[Tensor]:
        """The recurrent part's states (B, C, H, W)."""
        raise NotImplementedError

    def keyframe_modules(self) -> list[nn.Module]:
        return [self.cnn, self.initialisers]

    def joined(
        self, heatmaps: Tensor, states: list[Tensor], before: Tensor, velocity_before: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        heatmaps, velocity = self.carry(heatmaps, states[-1], before, velocity_before)
        return heatmaps, [*states[:-1], velocity]

    def _keyframe(self, x: Tensor) -> Tensor:
        heatmaps, features = self.cnn.features(x)
        states = self.initial_states(features)
        if self.config.motion and self.config.rest:
            states = [*states, heatmaps.new_zeros(len(heatmaps), 2 * self.config.joints, 1, 1)]
        elif self.config.motion:
            motion = self.first_motion(features.u1)
            velocity = joint_velocity(heatmaps, motion, float(self.sharpness))
            states = [*states, velocity.flatten(1)[:, :, None, None]]
        self.set_states(states)
        return heatmaps


def channels_last(network: nn.Module) -> None:
    """Twice as fast on CPUs, same numbers."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
