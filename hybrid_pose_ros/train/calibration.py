"""Honest confidences and covariances: fitted on validation data once a network is trained.

still              hybrids with `carry`: so much more of its own pose is kept of a joint that hardly
                   moves. Training keeps too little of it: a CNN knows the people it was trained on
                   better than new ones. Put into the weights.
temperature        logits are divided by it, so that a joint of confidence 0.8 is within the
                   decoder's window around its peak in 80 % of all cases. It is put into the weights
                   of the last layers; decoding needs to know nothing of it.
lead               networks with `motion`: so many bins of their velocities joints are decoded ahead
                   of their heatmaps. Kept in the network's settings.
covariance_scale   with it 95 % of true joints lie in their 95 % ellipses, at any confidence
                   (pose/covariance_scale.py). Kept in the header of the weights; decoding uses it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.keyframed import KeyframedNetwork
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.pose.covariance_scale import CovarianceScale, fit_covariance_scale
from hybrid_pose_ros.pose.heatmap import WINDOW, decode_heatmaps
from hybrid_pose_ros.train.objective import errors, run_network
from hybrid_pose_ros.train.reliability import (
    Reliability,
    reliability_table,
    rows_as_markdown,
)
from hybrid_pose_ros.train.samples import Batch

NOTE = "calibration"
STILLS = np.linspace(-1.0, 6.0, 15)
LEADS = np.linspace(0.0, 2.0, 41)  # bins
TEMPERATURES = np.geomspace(0.25, 4.0, 41)
STRIDE = 5  # every fifth bin: neighbours say the same


@dataclass(frozen=True)
class Calibration:
    """What was fitted, and how well it holds on the data that it was fitted on."""

    temperature: float
    lead: float
    covariance_scale: CovarianceScale
    table: tuple[Reliability, ...]
    still: float = 0.0


class Collected(NamedTuple):
    """What a trained network says of some bins, and what was true.

    Attributes:
        heatmaps: (n, 13, h, w) float32.
        cells: (n, 13, 2) true places; NaN or outside: does not count.
        velocities: (n, 13, 2) cells per bin of networks with `motion`; otherwise None.
    """

    heatmaps: np.ndarray
    cells: np.ndarray
    velocities: np.ndarray | None = None


def calibrate(model: PoseNetwork, batches: Iterable[Batch], preset: str) -> Calibration:
    """Fit everything and put it into the network; the batches are gone through twice."""
    still = fit_still(model, batches)
    fitted = dataclasses.replace(fit(collect(model, batches), preset), still=still)
    apply(model, fitted)
    return fitted


def fit_still(model: PoseNetwork, batches: Iterable[Batch]) -> float:
    """Add to `carry.still` what leaves the least mean error after later keyframes.

    Returns:
        What was added; 0 for networks without `carry`.
    """
    if not isinstance(model, KeyframedNetwork) or not model.carries:
        return 0.0
    still = model.carry.still
    trained = still.detach().clone()
    model.eval()
    total = np.zeros(len(STILLS))
    with torch.no_grad():
        for batch in batches:
            batch = Batch(*(tensor.to(still.device) for tensor in batch))
            later = int(batch.at[1]) if len(batch.at) > 1 else len(batch.bins)
            for i, added in enumerate(STILLS):
                still.copy_(trained + float(added))
                pixels = errors(model, run_network(model, batch))[later:]
                total[i] += float(pixels.nansum())
        added = float(STILLS[int(np.argmin(total))]) if total.any() else 0.0
        still.copy_(trained + added)
    return added


def collect(model: PoseNetwork, batches: Iterable[Batch]) -> Collected:
    """Run a trained network over some batches."""
    model.eval()
    device = next(model.parameters()).device
    maps, cells, velocities = [], [], []
    with torch.no_grad():
        for batch in batches:
            answer = run_network(model, Batch(*(tensor.to(device) for tensor in batch)))
            maps.append(answer.heatmaps[::STRIDE].flatten(0, 1).float().cpu().numpy())
            cells.append(answer.cells[::STRIDE].flatten(0, 1).cpu().numpy())
            if answer.velocities is not None:
                moves = answer.velocities[
                    -len(answer.heatmaps) :: STRIDE
                ]  # as late as the heatmaps
                velocities.append(moves.flatten(0, 1).float().cpu().numpy())
    return Collected(
        np.concatenate(maps),
        np.concatenate(cells),
        np.concatenate(velocities) if velocities else None,
    )


def fit(collected: Collected, preset: str) -> Calibration:
    """Temperature (1 where heatmaps are no logits), lead, covariance scale, reliability table."""
    heatmaps, cells, velocities = collected
    size = heatmaps.shape[-1]
    known = np.all((cells > -0.5) & (cells < size - 0.5), axis=-1)
    temperature = 1.0
    if preset == "lite" and known.any():
        losses = [_log_loss(heatmaps, cells, known, value) for value in TEMPERATURES]
        temperature = float(TEMPERATURES[int(np.argmin(losses))])
    found = _decode(heatmaps / np.float32(temperature), preset)
    places, covariance, confidence = (values[known] for values in found)
    lead = 0.0
    if velocities is not None and known.any():
        lead = _lead(places - cells[known], velocities[known])
        places = places + lead * velocities[known]
    distance = _mahalanobis(places - cells[known], covariance)
    scale = fit_covariance_scale(distance, confidence)
    table = reliability_table(
        distance / scale.at(confidence), confidence, _inside(heatmaps, cells)[known]
    )
    return Calibration(temperature, lead, scale, table)


def apply(model: PoseNetwork, calibration: Calibration) -> None:
    """Put what was fitted into the network."""
    if isinstance(model.config, LiteConfig):
        apply_temperature(model, calibration.temperature)
        model.config = dataclasses.replace(model.config, lead=calibration.lead)
    model.covariance_scale = calibration.covariance_scale


def apply_temperature(model: PoseNetwork, temperature: float) -> None:
    """Divide the logits by the temperature, in the weights of the last layers; "lite" networks.

    The output is linear in them: o_i = decay * o_(i-1) + head(...), o_0 = head of the CNN. How fast
    a joint moves is no logit; where it is looked for shall not change.
    """
    joints = model.config.joints
    for name in ("cnn", "snn", "rnn"):
        part = getattr(model, name, None)
        if part is not None:
            head: nn.Conv2d = part.head
            head.weight.data[:joints] /= temperature
            if head.bias is not None:
                head.bias.data[:joints] /= temperature
    sharpness = getattr(model, "sharpness", None)
    if isinstance(sharpness, Tensor):
        sharpness *= temperature


def to_note(calibration: Calibration) -> dict[str, str]:
    """For `save_checkpoint`."""
    return {NOTE: json.dumps(asdict(calibration))}


def as_markdown(calibration: Calibration) -> str:
    """What was fitted and the reliability table, for a report."""
    scale = calibration.covariance_scale
    knots = ", ".join(
        f"{factor:.2f} at {confidence:.3f}"
        for confidence, factor in zip(scale.confidence, scale.factor, strict=True)
    )
    fitted = (
        f"still {calibration.still:+.1f} and temperature {calibration.temperature:.3f} "
        "(both in the weights), "
        f"lead {calibration.lead:.2f} bins, "
        f"covariance scale by confidence: {knots}"
    )
    return f"{fitted}\n\n{rows_as_markdown(calibration.table)}"


def _decode(heatmaps: np.ndarray, preset: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places (n, 13, 2) in cells, covariances (n, 13, 3) in cells^2, confidences (n, 13)."""
    size = heatmaps.shape[-1]
    whole = Crop(0, 0, size, size)
    points = [decode_heatmaps(np.ascontiguousarray(maps), whole, preset) for maps in heatmaps]
    places = np.stack([whole.to_cells(p.uv, size) for p in points])
    covariance = np.stack([p.covariance for p in points])
    return places, covariance, np.stack([p.confidence for p in points])


