"""Parameters that the CNN node and the SNN node share, and what they load from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.events.filters import FilterConfig
from hybrid_pose_ros.models.checkpoint import load_checkpoint
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.pose.rig import check_cameras
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.device import resolve_device

DEFAULT_WEIGHTS = ("weights", "lite_hybrid.safetensors")


@dataclass(frozen=True)
class EstimatorParams:
    """Parameters of both nodes.

    Attributes:
        cameras: names of the cameras, as in the topics and in the rig file.
        rig: calibration file or folder; "camera_info" for live CameraInfo and TF; empty for the
            DHP19 rig that comes with the package.
        weights: .safetensors file; empty for the weights that come with the package.
        device: auto (CUDA where there is a GPU), cpu or cuda.
        threads: that the network may use.
        silence_s: a camera without events for so long is reported.
        timing: bins and keyframes, the same in both nodes.
        filters: clean-up of the events, the same in both nodes.
    """

    cameras: tuple[str, ...] = ("cam2", "cam3")
    rig: str = ""
    weights: str = ""
    device: str = "auto"
    threads: int = 1
    silence_s: float = 1.0
    timing: EstimatorConfig = field(default_factory=EstimatorConfig)
    filters: FilterConfig = field(default_factory=FilterConfig)

    def __post_init__(self) -> None:
        check_cameras(self.cameras)
        self.filters.check_cameras(self.cameras)
        if not 1 <= self.threads <= 256:
            raise ConfigError(f"threads must be in 1..256, got {self.threads}")
        if not self.silence_s > 0:
            raise ConfigError(f"silence_s must be > 0, got {self.silence_s}")


def load_model(config: EstimatorParams) -> tuple[PoseNetwork, str]:
    """The network, and the device that it is on; also sets PyTorch's threads."""
    device = resolve_device(config.device)
    torch.set_num_threads(config.threads)
    path = Path(config.weights) if config.weights else _shipped_weights()
    return load_checkpoint(path, device, PoseNetwork), device


def _shipped_weights() -> Path:
    try:
        return share_path(*DEFAULT_WEIGHTS)
    except FileNotFoundError:
        return Path(*DEFAULT_WEIGHTS)  # load_checkpoint says what to do
