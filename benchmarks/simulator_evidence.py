"""What simulated recordings look like, in pictures and figures, beside what is known of real ones.

usage: python benchmarks/simulator_evidence.py [--out docs/simulator] [--only PART ...]

Parts: figures (frames.png: last 7500 events of ten movements, four cameras; figures.md), realism
(realism.md: error of a network that learnt from real recordings) and ablation (ablation.md: the
same with one thing of the world changed). The last two need the folders of --judge and --weights.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from simulator_ablation import ablation_lines
from simulator_judge import Judge
from simulator_realism import realism_lines
from simulator_speeds import feet_lines, hips_lines, spectrum_lines
from tqdm import tqdm

from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.movements.catalogue import MOVEMENTS, find_movement
from hybrid_pose_ros.simulator.noise import NoiseSource
from hybrid_pose_ros.simulator.performance import Performance, perform_mocap, perform_movement
from hybrid_pose_ros.simulator.recording import SimulatedRecording
from hybrid_pose_ros.simulator.scene import Optics, backdrop
from hybrid_pose_ros.simulator.sensor import DAVIS346
from hybrid_pose_ros.simulator.simulate import record

SUBJECT = 13
SHARED = Path("../shared")
WIDTH, HEIGHT = 346, 260
SHOWN = (1, 3, 5, 8, 9, 12, 16, 21, 22, 27)
REAL = "| a real frame | 11000 | 2850 | 0.10 | 18 or more |"  # event_world prototype
FRAME_EVENTS, REAL_EVENTS = 7500, 11000


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


def seen(performance: Performance, cameras: str) -> SimulatedRecording:
    """What cameras of DHP19's rig make of it."""
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), cameras.split(","))
    return record(performance, 0, list(rig.cameras.values()))


def frames_sheet(path: Path, seconds: float) -> list[str]:
    """Write the sheet; lines of the table of frame statistics."""
    rows, lines = [], []
    for movement in tqdm(SHOWN, "frames"):
        performance = perform_movement(SUBJECT, movement, 0, seconds)
        recording = seen(performance, "cam0,cam1,cam2,cam3")
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


def rate_lines(mocap: Path, seconds: float) -> list[str]:
    """Thousand events a second on cameras 2 and 3: all movements, standing, motion capture."""
    ours = [*MOVEMENTS, find_movement("stand"), find_movement("free")]
    performances = {m.name: perform_movement(SUBJECT, m.name, 0, seconds) for m in ours}
    for path in sorted(mocap.glob("*.amc")):
        performances[f"CMU {path.stem}"] = perform_mocap(SUBJECT, path, None, seconds)
    lines = []
    for name, performance in tqdm(performances.items(), "rates"):
        recording = seen(performance, "cam2,cam3")
        rates = [len(e) / seconds / 1e3 for e in recording.cameras.values()]
        lines.append(f"| {name} | {rates[0]:.1f} | {rates[1]:.1f} |")
    return lines


def noise_lines(seconds: float) -> list[str]:
    """Events that no light caused, of a pixel on the wall and on the floor of camera 2."""
    camera = load_rig(share_path("config", "dhp19_rig.yaml"), ["cam2"]).cameras["cam2"]
    rng = np.random.default_rng(0)
    light = backdrop(Optics.of(camera), (HEIGHT, WIDTH), rng)
    noise = NoiseSource(DAVIS346, light, rng).between(0, int(seconds * 1e9))
    rate = counts_of(noise, WIDTH, HEIGHT) / seconds
    lines = []
    for name, part in (
        ("brighter half", light >= np.median(light)),
        ("darker half", light < np.median(light)),
    ):
        on = noise["p"][part[noise["y"], noise["x"]]].mean()
        cells = f"{rate[part].mean():.3f} | {np.percentile(rate[part], 99):.2f} | {on:.2f}"
        lines.append(f"| {name} of the backdrop | {cells} |")
    return lines


def figures(out: Path, mocap: Path, seconds: float) -> list[str]:
    """Lines of figures.md; writes frames.png."""
    text = ["| frame, camera 2 | events | active pixels | isolated share | highest count |"]
    text += ["|---|---|---|---|---|", REAL, *frames_sheet(out / "frames.png", seconds), ""]
    text += ["| thousand events a second | camera 2 | camera 3 |", "|---|---|---|"]
    text += [*rate_lines(mocap, seconds), ""]
    text += ["| noise | events a second and pixel | 99 % of the pixels below | share of ON |"]
    text += ["|---|---|---|---|", *noise_lines(200.0), ""]
    if mocap.is_dir():
        text += [*spectrum_lines(mocap, 10.0), "", *hips_lines(mocap, 10.0), ""]
    text += [*feet_lines(60.0), ""]
    return text


def main() -> None:
    """Make the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = ("figures", "realism", "ablation")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--out", type=Path, default=Path("docs/simulator"))
    parser.add_argument("--mocap", type=Path, default=SHARED / "data/cmu_mocap_02")
    parser.add_argument("--judge", type=Path, default=SHARED / "tools/realism")
    parser.add_argument("--weights", type=Path, default=SHARED / "data/dhp19_cnn/DHP_CNN.model")
    parser.add_argument("--seconds", type=float, default=3.0)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for part in args.only:
        if part == "figures":
            text = figures(args.out, args.mocap, args.seconds)
        elif not args.weights.is_file():
            print(f"{part}: skipped, {args.weights} is not there", file=sys.stderr)
            continue
        else:
            judge = Judge(args.judge, args.weights)
            lines = ablation_lines(judge)
            if part == "realism":
                lines = realism_lines(judge, args.mocap)
            text = [*lines, ""]
        head = [f"# Simulator: {part}", "", "Made by `benchmarks/simulator_evidence.py`.", ""]
        (args.out / f"{part}.md").write_text("\n".join([*head, *text]).rstrip() + "\n")


if __name__ == "__main__":
    main()
