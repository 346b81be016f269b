"""How hands, feet and hips move in our movements, beside motion capture of the same kind."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np

from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.movements.catalogue import MOVEMENTS
from hybrid_pose_ros.simulator.performance import Performance, perform_mocap, perform_movement
from hybrid_pose_ros.skeleton import INDEX

SUBJECT = 13
# Movements of ours and the clips of the CMU database (subject 02) of the same kind.
KINDS = ((9, "02_01"), (9, "02_02"), (21, "02_03"), (10, "02_04"), (16, "02_05"))
BANDS_HZ = (0.3, 1.0, 2.0, 4.0, 8.0)


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


def hips_line(name: str, performance: Performance, seconds: float) -> str:
    """How far the hips rise and sink, and what they feel, every 10 ms."""
    height = performance.bones(np.arange(0.0, seconds, 0.01)).hips[:, 2]
    felt = np.percentile(np.gradient(np.gradient(height, 0.01), 0.01), [1, 99])
    way = 1e3 * np.ptp(np.percentile(height, [2, 98]))
    return f"| {name} | {way:.0f} | {felt[0]:.0f} to {felt[1]:.0f} |"


def hips_lines(mocap: Path, seconds: float) -> list[str]:
    """Hips of our movements and of the clips of the same kind."""
    lines = ["| motion | hips up and down, mm | acceleration m/s^2, 98 % |", "|---|---|---|"]
    for number, clip in KINDS[1:]:  # 02_01 is another walk
        played = perform_mocap(SUBJECT, mocap / f"{clip}.amc")
        lines.append(hips_line(f"CMU {clip}", played, played.seconds))
        ours = perform_movement(SUBJECT, number, 0, seconds)
        lines.append(hips_line(MOVEMENTS[number - 1].name, ours, seconds))
    return lines


def feet_lines(seconds: float) -> list[str]:
    """How still feet are that are down, in movements on the spot and in free motion."""
    lines = ["| feet | share of the time down | fastest while down, mm/s |", "|---|---|---|"]
    for name in ("left_knee_lift", "punch_straight_right", "circle_left", "jump_forward", "free"):
        bones = perform_movement(SUBJECT, name, 0, seconds).bones(np.arange(0.0, seconds, 0.01))
        down = bones.ankle[..., 2] - bones.lengths.ankle < 1e-6
        speed = np.linalg.norm(np.diff(bones.ankle, axis=0), axis=-1) / 0.01
        still = speed[down[1:] & down[:-1]]
        lines.append(f"| {name} | {down.mean():.2f} | {1e3 * still.max():.1f} |")
    return lines


def spectrum_lines(mocap: Path, seconds: float) -> list[str]:
    """Our movements and the clips of the same kind, one after the other."""
    bands = ", ".join(f"{b:g}" for b in BANDS_HZ)
    lines = [f"Speeds in m/s; % of the speed's power from {bands} Hz on.", ""]
    lines += ["| motion | hands median | 95 % | bands | feet median | 95 % | bands |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for number, clip in KINDS:
        played = perform_mocap(SUBJECT, mocap / f"{clip}.amc")
        lines.append(spectrum_line(f"CMU {clip}", speed_of(played, played.seconds)))
        ours = perform_movement(SUBJECT, number, 0, seconds)
        lines.append(spectrum_line(MOVEMENTS[number - 1].name, speed_of(ours, seconds)))
    return lines
