"""How much faster the event-driven engine steps than the same network in plain PyTorch, in one run.

usage: python benchmarks/spiking_step.py [--presets paper lite] [--rates 1 2 3 5 10] [--json FILE]

Random networks whose biases are tuned until every layer fires at the wanted rate, fed with counts
of moving blobs. PyTorch's cost does not depend on the rate. Ratios are to PyTorch on as many
threads as serve it best. Other work disturbs PyTorch's threads most: leave the machine alone, or
look at the processor time of one thread, which other work hardly changes.
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

from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.runtime.engine import Stream, make_engine
from hybrid_pose_ros.runtime.event_driven import EventDrivenEngine

TUNING_STEPS = 100
TUNING_GAIN = 0.3
ACTIVE_BINS = 10
SETTINGS = {"lite": {"motion": True, "delays": (0, 1, 2, 4, 8)}}  # as the weights that are shipped
LIVELY = 6.0  # factor of the weights: inputs, not biases, decide who fires
WARM_UP = 15  # steps until the deepest layers fire as they will


def moving_blobs(side: int, seed: int = 0) -> np.ndarray:
    """Event counts (bins, 2, side, side) of three blobs over a faint background."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[:side, :side] / side
    start, speed = rng.uniform(0.25, 0.75, (3, 2)), rng.uniform(-0.015, 0.015, (3, 2))
    counts = []
    for i in range(ACTIVE_BINS):
        rate = np.full((2, side, side), 0.004)
        for (y, x), (dy, dx) in zip(start, speed, strict=True):
            far = (v - y - dy * i) ** 2 + (u - x - dx * i) ** 2
            rate += 0.4 * np.exp(-far / (2 * 0.06**2))
        counts.append(rng.poisson(rate))
    return np.array(counts, np.float32)


def tune(network: PoseNetwork, rate: float, counts: np.ndarray) -> list[float]:
    """Change the batch norms' biases until every layer fires at `rate`; the rates reached."""
    engine = EventDrivenEngine(network, 2)
    stream, sizes = engine.new_stream(), [np.prod(layer.shape) for layer in engine.plan.layers]
    norms = [layer.norm for layer in engine.plan.layers]
    for step in range(TUNING_STEPS):
        fired = stream.step(counts[step % len(counts)]).layer_spikes
        weight = TUNING_GAIN * 0.97 ** (step / 4)
        for bias, norm, spikes, size in zip(engine.biases, norms, fired, sizes, strict=True):
            change = weight * np.log(rate / max(spikes / size, 1e-4))
            bias[: len(norm.bias)] += np.float32(change)
            norm.bias.data += float(change)
    return [spikes / size for spikes, size in zip(fired, sizes, strict=True)]


Times = list[tuple[float, float]]


def milliseconds(stream: Stream, counts: np.ndarray, steps: int, warm_up: int = WARM_UP) -> Times:
    """Elapsed and processor time of each step, those of the warm-up left out."""
    times = []
    for step in range(warm_up + steps):
        start, processor = time.perf_counter(), time.process_time()
        stream.step(counts[step % len(counts)])
        elapsed = time.perf_counter() - start, time.process_time() - processor
        times.append((1e3 * elapsed[0], 1e3 * elapsed[1]))
    return times[warm_up:]


def compare(network: PoseNetwork, counts: np.ndarray, steps: int) -> dict[str, Any]:
    """Largest difference of a heatmap, and spikes that differ, over some steps."""
    streams = [make_engine(network, "cpu", kind).new_stream() for kind in ("torch", "event_driven")]
    difference, flips = 0.0, 0
    for step in range(steps):
        reference, ours = (stream.step(counts[step % len(counts)]) for stream in streams)
        difference = max(difference, float(np.abs(reference.heatmaps - ours.heatmaps).max()))
        pairs = zip(reference.layer_spikes, ours.layer_spikes, strict=True)
        flips += sum(abs(a - b) for a, b in pairs)
    return {"largest_difference": difference, "spikes_apart": flips}


def with_threads(threads: int, run: Callable[[], Times]) -> Times:
    """Run with so many PyTorch threads."""
    torch.set_num_threads(threads)
    return run()


def measure(preset: str, rates: list[float], steps: int, rounds: int) -> dict[str, Any]:
    """All figures of one preset; PyTorch and the engine take turns."""
    torch.manual_seed(0)
    network = build(f"{preset}/hybrid_cnn_snn", SETTINGS.get(preset)).eval()
    for layer in EventDrivenEngine(network).plan.layers:
        layer.conv.weight.data *= LIVELY
    counts = moving_blobs(network.config.input_size)
    report: dict[str, Any] = {"preset": preset, "rates": {}}
    plain: dict[int, Times] = {1: [], 2: []}
    slow = max(3, steps // 10)
    for rate in rates:
        reached = tune(network, rate, counts)
        ours: dict[int, Times] = {1: [], 2: []}
        engines = {threads: EventDrivenEngine(network, threads) for threads in ours}
        for _ in range(rounds):
            for threads, engine in engines.items():
                ours[threads] += milliseconds(engine.new_stream(), counts, steps)
            if rate == rates[0]:  # PyTorch's time does not depend on the rate
                stream = make_engine(network, "cpu", "torch").new_stream()
                for threads, times in plain.items():
                    times += with_threads(
                        threads, lambda stream=stream: milliseconds(stream, counts, slow, 1)
                    )
        report["rates"][f"{100 * rate:g} %"] = {
            "reached": [round(each, 4) for each in reached],
            "threads": {str(threads): figures(times) for threads, times in ours.items()},
        }
    report["plain"] = {str(threads): figures(times) for threads, times in plain.items()}
    torch.set_num_threads(2)
    return report | compare(network, counts, 3)


def figures(times: Times) -> dict[str, float]:
    """Of many steps: median and least time, and median processor time."""
    ms, cpu_ms = np.median(times, 0).tolist()
    return {"ms": ms, "ms_min": min(times)[0], "cpu_ms": cpu_ms}


def line(name: str, row: dict[str, float]) -> str:
    """A row of the table, without ratios."""
    return f"  {name:<24}{row['ms']:8.2f} ({row['ms_min']:.2f}), processor {row['cpu_ms']:.2f}"


def show(report: dict[str, Any]) -> None:
    """Print one preset's table."""
    plain = report["plain"]
    best = {key: min(row[key] for row in plain.values()) for key in plain["1"]}
    print(f"\n{report['preset']}: median (least) ms per step")
    for threads, row in plain.items():
        print(line(f"PyTorch, {threads} threads", row))
    for rate, rows in report["rates"].items():
        for threads, row in rows["threads"].items():
            ratios = [row[key] / best[key] for key in ("ms", "ms_min", "cpu_ms")]
            told = "ratio {:.3f} ({:.3f}), processor {:.3f}".format(*ratios)
            print(line(f"{rate} spikes, {threads} threads", row), told)
    print(
        f"  largest difference of a heatmap {report['largest_difference']:.1e}, "
        f"spikes apart {report['spikes_apart']}"
    )


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--presets", nargs="+", default=["paper", "lite"])
    parser.add_argument("--rates", nargs="+", type=float, default=[3, 1, 2, 5, 10], help="percent")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, default=None, help="write the figures here too")
    args = parser.parse_args()
    reports = []
    for preset in args.presets:
        rates = [rate / 100 for rate in args.rates]
        reports.append(measure(preset, rates, args.steps, args.rounds))
        show(reports[-1])
    if args.json:
        args.json.write_text(json.dumps(reports, indent=2) + "\n")


if __name__ == "__main__":
    main()
