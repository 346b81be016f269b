"""Inference as the published code does it: test sequences of DHP19 files to one result file.

Published networks are judged as published: landmarks are the arg-max, labels are truncated to
pixels. Ours are judged with their sub-pixel landmarks and labels. Pixels are those of 256 x 256.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from hybrid_pose_ros.data.dhp19_sequence import Dhp19Sequence
from hybrid_pose_ros.eval.published_metrics import mpjpe
from hybrid_pose_ros.eval.published_text import keyframe_text, sequence_text
from hybrid_pose_ros.eval.scene import CROP_PX
from hybrid_pose_ros.eval.sequences import layer_names
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.pose.heatmap import decode_heatmaps
from hybrid_pose_ros.pose.published import argmax_landmarks
from hybrid_pose_ros.train.published_losses import label_maps


class PublishedRun:
    """Collects what a network says of batches of sequences.

    Args:
        network: in eval mode, on its device.
    """

    def __init__(self, network: PoseNetwork) -> None:
        self.network = network.eval()
        self.device = next(network.parameters()).device
        self._keyframes: list[np.ndarray] = []  # (B, 2, 13) each
        self._steps: list[np.ndarray] = []  # (T, B, 2, 13) each
        self._targets: list[np.ndarray] = []  # (T + 1, B, 2, 13) each
        self._losses: list[tuple[float, int]] = []
        self._spikes: list[np.ndarray] = []  # (T, L) sums each
        self._windows = 0

    @torch.inference_mode()
    def add(self, batch: Dhp19Sequence) -> None:
        """Run a batch of sequences."""
        network, size = self.network, len(batch.number)
        cells = batch.cells.numpy()
        published = network.config.preset == "paper"
        self._targets.append(self._pixels(np.floor(cells) if published else cells))
        self._windows += size
        network.reset(size)
        if network.has_keyframe:
            heatmaps = network.keyframe(batch.keyframe.to(self.device))
            self._keyframes.append(self._landmarks(heatmaps))
            if published and not network.has_step:
                labels = label_maps(batch.cells[0], network.config.heatmap_size)
                error = torch.nn.functional.mse_loss(heatmaps.cpu(), labels)
                self._losses.append((float(error), size))
        if network.has_step:
            network.see(batch.before.to(self.device))
            self._roll(batch.bins)

    def text(self) -> str:
        """The result file of everything that was added."""
        targets = np.concatenate(self._targets, 1)
        keyframes = np.concatenate(self._keyframes) if self._keyframes else None
        if not self.network.has_step:
            assert keyframes is not None
            total = sum(loss * size for loss, size in self._losses)
            loss = total / self._windows if self._losses else None
            return keyframe_text(mpjpe(keyframes, targets[0]), loss)
        steps = np.concatenate(self._steps, 1)
        errors = [mpjpe(step, target) for step, target in zip(steps, targets[1:], strict=True)]
        held = [mpjpe(keyframes, t) for t in targets[1:]] if keyframes is not None else []
        names = layer_names(self.network)[:-1]
        rates: dict[str, list[float]] = {}
        if names:
            neurons = [np.prod(shape) for shape in self.network.state_shapes()]
            mean = np.sum(self._spikes, 0) / self._windows / np.array(neurons)
            rates = {name: mean[:, i].tolist() for i, name in enumerate(names)}
        return sequence_text(errors, held, rates, self.network.has_keyframe)

    def _roll(self, bins: Tensor) -> None:
        landmarks, spikes = [], []
        for counts in bins:
            heatmaps = self.network.step(counts.to(self.device))
            landmarks.append(self._landmarks(heatmaps, self.network.ahead(self.network.velocity)))
            spikes.append([float(layer.sum()) for layer in self.network.spikes])
        self._steps.append(np.stack(landmarks))
        self._spikes.append(np.array(spikes))

    def _landmarks(self, heatmaps: Tensor, ahead: np.ndarray | None = None) -> np.ndarray:
        """(B, 13, h, w) -> (B, 2, 13) pixels."""
        maps = np.ascontiguousarray(heatmaps.float().cpu().numpy())
        if self.network.config.preset == "paper":
            return self._pixels(argmax_landmarks(maps).swapaxes(-1, -2))
        size = maps.shape[-1]
        whole = Crop(0, 0, size, size)
        lead = [None] * len(maps) if ahead is None else ahead
        pairs = zip(maps, lead, strict=True)
        found = [decode_heatmaps(one, whole, ahead=by) for one, by in pairs]
        return self._pixels(np.stack([keypoints.uv for keypoints in found]))

    def _pixels(self, cells: np.ndarray) -> np.ndarray:
        """(..., 13, 2) cells -> (..., 2, 13) pixels."""
        return cells.swapaxes(-1, -2) * (CROP_PX / self.network.config.heatmap_size)


def published_result(network: PoseNetwork, batches: Iterable[Dhp19Sequence]) -> str:
    """The text of the result file of a network on batches of sequences."""
    run = PublishedRun(network)
    for batch in batches:
        run.add(batch)
    return run.text()
