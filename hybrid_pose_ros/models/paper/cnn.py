"""The published CNN: a U-Net from 20 event channels to 13 heatmaps (19.8 M parameters).

    20 -> conv1, conv2 (32 @ S) -> down1 (64 @ S/2) -> down2 (128) -> down3 (256) -> down4 (512)
       -> down5 (512 @ S/32) -> up1 (512, + down4) -> up2 (256, + down3) -> up3 (128, + down2)
       -> up4 (64, + down1) -> up5 (32, + conv2) -> conv3 -> 13 heatmaps @ S

Method section of the paper (arXiv 2303.14176); layer sizes from its code. Heatmaps are regressed:
about 0 to 1, no softmax.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor, nn

from hybrid_pose_ros.models.paper.blocks import Down, Up, leaky
from hybrid_pose_ros.models.paper.config import PaperConfig
from hybrid_pose_ros.models.window import WindowNetwork


class Features(NamedTuple):
    """What the state initialisers read."""

    conv2: Tensor  # (B, 32, S, S)
    downs: list[Tensor]  # down1..5
    ups: list[Tensor]  # up1..5


def cnn_layers(config: PaperConfig) -> dict[str, nn.Module]:
    """The layers by their published names, in the published order."""
    return {
        "conv1": nn.Conv2d(config.keyframe_channels, 32, 7, padding=3),
        "conv2": nn.Conv2d(32, 32, 7, padding=3),
        "down1": Down(32, 64, 5),
        "down2": Down(64, 128, 3),
        "down3": Down(128, 256, 3),
        "down4": Down(256, 512, 3),
        "down5": Down(512, 512, 3),
        "up1": Up(512, 512),
        "up2": Up(512, 256),
        "up3": Up(256, 128),
        "up4": Up(128, 64),
        "up5": Up(64, 32),
        "conv3": nn.Conv2d(32, config.joints, 3, padding=1),
    }


def run_cnn(layer: Callable[[str], Any], x: Tensor) -> tuple[Tensor, Features]:
    """(B, 20, S, S) counts -> heatmaps (B, 13, S, S) and features; `layer` finds one by name."""
    first = leaky(layer("conv2")(leaky(layer("conv1")(x))))
    downs = [first]
    for i in range(1, 6):
        downs.append(layer(f"down{i}")(downs[-1]))
    ups = [downs[5]]
    for i in range(1, 6):
        ups.append(layer(f"up{i}")(ups[-1], downs[5 - i]))
    return layer("conv3")(ups[5]), Features(first, downs[1:], ups[1:])


class PaperCnn(WindowNetwork):
    """The CNN alone."""

    config: PaperConfig

    def __init__(self, config: PaperConfig | None = None) -> None:
        super().__init__(config or PaperConfig())
        for name, layer in cnn_layers(self.config).items():
            self.add_module(name, layer)

    @property
    def reruns(self) -> bool:
        return self.config.cnn_step == "rerun"

    def heatmaps(self, x: Tensor) -> Tensor:
        return run_cnn(lambda name: getattr(self, name), x)[0]
