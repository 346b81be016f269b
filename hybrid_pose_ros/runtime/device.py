"""Which processor a network runs on."""

from __future__ import annotations

import torch

from hybrid_pose_ros.errors import ConfigError

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(name: str) -> str:
    """'auto', 'cpu' or 'cuda' to the one that is used.

    Raises:
        ConfigError: unknown name, or 'cuda' without a usable GPU.
    """
    if name not in DEVICES:
        raise ConfigError(f"device must be one of {', '.join(DEVICES)}, got {name!r}")
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device 'cuda' has no usable GPU here; use 'auto' or 'cpu'")
    return name
