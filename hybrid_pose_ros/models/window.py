"""A CNN alone behind the three calls: between keyframes it holds its heatmaps or runs again.

hold    step(bin) -> the heatmaps of the last keyframe
rerun   step(bin) -> CNN(window), the window being the last bins: OFF bins, then ON bins
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hybrid_pose_ros.models.network import PoseNetwork


class WindowNetwork(PoseNetwork):
    """Base of the two CNNs. Its one state, when it runs again, is the window (B, 20, S, S)."""

    kind = "cnn"
    has_keyframe = True

    @property
    def reruns(self) -> bool:
        """Whether a step computes anything."""
        raise NotImplementedError

    def heatmaps(self, x: Tensor) -> Tensor:
        """(B, 20, S, S) counts -> heatmaps (B, 13, h, w), without a memory."""
        raise NotImplementedError

    def state_shapes(self) -> list[tuple[int, int, int]]:
        side = self.config.input_size
        return [(self.config.keyframe_channels, side, side)] if self.reruns else []

    @property
    def states(self) -> list[Tensor]:
        return list(self._window)

    def keyframe_modules(self) -> list[nn.Module]:
        return [self]

    _window: tuple[Tensor, ...] = ()

    def _set_states(self, states: list[Tensor]) -> None:
        self._window = tuple(states)

    def _keyframe(self, x: Tensor) -> Tensor:
        self._window = (x,) if self.reruns else ()
        return self.heatmaps(x)

    def _rollout(self, x: Tensor, output: Tensor) -> Tensor:
        outputs, bins = [], self.config.keyframe_bins
        for counts in x:
            if self.reruns:
                off, on = self._window[0].split(bins, 1)
                newest = [off[:, 1:], counts[:, :1], on[:, 1:], counts[:, 1:]]
                self._window = (torch.cat(newest, 1),)
                output = self.heatmaps(self._window[0])
            outputs.append(output)
        return torch.stack(outputs)
