"""Where a batch is computed, and how long formulas get fast there."""

from __future__ import annotations

import functools
import importlib.util
import shutil
from collections.abc import Callable
from typing import TypeVar, cast

import torch

from hybrid_pose_ros.errors import ConfigError

F = TypeVar("F", bound=Callable[..., object])


def find_device(name: str) -> torch.device:
    """The device of that name; "auto": a GPU where there is one.

    Raises:
        ConfigError: there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"no device '{name}' ({reason}); use cpu, cuda or auto") from error
    return device


def fused(function: F, device: torch.device, lengths_vary: bool = False) -> F:
    """The function as one GPU kernel instead of dozens that each go through memory.

    Args:
        function: of tensors and numbers, without side effects.
        device: where there is no GPU, no Triton or no C compiler, the function stays as it is.
        lengths_vary: its tensors have other lengths in each call.
    """
    compiler = any(shutil.which(name) for name in ("cc", "gcc", "clang"))
    if device.type != "cuda" or importlib.util.find_spec("triton") is None or not compiler:
        return function
    return cast(F, _compiled(function, lengths_vary))


@functools.cache
def _compiled(function: Callable[..., object], lengths_vary: bool) -> object:
    return torch.compile(function, dynamic=lengths_vary)
