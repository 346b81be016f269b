"""The figures of a run of the graph on a recording with ground truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_pose_ros.eval.accuracy import Truth, distances_2d, distances_3d, mean_known
from hybrid_pose_ros.eval.energy import power_mw
from hybrid_pose_ros.eval.latency import Published, latencies_ms
from hybrid_pose_ros.eval.results import Results
from hybrid_pose_ros.eval.source import CameraSource
from hybrid_pose_ros.pose.rig import Rig
from hybrid_pose_ros.unfinished import write_text


@dataclass(frozen=True)
class Run:
    """Everything that is known of one run.

    Attributes:
        sources: the recording's events, by camera.
        truth: in the recording's ROS time.
        published: when the packets went out.
        results: what the recorder wrote.
        macs_per_keyframe: multiply-accumulates of the CNN.
        memory_mb: of the graph's processes together, at its peak.
        bin_ns: length of a bin.
    """

    rig: Rig
    sources: dict[str, CameraSource]
    truth: Truth
    published: Published
    results: Results
    macs_per_keyframe: int
    memory_mb: float
    bin_ns: int = 10_000_000

    def errors_2d(self, camera: str) -> np.ndarray:
        """(updates, 13) pixels of the 256 x 256 crop, NaN where unknown."""
        updates = self.results.updates[camera]
        truth = self.truth.at(updates.sensor_ns + self.sources[camera].offset_ns)
        return distances_2d(updates.uv, truth, self.rig.cameras[camera])

    def errors_3d(self) -> np.ndarray:
        """(skeletons, 13) millimetres, NaN where unknown."""
        skeletons = self.results.skeletons
        truth = self.truth.at(self.published.to_recorded(skeletons.stamp_ns))
        return distances_3d(skeletons.xyz, truth)


def build_report(run: Run) -> dict[str, Any]:
    """The keys of report.json; null where there is nothing to judge."""
    bins = {name: source.bins(run.bin_ns) for name, source in run.sources.items()}
    seconds = max(stop - start for start, stop in bins.values()) * run.bin_ns * 1e-9
    updates = run.results.updates
    latency = latencies_ms(run.results, run.sources, run.published, run.bin_ns)
    spikes = np.concatenate([u.spike_rate for u in updates.values()])
    operations = sum(int(u.synaptic_operations.sum()) for u in updates.values())
    keyframes = sum(u.keyframes for u in updates.values())
    skeletons = run.results.skeletons
    return {
        "skeletons_published": len(skeletons),
        "skeletons_expected": _expected(run, bins),
        "rate_hz": _rounded(_rate_hz(skeletons.stamp_ns), 2),
        "error_2d_px": {n: _rounded(mean_known(run.errors_2d(n)), 3) for n in updates},
        "error_3d_mm": _rounded(mean_known(run.errors_3d()), 2),
        "latency_ms": {
            f"p{q}": _rounded(float(np.percentile(latency, q)), 2) if len(latency) else None
            for q in (50, 99)
        },
        "bins_lost": sum(_lost(bins[n], updates[n].sensor_ns, run.bin_ns) for n in updates),
        "spike_rate": _rounded(mean_known(spikes), 5),
        "energy_mw": _rounded(power_mw(operations, keyframes, run.macs_per_keyframe, seconds), 3),
        "memory_mb": round(run.memory_mb, 1),
    }


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write report.json; it appears only when it is complete."""
    write_text(path, json.dumps(report, indent=2) + "\n")


def format_report(report: Mapping[str, Any]) -> str:
    """The report as a table for people."""
    rows: list[tuple[str, str]] = []
    for key, value in report.items():
        if isinstance(value, Mapping):
            rows += [(f"{key} {name}", _text(part)) for name, part in value.items()]
        else:
            rows.append((key, _text(value)))
    width = max(len(key) for key, _ in rows)
    return "\n".join(f"  {key:<{width}}  {value:>10}" for key, value in rows)


def _expected(run: Run, bins: Mapping[str, tuple[int, int]]) -> int:
    """Bins between the first and the last of any camera, on the common clock."""
    offsets = {name: source.offset_ns for name, source in run.sources.items()}
    start = min(offsets[name] + first * run.bin_ns for name, (first, _) in bins.items())
    stop = max(offsets[name] + last * run.bin_ns for name, (_, last) in bins.items())
    return round((stop - start) / run.bin_ns)


def _lost(bins: tuple[int, int], sensor_ns: np.ndarray, bin_ns: int) -> int:
    """Bins of the recording without an update."""
    done = np.unique(sensor_ns // bin_ns - 1)
    return bins[1] - bins[0] - int(((done >= bins[0]) & (done < bins[1])).sum())


def _rate_hz(stamp_ns: np.ndarray) -> float | None:
    if len(stamp_ns) < 2 or stamp_ns[-1] <= stamp_ns[0]:
        return None
    return (len(stamp_ns) - 1) / ((stamp_ns[-1] - stamp_ns[0]) * 1e-9)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _text(value: Any) -> str:
    return "-" if value is None else f"{value}"
