"""What simulated recordings look like, in pictures and figures, beside what is known of real ones.

usage: python benchmarks/simulator_evidence.py --out docs/simulator [--mocap FOLDER]

Writes frames.png (last 7500 events of ten movements, four cameras) and figures.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.movements.catalogue import MOVEMENTS, find_movement
from hybrid_pose_ros.simulator.performance import Performance, perform_mocap, perform_movement
from hybrid_pose_ros.simulator.recording import SimulatedRecording
from hybrid_pose_ros.simulator.simulate import simulate
from hybrid_pose_ros.skeleton import INDEX

SUBJECT = 13
WIDTH, HEIGHT = 346, 260
SHOWN = (1, 3, 5, 8, 9, 12, 16, 21, 22, 27)
REAL = "| a real frame | 11000 | 2850 | 0.10 | 18 or more |"  # event_world prototype
FRAME_EVENTS, REAL_EVENTS = 7500, 11000
# Movements of ours and the clips of the CMU database (subject 02) of the same kind.
KINDS = ((9, "02_01"), (9, "02_02"), (21, "02_03"), (10, "02_04"), (16, "02_05"))
BANDS_HZ = (0.3, 1.0, 2.0, 4.0, 8.0)


def counts_of(events: np.ndarray, width: int, height: int) -> np.ndarray:
    """Events per pixel, (height, width)."""
    flat = events["y"].astype(np.int64) * width + events["x"]
    return np.bincount(flat, minlength=width * height).reshape(height, width)


def windows(events: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Stretches of `count` events that last at most 0.6 s."""
    for end in range(count, len(events) + 1, count):
        part = events[end - count : end]
        if part["t"][-1] - part["t"][0] <= 600_000_000:
            yield part


def texture_of(counts: np.ndarray) -> tuple[float, float, float]:
    """Active pixels, share of them without an active neighbour, highest count."""
    active = np.pad(counts > 0, 1)
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    near = np.zeros_like(active)
    for shift in shifts:
        near |= np.roll(active, shift, (0, 1))
    total = active.sum()
    return float(total), float((active & ~near).sum() / total), float(counts.max())


def tile(events: np.ndarray, width: int, height: int) -> np.ndarray:
    """The busiest window as a picture clipped at three standard deviations, as DHP19 makes them."""
    parts = list(windows(events, FRAME_EVENTS))
    if not parts:
        return np.zeros((height, width), np.uint8)
    counts = counts_of(parts[len(parts) // 2], width, height)
    top = 3.0 * max(counts[counts > 0].std(), 1e-3)
    return np.asarray(255.0 * np.minimum(counts / top, 1.0), np.uint8)


def record(movement: int | str, cameras: str, seconds: float) -> SimulatedRecording:
    """One movement of the default subject."""
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), cameras.split(","))
    return simulate(SUBJECT, movement, 0, seconds, list(rig.cameras.values()))


def frames_sheet(path: Path, seconds: float) -> list[str]:
    """Write the sheet; lines of the table of frame statistics."""
    rows, lines = [], []
    for movement in SHOWN:
        recording = record(movement, "cam0,cam1,cam2,cam3", seconds)
        tiles = [tile(e, WIDTH, HEIGHT) for e in recording.cameras.values()]
        rows.append(np.concatenate([t[:, 40:306] for t in tiles], axis=1))
        parts = list(windows(recording.cameras["cam2"], REAL_EVENTS))
        if parts:
            stats = np.median([texture_of(counts_of(p, WIDTH, HEIGHT)) for p in parts], axis=0)
            name = MOVEMENTS[movement - 1].name
            lines.append(
                f"| {name} | {REAL_EVENTS} | {stats[0]:.0f} | {stats[1]:.2f} | {stats[2]:.0f} |"
            )
    Image.fromarray(np.concatenate(rows)).quantize(16).save(path, optimize=True)
    return lines


def rate_lines(seconds: float) -> list[str]:
    """Thousand events a second of every movement, cameras 2 and 3, and of somebody who stands."""
    lines = []
    for movement in [*MOVEMENTS, find_movement("stand")]:
        recording = record(movement.number or movement.name, "cam2,cam3", seconds)
        rates = [len(e) / seconds / 1e3 for e in recording.cameras.values()]
        lines.append(f"| {movement.name} | {rates[0]:.1f} | {rates[1]:.1f} |")
    return lines


def speed_of(performance: Performance, seconds: float) -> np.ndarray:
    """Speeds (n, 13) in m/s of the labelled points, every 10 ms."""
    xyz = markers_of(performance.bones(np.arange(0.0, seconds, 0.01)))
    return np.asarray(np.linalg.norm(np.gradient(xyz, 0.01, axis=0), axis=-1))


def spectrum_line(name: str, speed: np.ndarray) -> str:
    """Median and 95 % speeds of hands and feet, and how their speed's power spreads over bands."""
    cells = []
    for pair in (("hand_right", "hand_left"), ("foot_right", "foot_left")):
        part = speed[:, [INDEX[p] for p in pair]]
        power = np.abs(np.fft.rfft(part - part.mean(axis=0), axis=0)) ** 2
        hertz = np.fft.rfftfreq(len(part), 0.01)
        edges = np.searchsorted(hertz, (*BANDS_HZ, 50.0))
        bands = [power[a:b].sum() for a, b in pairwise(edges)]
        shares = " ".join(f"{100 * b / max(sum(bands), 1e-12):.0f}" for b in bands)
        cells.append(f"{np.median(part):.2f} | {np.percentile(part, 95):.2f} | {shares}")
    return f"| {name} | {' | '.join(cells)} |"


def spectrum_lines(mocap: Path, seconds: float) -> list[str]:
    """Our movements and the clips of the same kind, one after the other."""
    lines = []
    for number, clip in KINDS:
        played = perform_mocap(SUBJECT, mocap / f"{clip}.amc")
        lines.append(spectrum_line(f"CMU {clip}", speed_of(played, played.seconds)))
        ours = perform_movement(SUBJECT, number, 0, seconds)
        lines.append(spectrum_line(MOVEMENTS[number - 1].name, speed_of(ours, seconds)))
    return lines


def main() -> None:
    """Make everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/simulator"))
    parser.add_argument("--mocap", type=Path, default=Path("../shared/data/cmu_mocap_02"))
    parser.add_argument("--seconds", type=float, default=3.0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    text = ["# Figures of the simulator", "", "Made by `benchmarks/simulator_evidence.py`.", ""]
    text += ["| frame, camera 2 | events | active pixels | isolated share | highest count |"]
    text += [
        "|---|---|---|---|---|",
        REAL,
        *frames_sheet(args.out / "frames.png", args.seconds),
        "",
    ]
    text += ["| thousand events a second | camera 2 | camera 3 |", "|---|---|---|"]
    text += [*rate_lines(args.seconds), ""]
    if args.mocap.is_dir():
        bands = ", ".join(f"{b:g}" for b in BANDS_HZ)
        text += [f"Speeds in m/s; % of the speed's power from {bands} Hz on.", ""]
        text += ["| motion | hands median | 95 % | bands | feet median | 95 % | bands |"]
        text += ["|---|---|---|---|---|---|---|", *spectrum_lines(args.mocap, 10.0), ""]
    (args.out / "figures.md").write_text("\n".join(text))


if __name__ == "__main__":
    main()
