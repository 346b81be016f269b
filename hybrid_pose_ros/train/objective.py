"""What a stage minimises: heatmaps of every bin, membranes, spikes.

    ours        sub-pixel heatmap loss (+ loss.spikes * spike rate) (+ the keyframe's, CNN trained)
                (+ loss.velocity * velocity loss, networks with `motion`)
    published   MSE against the published labels; the hybrid CNN-SNN: 0.95 of it + 0.05 state loss

The "lite" networks give logits, so that both recipes train them with cross-entropy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.train.config import LossConfig
from hybrid_pose_ros.train.losses import (
    heatmap_loss,
    peak_error,
    pixel_error,
    regression_loss,
    speed_weights,
    velocity_loss,
)
from hybrid_pose_ros.train.published_losses import label_maps, sequence_loss, state_loss
from hybrid_pose_ros.train.samples import Batch

SETTLING = 4  # bins at the beginning of an SNN or RNN alone: they cannot be right yet


class Answer(NamedTuple):
    """What a network says of a batch.

    Attributes:
        heatmaps: (T, B, 13, h, w).
        cells: (T, B, 13, 2) true joints at their times.
        keyframe: (B, 13, h, w) of the first keyframe; None without a CNN.
        velocities: (T, B, 13, 2) of networks with `motion`, cells per bin; otherwise None.
    """

    heatmaps: Tensor
    cells: Tensor
    keyframe: Tensor | None
    velocities: Tensor | None = None


def run_network(model: PoseNetwork, batch: Batch, settling: int = 0) -> Answer:
    """Keyframes and bins through a network: a CNN answers the keyframe, all others the bins."""
    keyframe = None
    if model.has_keyframe:
        keyframe = model.keyframe(batch.keyframes[0])
        if not model.has_step:
            return Answer(keyframe[None], batch.cells[:1], keyframe)
    else:
        model.reset(batch.bins.shape[1])
    if batch.before.numel():
        model.see(batch.before)
    parts, moves = [], []
    starts = [at for at in batch.at.tolist() if at < len(batch.bins)]
    for number, (first, end) in enumerate(zip(starts, [*starts[1:], len(batch.bins)], strict=True)):
        if number:
            model.correct(batch.keyframes[number])
        parts.append(model.rollout(batch.bins[first:end]))
        velocities: Tensor | None = getattr(model, "velocities", None)
        moves += [] if velocities is None else [velocities]
    heatmaps = torch.cat(parts)
    skipped = settling if not model.has_keyframe and len(heatmaps) > settling else 0
    return Answer(
        heatmaps[skipped:],
        batch.cells[1 + skipped :],
        keyframe,
        torch.cat(moves) if moves else None,
    )


def heatmap_objective(
    model: PoseNetwork, heatmaps: Tensor, cells: Tensor, present: Tensor, recipe: str,
    loss: LossConfig,
) -> Tensor:  # fmt: skip
    """The loss of heatmaps alone."""
    if model.config.preset == "lite":
        weights = None
        if loss.fast:
            weights = speed_weights(cells, heatmaps.shape[-1], loss.fast)
            weights = torch.where(present[:, None], weights, torch.ones_like(weights))
        return heatmap_loss(heatmaps, cells, present, loss.sigma, weights)
    if recipe == "published":
        return sequence_loss(heatmaps, label_maps(cells, heatmaps.shape[-1]))
    return regression_loss(heatmaps, cells, present)


def objective(model: PoseNetwork, batch: Batch, recipe: str, loss: LossConfig) -> dict[str, Tensor]:
    """One batch's losses; "loss" is their sum, the others are for the logs."""
    answer = run_network(model, batch, SETTLING if recipe == "ours" else 0)
    present = batch.present
    total = heatmap_objective(model, answer.heatmaps, answer.cells, present, recipe, loss)
    parts = {"heatmaps": total.detach()}
    if loss.states and model.kind == "hybrid_cnn_snn":
        network: Any = model  # every hybrid has both methods
        features = getattr(network, "cnn", network).features(batch.keyframes[-1])[1]
        said = network.initial_states(features)
        # The last state of a network with `motion`, the joints' velocities, is no membrane.
        states = state_loss(model.states[: len(said)], said)
        total = (1 - loss.states) * total + loss.states * states
        parts["states"] = states.detach()
    if recipe == "ours" and loss.velocity and answer.velocities is not None:
        size = answer.heatmaps.shape[-1]
        speed = velocity_loss(answer.velocities, batch.cells, present, size)
        total = total + loss.velocity * speed
        parts["velocity"] = speed.detach()
    if model.spikes:
        rate = torch.stack([layer.mean() for layer in model.spikes]).mean()
        total = total + loss.spikes * rate
        parts["spikes"] = rate.detach()
    if answer.keyframe is not None and model.has_step and answer.keyframe.requires_grad:
        total = total + heatmap_objective(
            model, answer.keyframe[None], batch.cells[:1], present, recipe, loss
        )
    return {"loss": total, **parts}


def errors(model: PoseNetwork, answer: Answer) -> Tensor:
    """(T, B, 13) pixels of the crop; NaN where the joint is unknown."""
    measure = pixel_error if model.config.preset == "lite" else peak_error
    return measure(answer.heatmaps, answer.cells)
