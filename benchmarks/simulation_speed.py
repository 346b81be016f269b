"""How fast cameras are simulated, with the camera's seconds counted one by one.

    python benchmarks/simulation_speed.py [SENSOR ...]
    python benchmarks/simulation_speed.py --device cuda --people 64 [SENSOR ...]

Without --device: one camera after the other on the CPU, CPU time on one core. With it: the batched
simulator, all people before two cameras at once, time on the clock; the first slices, in which GPU
kernels are compiled, do not count. "x real time" is seconds of one camera a second. Movements: 9
(walk), 22 (star jumps), 27 (wave), which make few and many events.
"""

from __future__ import annotations

import argparse
import time

import torch

from hybrid_pose_ros.simulator.batched.batch import Batch
from hybrid_pose_ros.simulator.batched.device import find_device
from hybrid_pose_ros.simulator.performance import perform_movement
from hybrid_pose_ros.simulator.presets import PRESETS, rig_for
from hybrid_pose_ros.simulator.simulate import record

CAMERAS = ["cam2", "cam3"]
MOVEMENTS = ("9", "22", "27")
WARM_SLICES = 3


def one_by_one(sensor: str, seconds: float) -> None:
    """Print a line for each movement."""
    rig, model = rig_for(sensor, None, CAMERAS)
    cameras = list(rig.cameras.values())
    record(perform_movement(13, "22", 1, 0.1), 1, cameras, model)  # compiles
    for movement in MOVEMENTS:
        performance = perform_movement(13, movement, 1, seconds)
        start = time.process_time()
        recording = record(performance, 1, cameras, model)
        spent = time.process_time() - start
        _line(sensor, movement, sum(map(len, recording.cameras.values())), seconds * 2, spent)


def together(sensor: str, device: torch.device, people: int, seconds: float, events: bool) -> None:
    """Print a line for all movements, done by so many people."""
    rig, model = rig_for(sensor, None, CAMERAS)
    takes = [(who, camera) for who in range(people) for camera in rig.cameras.values()]
    start = time.perf_counter()
    performances = [
        perform_movement(101 + who, MOVEMENTS[who % len(MOVEMENTS)], who, seconds)
        for who in range(people)
    ]
    batch = Batch(performances, list(range(people)), takes, model, str(device))
    slices = batch.slices(round(seconds * 100), events)
    set_up = time.perf_counter() - start
    found, bins = torch.zeros((), dtype=torch.int64, device=device), 0
    for number, piece in enumerate(slices):
        found += piece.counts.sum(dtype=torch.int64)
        bins += len(piece.counts)
        if number + 1 == WARM_SLICES:
            _finished(device)
            found.zero_()
            start, bins = time.perf_counter(), 0
    if number < WARM_SLICES or not bins:
        raise SystemExit(f"{seconds} s are over in {number + 1} slices; give more --seconds")
    _finished(device)
    spent = time.perf_counter() - start
    _line(sensor, "all", int(found), bins / 100 * len(takes), spent)
    if device.type == "cuda":
        most = torch.cuda.max_memory_allocated(device) / 2**30
        print(f"    {len(takes)} cameras, {most:.1f} GiB, set up in {set_up:.1f} s")


def _finished(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _line(sensor: str, movement: str, events: int, camera_s: float, spent: float) -> None:
    rate = events / camera_s / 1000
    speed = camera_s / spent
    print(f"{sensor:12}{movement:>10}{speed:14.2f}{rate:28.0f}", flush=True)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("sensors", nargs="*", metavar="SENSOR", help=", ".join(PRESETS))
    parser.add_argument("--device", help="batched simulator on this device: cpu, cuda, auto")
    parser.add_argument("--people", type=int, default=64, help="of a batch (64)")
    parser.add_argument("--seconds", type=float, default=3.0, help="simulated (3)")
    parser.add_argument("--events", action="store_true", help="of a batch: list single events too")
    args = parser.parse_args()
    print(f"{'sensor':12}{'movement':>10}{'x real time':>14}{'k events / s and camera':>28}")
    for sensor in args.sensors or PRESETS:
        if args.device:
            together(sensor, find_device(args.device), args.people, args.seconds, args.events)
        else:
            one_by_one(sensor, args.seconds)


if __name__ == "__main__":
    main()
