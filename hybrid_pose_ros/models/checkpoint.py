"""Checkpoints: safetensors with what rebuilds the network; nothing is executed.

One format for every network. The header says format, network ("paper/snn"), its settings as JSON,
the scale of its covariances where one was fitted, and free notes (data, seed, figures). Files of
the first format held a lite hybrid only.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar, overload

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from hybrid_pose_ros.errors import WeightsError
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.presets import build, name_of
from hybrid_pose_ros.pose.covariance_scale import UNSCALED, CovarianceScale
from hybrid_pose_ros.unfinished import renewed

FORMAT = "hybrid_pose_ros/network/1"
LITE_FORMAT = "hybrid_pose_ros/lite/1"
PUBLISHED_SUFFIXES = (".pt", ".pth")  # of the published code's checkpoints
RESERVED = ("format", "network", "config")
SCALE = "covariance_scale"

Network = TypeVar("Network", bound=PoseNetwork)


def save_checkpoint(model: PoseNetwork, path: Path, notes: dict[str, str] | None = None) -> None:
    """Write a model; `notes` are free text beside it (data, seed, figures). Atomic.

    Raises:
        ValueError: a note has a name that the format uses.
        RecordingError: the file cannot be written.
    """
    path, notes = Path(path), notes or {}
    if taken := sorted(set(notes) & {*RESERVED, SCALE}):
        raise ValueError(f"notes must not be named {taken}")
    metadata = {
        "format": FORMAT, "network": name_of(model), "config": json.dumps(model.config.asdict()),
    }  # fmt: skip
    if model.covariance_scale != UNSCALED:
        metadata[SCALE] = json.dumps(asdict(model.covariance_scale))
    tensors = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    with renewed(path) as file:
        file.write_bytes(save(tensors, metadata | notes))  # save_file lets only the owner read it


@overload
def load_checkpoint(path: Path, device: str = "cpu") -> PoseNetwork: ...


@overload
def load_checkpoint(path: Path, device: str, network: type[Network]) -> Network: ...


@overload
def load_checkpoint(path: Path, *, network: type[Network]) -> Network: ...


def load_checkpoint(
    path: Path, device: str = "cpu", network: type[PoseNetwork] = PoseNetwork
) -> PoseNetwork:
    """Rebuild a model from its file, in eval mode, on `device`.

    Args:
        network: the class that is needed; another one is an error.

    Raises:
        WeightsError: the file is missing, damaged, of another format or network, or its tensors do
            not fit.
    """
    metadata, tensors = _read(Path(path))
    name, config = _network(Path(path), metadata)
    try:
        model = build(name, json.loads(config))
        model.load_state_dict(tensors)
        model.covariance_scale = _scale(metadata)
    except (AttributeError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise WeightsError(f"weights {path} do not fit the network: {error}") from error
    if not isinstance(model, network):
        raise WeightsError(
            f"weights {path} are of a {name}, but a {network.__name__} is needed here; "
            "'hybrid_pose models' lists the networks"
        )
    return model.to(device).eval()


def read_notes(path: Path) -> dict[str, str]:
    """The header of a checkpoint: network, config and notes.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    return _read(Path(path))[0]


def free_notes(path: Path) -> dict[str, str]:
    """The notes of a checkpoint alone, as `save_checkpoint` wants them.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    return {k: v for k, v in read_notes(path).items() if k not in {*RESERVED, SCALE}}


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise WeightsError(
            f"no weights at {path}; give an existing .safetensors file, train one with "
            "'hybrid_pose train', or import one with 'hybrid_pose import-checkpoint'"
        )
    if path.suffix in PUBLISHED_SUFFIXES:
        raise WeightsError(
            f"weights {path} are a checkpoint of PyTorch's; make them ours with 'hybrid_pose "
            f"import-checkpoint {path} {path.with_suffix('.safetensors').name} --model ...'"
        )
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return file.metadata() or {}, tensors
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"weights {path} are damaged ({error}); restore the file or train new ones"
        ) from error


def _network(path: Path, metadata: dict[str, Any]) -> tuple[str, str]:
    """Name and settings (JSON) of the network in a file."""
    found = metadata.get("format")
    if found not in (FORMAT, LITE_FORMAT):
        raise WeightsError(
            f"weights {path} have format {found!r}, this version reads {FORMAT!r} and "
            f"{LITE_FORMAT!r}; published .pt files: 'hybrid_pose import-checkpoint'"
        )
    missing = [key for key in RESERVED if key not in metadata and found == FORMAT]
    if missing:
        raise WeightsError(f"weights {path} lack {missing} in their header")
    name = metadata["network"] if found == FORMAT else "lite/hybrid_cnn_snn"
    return name, metadata.get("config", "{}")


def _scale(metadata: dict[str, str]) -> CovarianceScale:
    values = json.loads(metadata.get(SCALE, "{}"))
    return CovarianceScale(**{name: tuple(numbers) for name, numbers in values.items()})


def fingerprint(model: torch.nn.Module) -> str:
    """Eight hexadecimal digits that change with any weight, to refuse another network's states."""
    crc = 0
    for name, value in sorted(model.state_dict().items()):
        crc = zlib.crc32(name.encode(), crc)
        crc = zlib.crc32(value.detach().cpu().contiguous().numpy().tobytes(), crc)
    return f"{crc:08x}"
