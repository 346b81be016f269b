"""Drives one training step: loss, gradients through time, and what the optimiser makes of them.

A file is named after its network and holds `loss` or keys with "grad" in them. Understood: loss,
loss_heatmap (mse), loss_states (mp); gradients as one array per parameter
("grad_sample:conv1.weight", "conv1.weight_grad", ...) or as stacks (grad_sample (n, 256), grad_stat
(n, 2)) in the order of a key with names, or of the parameters; parameters after Adam ("after...",
"updated...", "new..."). Labels are `label_xy` (T, J, 2), `label_landmarks` (2, T, J), dense
`labels` (T, J, S, S), or what gen.py gives under one of these names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import torch
from parity_checks import TOLERANCE, Check, Generator, close, equal, kind_of
from torch import Tensor

from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.paper.hybrid_cnn_snn import PaperHybridSnn
from hybrid_pose_ros.train.published_initialisation import freeze_cnn
from hybrid_pose_ros.train.published_losses import (
    STATE_SHARE,
    label_maps,
    sequence_loss,
    state_loss,
)

LABELS = ("label_xy", "labels_xy", "xy", "label_landmarks", "labels", "label", "target", "targets")
NAMES = ("names", "grad_names", "param_names", "params", "parameters", "grad_keys", "keys")
RATES = {"cnn": 1e-4, "rnn": 1e-4, "snn": 5e-5, "hybrid_cnn_snn": 5e-5, "hybrid_cnn_rnn": 1e-4}
RELATIVE = 1e-3  # of a gradient, to the largest of its tensor: sums over 10 bins in float32
# Least such largest, as a share of all tensors': a bias before a batch norm gets only rounding.
FLOOR = 1e-3
LOSS_RELATIVE = 1e-5


def understands(stem: str, data: dict[str, np.ndarray]) -> bool:
    """Whether this is a file of a training step."""
    return kind_of(stem) is not None and any(
        key == "loss" or key.startswith("loss_") or "grad" in key for key in data
    )


def drive(stem: str, data: dict[str, np.ndarray], generator: Generator) -> Iterator[Check]:
    """The step in training mode; if the loss is not the file's, in eval mode if that is closer."""
    found = _labels(stem, data, generator)
    if found is None:
        text = f"no labels in the file or gen.py (looked for {', '.join(LABELS)})"
        yield Check("training step", note=text, driven=False)
        return
    labels, uses = found
    modes = [bool(data["training"])] if "training" in data else [True, False]
    runs = []
    for mode in modes:
        model = generator.network(stem, data)
        losses = step(model.train(mode), stem, data, generator, labels)
        reference = float(data["loss"]) if "loss" in data else losses["loss"].item()
        runs.append((abs(losses["loss"].item() - reference), mode, model, losses))
        if runs[-1][0] <= LOSS_RELATIVE * abs(reference):
            break
    _, mode, model, losses = min(runs, key=lambda run: run[0])
    yield from _compare(model, losses, data, generator, mode, uses)


def step(
    model: PoseNetwork,
    stem: str,
    data: dict[str, np.ndarray],
    generator: Generator,
    labels: Tensor,
) -> dict[str, Tensor]:
    """Forward over the bins and backward; the losses by name. Labels (T, 1, J, S, S)."""
    if not any("_cnn" in name for name in (*data, *_names(data))):
        freeze_cnn(model)  # as published; a file with gradients of the CNN had it learn too
    steps = len(labels)
    if not model.has_step:
        outputs = torch.stack([model.keyframe(generator.keyframe(i, data)) for i in range(steps)])
    else:
        if model.has_keyframe:
            model.keyframe(generator.keyframe(0, data))
        else:
            model.reset(1)
        outputs = model.rollout(generator.bins(stem, data)[:steps])
    losses = {"loss_heatmap": sequence_loss(outputs, labels)}
    losses["loss"] = losses["loss_heatmap"]
    if isinstance(model, PaperHybridSnn):
        states = model.states
        _, features = model.features(generator.keyframe(1, data))
        losses["loss_states"] = state_loss(states, model.initial_states(features))
        share = float(data.get("state_share", STATE_SHARE))
        losses["loss"] = (1 - share) * losses["loss_heatmap"] + share * losses["loss_states"]
    losses["loss"].backward()
    return {name: loss.detach() for name, loss in losses.items()}


