"""Published checkpoints (.pt) into our networks, by name, without executing anything in the file.

    file -> torch.load(weights_only) -> the state dict inside -> keys of the target -> checked

A hybrid also takes the weights of its parts alone: those of a CNN (`conv1` -> `conv1_cnn`), an SNN
(`down1` -> `down1_snn`; its head's batch norm has no place) or an RNN (same names).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hybrid_pose_ros.errors import WeightsError
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.presets import build

PREFIXES = ("module.", "_orig_mod.", "model.", "network.", "net.")
WRAPPERS = ("model_state_dict", "state_dict", "model", "network", "net", "weights", "params")
# Target kind -> the kinds whose weights alone fit a part of it.
PARTS = {"hybrid_cnn_snn": ("cnn", "snn"), "hybrid_cnn_rnn": ("cnn", "rnn")}
_DEPTH = 3  # of wrappers around a state dict


@dataclass(frozen=True)
class Imported:
    """What one file gave.

    Attributes:
        source: kind of network that the file holds.
        loaded: keys of the target that were set.
        left_out: keys of the file that have no place in the target.
    """

    source: str
    loaded: list[str]
    left_out: list[str]


def read_state_dict(path: Path) -> dict[str, Any]:
    """The state dict in a .pt file, without wrappers and prefixes such as "module.".

    Raises:
        WeightsError: no such file; damaged; refused because it holds more than data; no state
            dict, or several.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"no checkpoint at {path}; give an existing .pt file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises whatever a damaged stream leads it to
        reason = f"{type(error).__name__}: {error}".split("\n")[0][:200]
        raise WeightsError(
            f"checkpoint {path} was refused, nothing in it was executed: it is damaged or holds "
            f"more than tensors ({reason})"
        ) from error
    found = _state_dicts(content, "", _DEPTH)
    if not found:
        raise WeightsError(f"checkpoint {path} holds no state dict (a mapping of names to tensors)")
    named = [d for wrapper in WRAPPERS for name, d in found.items() if name == wrapper]
    if len(found) > 1 and not named:
        raise WeightsError(f"checkpoint {path} holds several state dicts: {sorted(found)}")
    return _strip((named or list(found.values()))[0])


def _state_dicts(content: Any, name: str, depth: int) -> dict[str, Mapping[str, Any]]:
    """Mappings of names to tensors inside `content`, by the name under which they are kept."""
    if not isinstance(content, Mapping) or not all(isinstance(key, str) for key in content):
        return {}
    values = content.values()
    nested = any(isinstance(value, Mapping) for value in values)
    if not nested and any(isinstance(value, Tensor) for value in values):
        return {name: content}
    found: dict[str, Mapping[str, Any]] = {}
    if depth > 0:
        for key, value in content.items():
            found |= _state_dicts(value, key, depth - 1)
    return found


def _strip(state: Mapping[str, Any]) -> dict[str, Any]:
    """Without the prefixes that wrappers such as DataParallel put before every name."""
    stripped = dict(state)
    while True:
        for prefix in PREFIXES:
            if all(key.startswith(prefix) for key in stripped):
                stripped = {key.removeprefix(prefix): value for key, value in stripped.items()}
                break
        else:
            return stripped


def target_key(key: str, source: str, target: str) -> str | None:
    """Name in the target network of a key of the source network; None if it has no place."""
    if source == target or source == "rnn":
        return key
    if source == "cnn":
        layer, rest = key.split(".", 1)
        return f"{layer}_cnn.{rest}"
    if key.startswith("temporalflat.norm_layer."):
        return None
    for old, new in (
        ("static_conv.0.", "static_conv_snn.conv2d."),
        ("static_conv.1.", "static_conv_snn.norm_layer."),
        ("residualBlock.0.", "residualBlock_snn."),
    ):
        if key.startswith(old):
            return new + key.removeprefix(old)
    layer, rest = key.split(".", 1)
    return f"{layer}_snn.{rest}"


def load_published(model: PoseNetwork, state: Mapping[str, Any]) -> Imported:
    """Set the weights of a published network from a published state dict of it or of a part of it.

    Raises:
        WeightsError: keys are missing, unknown, misshapen, or not finite numbers: all are named,
            and the model is left as it was.
    """
    target = model.kind
    expected = {source: _expected(source) for source in (target, *PARTS.get(target, ()))}
    source = max(expected, key=lambda kind: (len(set(expected[kind]) & set(state)), kind == target))
    problems = _problems(state, expected[source])
    if problems:
        raise WeightsError(
            f"the checkpoint does not fit a published {source}"
            + (f" (part of {target})" if source != target else "")
            + f"; {len(problems)} problems:\n  "
            + "\n  ".join(problems)
        )
    places = {key: target_key(key, source, target) for key in state}
    tensors = {place: state[key] for key, place in places.items() if place is not None}
    own = model.state_dict()
    for place, value in tensors.items():
        own[place].copy_(value)
    left_out = [key for key, place in places.items() if place is None]
    return Imported(source, list(tensors), left_out)


def _expected(kind: str) -> dict[str, Tensor]:
    with torch.device("meta"):
        return build(f"paper/{kind}").state_dict()


def _problems(state: Mapping[str, Any], expected: Mapping[str, Tensor]) -> list[str]:
    """One line for each key that is missing, unknown, misshapen or no finite number."""
    lines = [f"missing: {key}" for key in expected if key not in state]
    lines += [f"unknown: {key}" for key in state if key not in expected]
    for key in (key for key in expected if key in state):
        value, wanted = state[key], expected[key]
        if not isinstance(value, Tensor) or value.is_floating_point() != wanted.is_floating_point():
            kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
            lines.append(f"wrong type: {key} is {kind}, expected {wanted.dtype}")
        elif value.shape != wanted.shape:
            shapes = f"{tuple(value.shape)}, expected {tuple(wanted.shape)}"
            lines.append(f"wrong shape: {key} has {shapes}")
        elif not bool(torch.isfinite(value).all()):
            lines.append(f"not finite: {key}")
    return lines
