"""Every network by name: family "/" kind, such as "paper/hybrid_cnn_snn" or "lite/rnn"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.config import NetworkConfig
from hybrid_pose_ros.models.lite.cnn import LiteCnn
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.hybrid_cnn_rnn import LiteHybridRnn
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
from hybrid_pose_ros.models.lite.rnn import LiteRnn
from hybrid_pose_ros.models.lite.snn import LiteSnn
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.paper.cnn import PaperCnn
from hybrid_pose_ros.models.paper.config import PaperConfig
from hybrid_pose_ros.models.paper.hybrid_cnn_rnn import PaperHybridRnn
from hybrid_pose_ros.models.paper.hybrid_cnn_snn import PaperHybridSnn
from hybrid_pose_ros.models.paper.rnn import PaperRnn
from hybrid_pose_ros.models.paper.snn import PaperSnn

KINDS = ("cnn", "snn", "rnn", "hybrid_cnn_snn", "hybrid_cnn_rnn")


@dataclass(frozen=True)
class Preset:
    """A network class and its settings."""

    network: type[PoseNetwork]
    config: NetworkConfig


PRESETS: dict[str, Preset] = {
    "paper/cnn": Preset(PaperCnn, PaperConfig()),
    "paper/snn": Preset(PaperSnn, PaperConfig(tau=2.0)),
    "paper/rnn": Preset(PaperRnn, PaperConfig()),
    "paper/hybrid_cnn_snn": Preset(PaperHybridSnn, PaperConfig()),
    "paper/hybrid_cnn_rnn": Preset(PaperHybridRnn, PaperConfig()),
    "lite/cnn": Preset(LiteCnn, LiteConfig()),
    "lite/snn": Preset(LiteSnn, LiteConfig()),
    "lite/rnn": Preset(LiteRnn, LiteConfig()),
    "lite/hybrid_cnn_snn": Preset(LiteHybrid, LiteConfig()),
    "lite/hybrid_cnn_rnn": Preset(LiteHybridRnn, LiteConfig()),
}


def build(name: str, settings: dict[str, Any] | None = None) -> PoseNetwork:
    """A network with fresh weights.

    Args:
        name: a key of PRESETS.
        settings: settings that differ from the preset's, such as {"tau": 5.0}.

    Raises:
        ConfigError: unknown name, unknown setting, or a value out of range.
    """
    if name not in PRESETS:
        raise ConfigError(f"unknown network {name!r}; choose one of {', '.join(PRESETS)}")
    preset = PRESETS[name]
    values = preset.config.asdict() | (settings or {})
    return preset.network(preset.config.from_dict(values, f"network {name}"))


def name_of(model: PoseNetwork) -> str:
    """The name whose class this network is."""
    return f"{model.config.preset}/{model.kind}"


def figures(name: str) -> dict[str, int | str]:
    """What `hybrid_pose models` lists of a preset: counts, operations and memory per camera."""
    with torch.device("meta"):
        model = build(name)
    state = sum(c * h * w for c, h, w in model.state_shapes())
    heatmaps = model.config.joints * model.config.heatmap_size**2
    return {
        "preset": name,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "input_size": model.config.input_size,
        "heatmap_size": model.config.heatmap_size,
        "macs_per_keyframe": model.macs_per_keyframe,
        "macs_per_step": model.macs_per_step,
        "states": state,
        "states_bytes_fp16": 2 * state,
        "output_bytes_fp16": 2 * heatmaps,
    }
