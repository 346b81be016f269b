"""Networks whose every layer fires, for the tests of the engines."""

import pytest
import torch

from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.runtime.spiking_plan import plan_of


@pytest.fixture
def lively():
    """lively(name, settings, seed): a network of models/presets.py, random, in eval mode."""

    def make(name, settings=None, seed=0, gain=8.0):
        torch.manual_seed(seed)
        network = build(name, settings).eval()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.normal_(module.running_mean, 0.0, 0.1)
                torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
                torch.nn.init.normal_(module.weight, 1.0, 0.1)
                torch.nn.init.normal_(module.bias, 0.3, 0.3)
        plan = plan_of(network)
        for layer in plan.layers if plan else ():
            # On a coarse grid, so that sums of spikes are exact in whatever order.
            layer.conv.weight.data = torch.round(layer.conv.weight.data * gain * 512) / 512
        return network

    return make


@pytest.fixture
def random_start():
    """random_start(network, rng): heatmaps and states as a keyframe might give them."""

    def make(network, rng):
        side = network.config.heatmap_size
        states = [rng.normal(0, 0.4, shape).astype("f4") for shape in network.state_shapes()]
        return rng.normal(size=(13, side, side)).astype("f4"), states

    return make
