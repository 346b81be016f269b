"""A spiking step on a GPU: all cameras in one captured graph against a plain loop, in one run.

usage: python benchmarks/gpu_step.py [--presets paper lite] [--cameras 1 2 4] [--json FILE]

`graph` is the step alone, its input already on the GPU; `engine` adds the counts' way there and the
heatmaps' way back; `plain` steps the network camera by camera in float32. p50 and p99 in ms.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.runtime.cuda_engine import CudaEngine
from hybrid_pose_ros.runtime.spiking_plan import plan_of

WARM_UP = 20
LIVELY = 8.0  # factor of the weights, so that neurons fire


def percentiles(run: Callable[[], object], steps: int) -> dict[str, float]:
    """p50 and p99 of the time from the call until the GPU has finished, ms."""
    times = []
    for _ in range(WARM_UP + steps):
        torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        times.append(1e3 * (time.perf_counter() - start))
    p50, p99 = np.percentile(times[WARM_UP:], [50, 99])
    return {"p50": float(p50), "p99": float(p99)}


@torch.inference_mode()
def measure(preset: str, cameras: int, steps: int) -> dict[str, Any]:
    """The three ways for so many cameras, and the share of neurons that fired."""
    torch.manual_seed(0)
    network = build(f"{preset}/hybrid_cnn_snn").eval()
    plan, side = plan_of(network), network.config.input_size
    assert plan is not None
    for layer in plan.layers:
        layer.conv.weight.data *= LIVELY
    engine = CudaEngine(network, "cuda", cameras)
    streams = [engine.new_stream() for _ in range(cameras)]
    counts = np.random.default_rng(0).poisson(0.05, (cameras, 2, side, side)).astype(np.float32)
    results = engine.step(streams, counts)
    report: dict[str, Any] = {"preset": preset, "cameras": cameras}
    report["graph"] = percentiles(engine.advance, steps)
    report["engine"] = percentiles(lambda: engine.step(streams, counts), steps)
    fired = sum(result.spikes for result in results) / (cameras * engine.neurons)
    report["fired"] = fired
    network.cuda().check_counts = False
    inputs = torch.from_numpy(counts).cuda()
    network.reset(1)

    def plain() -> None:
        for i in range(cameras):
            network.step(inputs[i : i + 1])

    report["plain"] = percentiles(plain, max(10, steps // 10))
    report["speed_up"] = report["plain"]["p50"] / report["graph"]["p50"]
    return report


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--presets", nargs="+", default=["paper", "lite"])
    parser.add_argument("--cameras", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--json", type=Path, default=None, help="write the figures here too")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("error: no CUDA device here; nothing was measured")
    reports = []
    print(torch.cuda.get_device_name())
    for preset in args.presets:
        for cameras in args.cameras:
            report = measure(preset, cameras, args.steps)
            reports.append(report)
            ways = "  ".join(
                f"{way} {report[way]['p50']:.3f} / {report[way]['p99']:.3f}"
                for way in ("graph", "engine", "plain")
            )
            print(f"{preset} x {cameras}: {ways} ms   {report['speed_up']:.1f} x plain")
    if args.json:
        args.json.write_text(json.dumps(reports, indent=2) + "\n")


if __name__ == "__main__":
    main()
