"""How much faster the event-driven engine is than the same network in PyTorch, in one run.

usage: python benchmarks/spiking_step.py [--weights FILE] [--recording BAG]

Feeds both engines the bins of one camera view of the recording, alternating, and prints the
median time of a step, the ratio, and how far apart the heatmaps and the spikes are.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import numpy as np
import torch

from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.events.representation import count_histogram
from hybrid_pose_ros.models.checkpoint import load_checkpoint
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.camera_input import CameraInput
from hybrid_pose_ros.runtime.engine import make_engine

BIN_NS = 10_000_000


def bins_of(recording: Path, camera_name: str, count: int, size: int) -> list[np.ndarray]:
    """The first `count` bins of a camera, (2, size, size) each."""
    camera = load_rig(share_path("config", "dhp19_rig.yaml"), [camera_name]).cameras[camera_name]
    inputs, parts = CameraInput(camera), []
    with open_recording(recording) as bag:
        for packet in bag.packets([f"/{camera_name}/events"]):
            decoded = inputs.decode(packet)
            parts.append(decoded.events)
            if decoded.t_end_ns > (count + 1) * BIN_NS:
                break
    events = np.concatenate(parts)
    edges = np.searchsorted(events["t"], np.arange(count + 1) * BIN_NS)
    return [
        count_histogram(events[a:b], camera.crop, size, 1, k * BIN_NS, (k + 1) * BIN_NS)
        for k, (a, b) in enumerate(itertools.pairwise(edges))
    ]


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--recording", type=Path, default=None)
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_checkpoint(args.weights or share_path("weights", "lite_hybrid.safetensors"))
    recording = args.recording or share_path("recordings", "demo")
    bins = bins_of(recording, "cam2", args.steps, model.config.input_size)
    streams = {
        kind: make_engine(model, "cpu", kind).new_stream() for kind in ("torch", "event_driven")
    }
    times: dict[str, list[float]] = {kind: [] for kind in streams}
    difference, fired = 0.0, []
    for counts in bins:
        results = {}
        for kind, stream in streams.items():
            start = time.perf_counter()
            results[kind] = stream.step(counts)
            times[kind].append(1e3 * (time.perf_counter() - start))
        gap = np.abs(results["torch"].logits - results["event_driven"].logits).max()
        difference = max(difference, float(gap))
        fired.append((results["torch"].spikes, results["event_driven"].spikes))
    torch_ms, ours_ms = (float(np.median(times[kind][10:])) for kind in streams)
    spikes = np.array(fired)
    print(f"steps {len(bins)}, one thread")
    print(f"torch        {torch_ms:6.2f} ms")
    print(f"event_driven {ours_ms:6.2f} ms   ratio {ours_ms / torch_ms:.3f}")
    print(f"largest difference of a logit {difference:.2e}; spikes {spikes.sum(0).tolist()}")


if __name__ == "__main__":
    main()
