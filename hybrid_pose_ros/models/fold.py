"""Batch norms folded into the convolutions before them, for inference: the same numbers, less work.

norm(W x) = g (W x - mean) / s + b = (g W / s) x + (b - g mean / s)
"""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.paper.blocks import StateInit

Network = TypeVar("Network", bound=PoseNetwork)


def folded(model: Network) -> Network:
    """A copy of the model in eval mode whose CNN and state initialisers have no batch norms.

    Its recurrent part is unchanged; outputs equal the model's to rounding.
    """
    copied = copy.deepcopy(model).eval()
    for part in copied.keyframe_modules():
        for module in part.modules():
            if isinstance(module, nn.Sequential):
                _fold(module)
            elif isinstance(module, StateInit):
                _fold_initialiser(module)
    return copied


def _fold(layers: nn.Sequential) -> None:
    for i in range(len(layers) - 1):
        first, second = layers[i], layers[i + 1]
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            layers[i], layers[i + 1] = fuse_conv_bn_eval(first, second), nn.Identity()


def _fold_initialiser(module: StateInit) -> None:
    first, second = module.norm_layer, module.norm_layer2
    if isinstance(first, nn.BatchNorm2d) and isinstance(second, nn.BatchNorm2d):
        module.conv1 = fuse_conv_bn_eval(module.conv1, first)
        module.conv2 = fuse_conv_bn_eval(module.conv2, second)
        module.norm_layer = module.norm_layer2 = nn.Identity()
