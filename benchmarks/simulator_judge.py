"""Error of a network that learnt from real recordings (DHP19's own CNN) on simulated ones.

Windows, truth and selection are those of `realism.py`, which lies beside the network's reader; of a
long recording some frames are taken, and each stands for those left out.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from hybrid_pose_ros.simulator.recording import SimulatedRecording

WINDOW = 7500
LONGEST_NS = 600_000_000
SWAPPED = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11)


class Judge:
    """DHP19's CNN.

    Args:
        folder: with `dhp_cnn.py`, the reader of the published weights.
        weights: DHP_CNN.model.
    """

    def __init__(self, folder: Path, weights: Path) -> None:
        sys.path.insert(0, str(folder))
        self._tool = importlib.import_module("dhp_cnn")
        self._network = self._tool.DhpCnn(str(weights))

    def errors(
        self, recording: SimulatedRecording, camera: str, truth: np.ndarray, most: int = 4
    ) -> Errors:
        """Pixels between the network's joints and the truth, in at most `most` frames.

        Frames that last longer than 0.6 s are left out: hardly anything moves in them.

        Args:
            recording: events, and the times of the truth.
            camera: whose events.
            truth: (n, 13, 3) labelled points at those times.
            most: frames that are looked at.
        """
        events, t = recording.cameras[camera], recording.truth_t_ns
        uv = recording.calibration[camera].project(truth)
        ends = np.arange(WINDOW, len(events), WINDOW)
        ends = ends[events["t"][ends - 1] - events["t"][ends - WINDOW] <= LONGEST_NS]
        chosen = ends[np.linspace(0, len(ends) - 1, min(most, len(ends))).astype(int)]
        direct, swapped = [], []
        for end in chosen:
            part = events[end - WINDOW : end]
            first, last = np.searchsorted(t, part["t"][[0, -1]])
            where = uv[first : last + 1].mean(axis=0)
            found = self._joints(part)
            direct.append(np.linalg.norm(found - where, axis=1))
            swapped.append(np.linalg.norm(found[list(SWAPPED)] - where, axis=1))
        weight = np.full(len(chosen), len(ends) / max(len(chosen), 1))
        return Errors(np.reshape(direct, (-1, 13)), np.reshape(swapped, (-1, 13)), weight)

    def _joints(self, events: np.ndarray) -> np.ndarray:
        frame = self._tool.frame_from_events(events["x"].astype(int), events["y"].astype(int))
        heat = self._network(torch.from_numpy(frame)[None, None])
        return np.asarray(self._tool.landmarks(heat)[0].numpy(), dtype=np.float64)


class Errors:
    """Errors in pixels of n frames.

    Args:
        direct, swapped: (n, 13), the second with left and right exchanged.
        weight: (n,) frames that each one stands for.
    """

    def __init__(self, direct: np.ndarray, swapped: np.ndarray, weight: np.ndarray) -> None:
        self.direct, self.swapped, self.weight = direct, swapped, weight

    @classmethod
    def of(cls, parts: Sequence[Errors]) -> Errors:
        """All frames of several."""
        return cls(
            np.concatenate([p.direct for p in parts]),
            np.concatenate([p.swapped for p in parts]),
            np.concatenate([p.weight for p in parts]),
        )

    def cell(self) -> str:
        """'median / mean' over all joints, every frame counted as often as it stands for."""
        if not len(self.weight):
            return "-"
        mean = np.average(self.direct.mean(axis=1), weights=self.weight)
        return f"{self._median(self.direct):.1f} / {mean:.1f}"

    def swapped_median(self) -> float:
        """Median with left and right exchanged: as small as the other, bodies were mirrored."""
        return self._median(self.swapped)

    def _median(self, errors: np.ndarray) -> float:
        flat = errors.ravel()
        order = np.argsort(flat)
        total = np.cumsum(np.repeat(self.weight, errors.shape[1])[order])
        return float(flat[order][np.searchsorted(total, 0.5 * total[-1])])