def _lead(errors: np.ndarray, velocities: np.ndarray) -> float:
    """Bins of the velocities (n, 2) that leave the least mean distance of errors (n, 2)."""
    left = [np.linalg.norm(errors + lead * velocities, axis=-1).mean() for lead in LEADS]
    return float(LEADS[int(np.argmin(left))])


def _mahalanobis(errors: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """(n,) squared distances of errors (n, 2) under covariances (n, 3: uu, uv, vv)."""
    du, dv = errors.T
    uu, uv, vv = covariance.T
    return (vv * du**2 - 2 * uv * du * dv + uu * dv**2) / (uu * vv - uv**2)


def _inside(heatmaps: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(n, 13) bool: the truth's cell is within WINDOW cells of the peak."""
    size = heatmaps.shape[-1]
    row, column = np.divmod(heatmaps.reshape(*heatmaps.shape[:2], -1).argmax(-1), size)
    offset = np.abs(np.round(cells) - np.stack([column, row], -1))
    return np.all(offset <= WINDOW, axis=-1)


def _log_loss(
    heatmaps: np.ndarray, cells: np.ndarray, known: np.ndarray, temperature: float
) -> float:
    """Of the confidence as the probability that the truth is in the window."""
    size = heatmaps.shape[-1]
    logits = heatmaps / np.float32(temperature)
    flat = logits.reshape(*logits.shape[:2], -1)
    peak = flat.argmax(-1)
    weight = np.exp(logits - flat.max(-1)[..., None, None])
    row, column = np.divmod(peak, size)
    grid = np.arange(size)
    near_v = np.abs(grid - row[..., None]) <= WINDOW
    near_u = np.abs(grid - column[..., None]) <= WINDOW
    mass = np.einsum("njvu,njv,nju->nj", weight, near_v, near_u) / weight.sum((-2, -1))
    mass = np.clip(mass, 1e-6, 1 - 1e-6)
    inside = _inside(heatmaps, cells)
    return float(-np.where(inside, np.log(mass), np.log1p(-mass))[known].mean())
