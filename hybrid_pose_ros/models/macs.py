"""Dense operations of a network, counted from the convolutions that really run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def dense_macs(model: nn.Module, run: Callable[[], object]) -> int:
    """Multiply-accumulates of all convolutions that `run()` executes in `model`, in eval mode."""
    total = 0

    def count(module: Any, _inputs: tuple, output: torch.Tensor) -> None:
        nonlocal total
        taps = module.kernel_size[0] * module.kernel_size[1]
        per_output = module.in_channels // module.groups * taps
        if isinstance(module, nn.ConvTranspose2d):
            per_output = per_output / (module.stride[0] * module.stride[1])
        total += int(output.numel() * per_output)

    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    hooks = [m.register_forward_hook(count) for m in convolutions]
    training = model.training
    try:
        model.eval()
        with torch.inference_mode():
            run()
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return total
