"""Checkpoints: safetensors with the settings that rebuild the network; nothing is executed."""

from __future__ import annotations

import dataclasses
import json
import zlib
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from hybrid_pose_ros.errors import WeightsError
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid

FORMAT = "hybrid_pose_ros/lite/1"


def save_checkpoint(model: LiteHybrid, path: Path, notes: dict[str, str] | None = None) -> None:
    """Write a model; `notes` are free text beside it (data, seed, figures). Atomic."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"format": FORMAT, "config": json.dumps(dataclasses.asdict(model.config))}
    metadata |= notes or {}
    tensors = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    partial = path.with_name(path.name + ".partial")
    save_file(tensors, partial, metadata)
    partial.replace(path)


def load_checkpoint(path: Path, device: str = "cpu") -> LiteHybrid:
    """Rebuild a model from its file, in eval mode, on `device`.

    Raises:
        WeightsError: the file is missing, damaged, of another format, or its tensors do not fit.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(
            f"no weights at {path}; give an existing .safetensors file, or train one with "
            "'hybrid_pose train'"
        )
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"weights {path} are damaged ({error}); restore the file or train new ones"
        ) from error
    if metadata.get("format") != FORMAT:
        raise WeightsError(
            f"weights {path} have format {metadata.get('format')!r}, this version reads {FORMAT!r}"
        )
    try:
        model = LiteHybrid(LiteConfig.from_dict(json.loads(metadata["config"])))
        model.load_state_dict(tensors)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise WeightsError(f"weights {path} do not fit the network: {error}") from error
    return model.to(device).eval()


def fingerprint(model: torch.nn.Module) -> str:
    """Eight hexadecimal digits that change with any weight, to refuse another network's states."""
    crc = 0
    for name, value in sorted(model.state_dict().items()):
        crc = zlib.crc32(name.encode(), crc)
        crc = zlib.crc32(value.detach().cpu().contiguous().numpy().tobytes(), crc)
    return f"{crc:08x}"
