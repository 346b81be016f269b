"""How long a keyframe takes: the plain network and every keyframe engine, in one run.

usage: python benchmarks/keyframe.py [--presets paper lite] [--threads 1 2] [--json FILE]

The engines take turns on the same input; memory is what building an engine added to the process.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.native.library import library
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.keyframe_engine import make_keyframe_engine

Run = Callable[[np.ndarray], tuple[np.ndarray, list[np.ndarray]]]


def window(side: int, seed: int = 0) -> np.ndarray:
    """Counts (20, side, side) of as many events as a keyframe sees, anywhere."""
    size = 20 * side**2
    cells = np.random.default_rng(seed).integers(0, size, EstimatorConfig().window_events)
    return np.bincount(cells, minlength=size).reshape(20, side, side).astype(np.float32)


def plain_run(network: PoseNetwork) -> Run:
    """The network's own keyframe in PyTorch's default layout, nothing folded."""
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]

    @torch.inference_mode()
    def run(x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        heatmaps = network.keyframe(torch.from_numpy(x)[None])[0].numpy()
        return heatmaps, [state[0].numpy() for state in network.states]

    return run


def measure(preset: str, threads: int, rounds: int) -> dict[str, Any]:
    """Times, differences from the plain network, start-up and memory of every engine."""
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    network = build(f"{preset}/hybrid_cnn_snn").eval()
    side = network.config.input_size
    x = window(side)
    kinds = ["torch"] + (["openvino"] if importlib.util.find_spec("openvino") else [])
    kinds += ["winograd"] if preset == "paper" and library() else []
    runs: dict[str, Run] = {}
    figures: dict[str, dict[str, float]] = {}
    for kind in kinds:
        before, start = psutil.Process().memory_info().rss, time.perf_counter()
        runs[kind] = make_keyframe_engine(network, "cpu", kind, threads).run
        runs[kind](x)
        added = (psutil.Process().memory_info().rss - before) / 2**20
        figures[kind] = {"start_s": time.perf_counter() - start, "added_mib": added}
    runs["plain"] = plain_run(network)
    figures["plain"] = {}
    answers = {kind: run(x) for kind, run in runs.items()}
    times: dict[str, list[tuple[float, float]]] = {kind: [] for kind in runs}
    for _ in range(rounds):
        for kind, run in runs.items():
            start, processor = time.perf_counter(), time.process_time()
            run(x)
            elapsed = time.perf_counter() - start, time.process_time() - processor
            times[kind].append((1e3 * elapsed[0], 1e3 * elapsed[1]))
    for kind, figure in figures.items():
        figure["ms"], figure["cpu_ms"] = np.median(times[kind], 0).tolist()
        figure["ms_min"], figure["cpu_ms_min"] = np.min(times[kind], 0).tolist()
        pairs = zip(
            [answers[kind][0], *answers[kind][1]],
            [answers["plain"][0], *answers["plain"][1]],
            strict=True,
        )
        figure["largest_difference"] = max(float(np.abs(a - b).max()) for a, b in pairs)
    return {"preset": preset, "threads": threads, "engines": figures}


def show(report: dict[str, Any]) -> None:
    """Print one table."""
    print(f"\n{report['preset']}, {report['threads']} thread(s): ms per keyframe")
    plain = report["engines"]["plain"]
    for kind, f in report["engines"].items():
        line = (
            f"  {kind:<9} median {f['ms']:8.1f}  least {f['ms_min']:8.1f}  cpu {f['cpu_ms']:8.1f}"
        )
        line += f" (least {f['cpu_ms_min']:.1f})  ratio {f['ms'] / plain['ms']:.3f}"
        line += f" (cpu {f['cpu_ms'] / plain['cpu_ms']:.3f})"
        line += f"  difference {f['largest_difference']:.1e}"
        if "start_s" in f:
            line += f"  start {f['start_s']:.1f} s, + {f['added_mib']:.0f} MiB"
        print(line)


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--presets", nargs="+", default=["paper", "lite"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path, default=None, help="write the figures here too")
    args = parser.parse_args()
    reports = []
    for preset in args.presets:
        for threads in args.threads:
            reports.append(measure(preset, threads, args.rounds))
            show(reports[-1])
    if args.json:
        args.json.write_text(json.dumps(reports, indent=2) + "\n")


if __name__ == "__main__":
    main()
