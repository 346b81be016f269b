"""What a network costs layer by layer: operations, energy of the arithmetic, memory traffic.

Memory traffic is an estimate by a plain model, stated apart from the arithmetic. Values have 16
bits. A dense layer reads every weight and every input once and writes every output once per call.
A spiking layer reads and writes every membrane once per step; each synaptic operation reads one
weight and reads and writes one accumulator. A byte costs 12.5 pJ where all of it is in a megabyte
of on-chip memory and 162.5 pJ where all of it is in DRAM (45 nm, 100 pJ and 1.3 nJ per 64 bits:
Horowitz, ISSCC 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from hybrid_pose_ros.eval.energy import TECHNOLOGIES
from hybrid_pose_ros.eval.poses import Firing
from hybrid_pose_ros.models.network import POLARITIES, PoseNetwork

VALUE_BYTES = 2
MEMORY_PJ_PER_BYTE = {"on_chip": 12.5, "dram": 162.5}


@dataclass(frozen=True)
class LayerCost:
    """One layer in one second of running.

    Attributes:
        name, part: "cnn" (everything that a keyframe runs) or "steps".
        macs: multiply-accumulates.
        additions: synaptic operations, from counted spikes.
        spike_rate: share of neurons per step; None where nothing spikes.
        memory_bytes: estimated traffic.
        idle_rate: what it would be without any event: neurons that fire by their bias alone.
    """

    name: str
    part: str
    macs: float
    additions: float
    spike_rate: float | None
    memory_bytes: float
    idle_rate: float | None = None

    def asdict(self) -> dict[str, Any]:
        """The figures and what they mean in milliwatts."""
        milliwatts = {t.name: 1e3 * t.joules(self.additions, self.macs) for t in TECHNOLOGIES}
        memory = {k: 1e-9 * pj * self.memory_bytes for k, pj in MEMORY_PJ_PER_BYTE.items()}
        return vars(self) | {"arithmetic_mw": milliwatts, "memory_mw": memory}


def layer_costs(
    network: PoseNetwork, firing: Firing | None, steps_per_s: float, keyframes_per_s: float
) -> list[LayerCost]:
    """All layers of a network.

    Args:
        network: in eval mode.
        firing: of its steps, None where nothing spikes: then steps cost their dense operations.
    """
    costs = []
    if network.has_keyframe:
        costs += _dense(network, "keyframe", keyframes_per_s)
    if firing is not None:
        costs += _spiking(firing, steps_per_s, idle_rates(network))
    elif network.has_step:
        costs += _dense(network, "step", steps_per_s)
    return costs


@torch.inference_mode()
def idle_rates(network: PoseNetwork, steps: int = 40) -> list[float]:
    """Share of neurons of each spiking layer that fire per step when no event comes.

    Counted over the second half of `steps`, from states of zero.
    """
    config, device = network.config, next(network.parameters()).device
    nothing = torch.zeros(1, POLARITIES, config.input_size, config.input_size, device=device)
    network.reset(1)
    rates = []
    for _ in range(steps):
        network.step(nothing)
        rates.append([float(layer.mean()) for layer in network.spikes])
    counted = rates[steps // 2 :]
    return [sum(layer) / len(counted) for layer in zip(*counted, strict=True)]


def _spiking(firing: Firing, steps_per_s: float, idle: list[float]) -> list[LayerCost]:
    windows = firing.windows.sum()
    costs = []
    for i, name in enumerate(firing.layers):
        additions = float(firing.operations[i].sum() / windows) * steps_per_s
        neurons = int(firing.neurons[i])
        rate = float(firing.spikes[i].sum() / windows / neurons) if neurons else None
        touched = 3 * additions + 2 * neurons * steps_per_s  # values read or written
        silent = idle[i] if neurons else None
        costs.append(LayerCost(name, "steps", 0.0, additions, rate, VALUE_BYTES * touched, silent))
    return costs


@torch.inference_mode()
def _dense(network: PoseNetwork, call: str, per_s: float) -> list[LayerCost]:
    """The convolutions that one call runs, in their order."""
    part = "cnn" if call == "keyframe" else "steps"
    costs: dict[str, LayerCost] = {}

    def watch(name: str) -> Any:
        def count(conv: Any, inputs: tuple, output: torch.Tensor) -> None:
            taps = conv.kernel_size[0] * conv.kernel_size[1]
            macs: float = output.numel() * conv.in_channels // conv.groups * taps
            if isinstance(conv, nn.ConvTranspose2d):
                macs /= conv.stride[0] * conv.stride[1]
            values = conv.weight.numel() + inputs[0].numel() + output.numel()
            before = costs.get(name, LayerCost(name, part, 0.0, 0.0, None, 0.0))
            costs[name] = LayerCost(
                name, part, before.macs + macs * per_s, 0.0, None,
                before.memory_bytes + VALUE_BYTES * values * per_s,
            )  # fmt: skip

        return count

    kinds = nn.Conv2d | nn.ConvTranspose2d
    hooks = [
        module.register_forward_hook(watch(name))
        for name, module in network.named_modules()
        if isinstance(module, kinds)
    ]
    config = network.config
    channels = config.keyframe_channels if call == "keyframe" else POLARITIES
    device = next(network.parameters()).device
    try:
        network.reset(1)
        getattr(network, call)(
            torch.zeros(1, channels, config.input_size, config.input_size).to(device)
        )
    finally:
        for hook in hooks:
            hook.remove()
    return list(costs.values())


def total(costs: list[LayerCost]) -> LayerCost:
    """Sum of all layers."""
    return LayerCost(
        "total",
        "all",
        sum(cost.macs for cost in costs),
        sum(cost.additions for cost in costs),
        None,
        sum(cost.memory_bytes for cost in costs),
    )
