"""`hybrid_pose events info`: what is in a recording."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hybrid_pose_ros.cli.events_input import add_input, add_partial, progress_bar

if TYPE_CHECKING:
    import argparse

EXAMPLE = """example:
  hybrid_pose events info recordings/walk --json
  hybrid_pose events info mov1.aedat --topic /cam2/events
"""
_BARS = "▁▂▃▄▅▆▇█"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hybrid_pose events info`."""
    add_input(parser, EXAMPLE)
    add_partial(parser)
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")


def run(args: argparse.Namespace) -> int:
    """Read the whole file, then print."""
    from hybrid_pose_ros.data.event_file import open_events
    from hybrid_pose_ros.data.statistics import summarise, total

    with open_events(args.file) as source, progress_bar("reading") as progress:
        cameras = summarise(source, args.topic, args.partial, progress)
        kind = source.kind
    if args.json:
        told = {"recording": str(args.file), "format": kind, **total(cameras), "cameras": cameras}
        print(json.dumps(told, indent=2))
        return 0
    print(f"{args.file}: {kind}")
    for name, numbers in cameras.items():
        print(_text(name, numbers, "packets" if kind.startswith("rosbag") else "parts"))
    return 0


def _text(name: str, n: dict[str, Any], parts: str) -> str:
    lines = [
        name,
        f"  sensor    {n['width']} x {n['height']}, {n['encoding']}, {n['packets']} {parts}, "
        f"{n['bytes'] / 1e6:.2f} MB",
        f"  events    {n['events']:,} ({n['on']:,} ON, {n['off']:,} OFF), "
        f"{n['triggers']} triggers, {n['rate'] / 1e6:.3f} Mev/s",
    ]
    if n["events"]:
        seconds = (n["last_t_ns"] - n["first_t_ns"]) / 1e9
        rates = n["rates"]["per_second"]
        lines += [
            f"  time      {n['first_t_ns'] / 1e9:.6f} to {n['last_t_ns'] / 1e9:.6f} s of the "
            f"sensor's clock ({seconds:.3f} s), longest pause {n['longest_pause_ns'] / 1e6:.3f} ms",
            f"  rates     {_sparkline(rates)}",
            f"            {min(rates) / 1e6:.3f} to {max(rates) / 1e6:.3f} Mev/s in parts of "
            f"{n['rates']['bin_ns'] / 1e9:g} s",
        ]
    lines.append(f"  sums      t {n['sum_t_ns']} ns, x {n['sum_x']}, y {n['sum_y']} (modulo 2^64)")
    faults = dict(n["faults"])
    if n["gaps"]:
        faults["gaps"] = n["gaps"]
        faults["lost packets"] = n["lost_packets"]
    if n["restarts"]:
        faults["restarts"] = n["restarts"]
    told = ", ".join(f"{kind} {count}" for kind, count in faults.items()) or "none"
    return "\n".join([*lines, f"  faults    {told}"])


def _sparkline(values: list[float]) -> str:
    """One character per value, from nothing at 0 to the full block at the largest."""
    highest = max(values)
    if highest <= 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[round(value / highest * (len(_BARS) - 1))] for value in values)
