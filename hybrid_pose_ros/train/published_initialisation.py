"""First weights of the published networks: Xavier, and heatmaps that start near zero.

As in the published code, transposed convolutions, biases and batch norms keep what PyTorch gives
them. All random numbers come from PyTorch's global generator: seed it before building the network.
"""

from __future__ import annotations

import torch
from torch import nn

from hybrid_pose_ros.models.network import PoseNetwork

LAST_LAYER_DIVISOR = 2500.0
LAST_LAYER_INPUTS = 32  # of the CNN's conv3, and of the RNN's head inside a hybrid


@torch.no_grad()
def initialise(model: PoseNetwork) -> None:
    """Xavier-normal convolutions; last layers with 32 inputs divided by 2500, but not an RNN's."""
    for module in model.modules():
        if not isinstance(module, nn.Conv2d):
            continue
        nn.init.xavier_normal_(module.weight)
        last = (module.in_channels, module.out_channels) == (LAST_LAYER_INPUTS, model.config.joints)
        if last and model.kind != "rnn":
            module.weight.div_(LAST_LAYER_DIVISOR)


def freeze_cnn(model: PoseNetwork) -> None:
    """Leave the CNN inside a hybrid out of training; the state initialisers go on learning."""
    for name, parameter in model.named_parameters():
        if "_cnn" in name:
            parameter.requires_grad_(False)
