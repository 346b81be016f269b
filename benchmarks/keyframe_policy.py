"""What predicts how far a pose has drifted since its keyframe? Fits the weights of the policy.

    .venv/bin/python benchmarks/keyframe_policy.py --seconds 4 --recordings 10

Windows of simulated people who are neither in training nor in evaluations run on for 0.4 s after
their keyframe; the pose then is compared with what the CNN says at that time. Printed: the
correlation of the excess error with each signal, and least squares over pairs of them. The weights
of `moved` and `lost` are PolicyConfig.moved_weight and unsure_px.
"""

from __future__ import annotations

import argparse
from itertools import combinations

import numpy as np
import torch

from hybrid_pose_ros.cli.evaluate_data import add_data_arguments, open_scenes
from hybrid_pose_ros.eval.camera_events import CameraEvents
from hybrid_pose_ros.eval.contenders import load_networks
from hybrid_pose_ros.eval.scene import KEYFRAME_NS, TIMING, crop_pixels, grid_of
from hybrid_pose_ros.eval.sequences import SequenceEngine, Start
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.resources import share_path

HORIZON = 4  # keyframe intervals
AGES = range(1, HORIZON + 1)


def samples(network: PoseNetwork, args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Signals (n, 5) and excess errors (n,), crop pixels, of every window at every age."""
    engine, signals, excess = SequenceEngine(network), [], []
    for scene in open_scenes(args)[0]:
        grid = grid_of(scene, TIMING.bin_ns, HORIZON * KEYFRAME_NS, 1)
        for camera in scene.rig.cameras.values():
            view = CameraEvents(scene.events[camera.name], camera)
            poses, _ = engine.roll(view, grid, Start.live(network))
            uv = crop_pixels(poses.uv, camera)
            error = np.linalg.norm(uv - scene.crop_truth(camera, grid.times_ns), axis=-1).mean(-1)
            moved = np.linalg.norm(uv - uv[:, :1], axis=-1)
            lost = (poses.confidence[:, :1] - poses.confidence).mean(-1)
            unsure = 1 - poses.confidence.mean(-1)
            for age in AGES:
                step, events = age * grid.short_steps, events_since(view, grid.starts_ns, age)
                now = np.arange(len(uv) - age)  # the CNN's own pose then: a later window's first
                columns = (moved[now, step].mean(-1), lost[now, step], unsure[now, step])
                signals.append(np.column_stack([*columns, events[now], np.full(len(now), age)]))
                excess.append(error[now, step] - error[now + age, 0])
    x, y = np.concatenate(signals), np.concatenate(excess)
    known = np.isfinite(x).all(1) & np.isfinite(y)
    return x[known], y[known]


def events_since(view: CameraEvents, starts_ns: np.ndarray, age: int) -> np.ndarray:
    """Thousands of events since each keyframe."""
    first, end = np.searchsorted(view.events["t"], [starts_ns, starts_ns + age * KEYFRAME_NS])
    return (end - first) / 1000


NAMES = ("moved", "lost", "unsure", "events", "age")


def main() -> None:
    """Print correlations and fits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_arguments(parser)
    parser.set_defaults(sections="fitting", cameras="cam2,cam3", seconds=4.0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    given = [item for item in args.models.split(",") if item]
    for name, network in load_networks(given, share_path("weights"), "cpu").items():
        if not (network.has_keyframe and network.has_step):
            continue
        x, y = samples(network, args)
        print(f"{name}: {len(y)} poses, excess error {y.mean():.2f} px, deviation {y.std():.2f}")
        for i, signal in enumerate(NAMES):
            print(f"  {signal:<8} correlation {np.corrcoef(x[:, i], y)[0, 1]:.3f}")
        for chosen in [*combinations(range(len(NAMES)), 2), tuple(range(len(NAMES)))]:
            table = np.column_stack([x[:, chosen], np.ones(len(y))])
            weights = np.linalg.lstsq(table, y, rcond=None)[0]
            share = 1 - ((y - table @ weights) ** 2).mean() / y.var()
            fit = ", ".join(f"{NAMES[i]} {w:.3g}" for i, w in zip(chosen, weights, strict=False))
            print(f"  {share:.3f} explained by {fit}, and {weights[-1]:.3g}")


if __name__ == "__main__":
    main()