def _labels(
    stem: str, data: dict[str, np.ndarray], generator: Generator
) -> tuple[Tensor, tuple[str, ...]] | None:
    """Blurred heatmaps (T, 1, J, S, S), and the key that they come from."""
    for name in LABELS:
        found = data.get(name)
        uses = (name,)
        if found is None:
            found, uses = generator.named(name, stem), ()  # type: ignore[assignment]
        if found is None or isinstance(found, dict):
            continue
        array = torch.from_numpy(np.asarray(found, np.float64))
        if array.ndim == 3 and array.shape[0] == 2 and array.shape[-1] != 2:
            array = array.permute(1, 2, 0)
        if array.ndim == 3 and array.shape[-1] == 2:
            return label_maps(array, 256)[:, None], uses
        if array.ndim in (4, 5) and array.shape[-1] == array.shape[-2]:
            maps = array.float() if array.ndim == 5 else array.float()[:, None]
            if (maps.flatten(-2).sum(-1) <= 1).all():  # single ones: not blurred yet
                peak = maps.flatten(-2).argmax(-1)
                uv = torch.stack([peak % 256, peak // 256], -1).double()
                uv[maps.flatten(-2).amax(-1) <= 0] = torch.nan
                maps = label_maps(uv, 256)
            return maps, uses
    return None


def _compare(
    model: PoseNetwork, losses: dict[str, Tensor], data: dict[str, np.ndarray],
    generator: Generator, mode: bool, uses: tuple[str, ...],
) -> Iterator[Check]:  # fmt: skip
    gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    rate = float(data["lr"]) if "lr" in data else RATES[model.kind]
    torch.optim.Adam(model.parameters(), lr=rate).step()
    after = {name: value for name, value in model.state_dict().items() if value.ndim}
    floor = FLOOR * max(float(g.abs().max()) for g in gradients.values())
    names = _names(data) or list(gradients)
    note = "training mode" if mode else "eval mode"
    for key, reference in data.items():
        if (name := _loss_name(key)) in losses:
            accepted = LOSS_RELATIVE * max(abs(float(reference)), 1e-12)
            yield close(key, losses[name], reference, accepted, uses=uses, note=note)
        elif key in NAMES and reference.dtype.kind in "US":
            missing = [n for n in names if n not in gradients]
            yield Check(key, float(len(missing)), 0.0, note=", ".join(missing[:5]))
        elif parameter := max((n for n in after if n in key), key=len, default=""):
            rest = key.replace(parameter, "")
            changed = re.search(r"after|updated|new|param", rest) and "grad" not in rest
            tensor = after[parameter] if changed else gradients.get(parameter)
            if tensor is not None:
                scale = 0.0 if changed else floor
                yield _tensor(key, rest, [tensor], reference, generator, scale)
        elif "grad" in key and all(name in gradients for name in names):
            tensors = [gradients[name] for name in names]
            yield _tensor(key, key, tensors, reference, generator, floor)


def _names(data: dict[str, np.ndarray]) -> list[str]:
    """Parameters in the order of the file's stacks, if it tells."""
    found = [data[key] for key in NAMES if key in data and data[key].dtype.kind in "US"]
    return [str(name) for name in found[0]] if found else []


def _loss_name(key: str) -> str:
    """Of the losses that `step` gives."""
    if re.fullmatch(r"loss_(heat\w*|mse|out\w*)", key):
        return "loss_heatmap"
    return "loss_states" if re.fullmatch(r"loss_(state\w*|mp|mem\w*|v)", key) else key


def _tensor(
    key: str, what: str, tensors: list[Tensor], reference: np.ndarray, generator: Generator,
    floor: float,
) -> Check:  # fmt: skip
    """Samples, sums or norms of tensors; differences relative to each one's largest element.

    Args:
        floor: the least element to be relative to; 0 compares absolutely.
    """
    relative = floor > 0
    stacked = len(tensors) > 1
    reference = reference if stacked else reference[None]
    if stacked and len(reference) != len(tensors):
        return equal(key, np.zeros(len(tensors)), np.zeros(len(reference)))
    worst, tolerance = 0.0, RELATIVE if relative else TOLERANCE
    for tensor, expected in zip(tensors, reference, strict=True):
        flat = tensor.detach().double()
        scale = max(float(flat.abs().max()), floor) if relative else 1.0
        if "stat" in what:
            ours = np.array([flat.sum(), flat.abs().sum()][: expected.size])
            scale *= flat.numel()
        elif "norm" in what and "norm_layer" not in what:
            ours = np.array(flat.norm())
            scale = max(float(flat.norm()), floor) if relative else 1.0
        elif not stacked and "sample" not in what and expected.shape == tuple(flat.shape):
            ours = flat.numpy()
        else:
            ours = generator.sample(flat, expected.size)
        check = close(key, ours.reshape(expected.shape), expected)
        worst = max(worst, check.difference / scale)
    note = f"of the largest of each of {len(tensors)}" if relative else ""
    return Check(key, worst, tolerance, note=note)
