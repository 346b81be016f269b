"""Error, jitter, delay and honesty of the fusion beside other filters, on poses of recordings.

    hybrid_pose infer recordings/demo --delay-bins 6 --out out/demo.npz
    python benchmarks/fusion_filters.py out/demo.npz recordings/demo [more pairs]

Jitter is the RMS change of the error from one skeleton to the next; delay is the shift in time at
which the truth fits best; the last column is the share of joints inside their 95 % ellipsoid.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import butter, lfilter, lfilter_zi, sosfiltfilt

from hybrid_pose_ros.data.truth import read_truth
from hybrid_pose_ros.eval.accuracy import Truth
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.pose.rig import Rig, load_rig
from hybrid_pose_ros.pose.triangulation import triangulate
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.fusion import Fusion
from hybrid_pose_ros.runtime.fusion_config import FusionConfig

RATE_HZ = 100.0
SKIP = 50  # the first half second is the filters' own


@dataclass
class Track:
    """Skeletons over time: t_ns (n,), xyz (n, 13, 3) m, covariance (n, 13, 3, 3) or None."""

    t_ns: np.ndarray
    xyz: np.ndarray
    covariance: np.ndarray | None = None


def poses_of(file: Path, cameras: list[str]) -> dict[str, list[tuple[int, Keypoints]]]:
    """What `hybrid_pose infer --out` wrote."""
    data = np.load(file)
    return {
        camera: [
            (int(t), Keypoints(uv, covariance, confidence))
            for t, uv, covariance, confidence in zip(
                *(data[f"{camera}_{k}"] for k in ("ros_time_ns", "uv", "covariance", "confidence")),
                strict=True,
            )
        ]
        for camera in cameras
    }


def fused(rig: Rig, poses: dict[str, list[tuple[int, Keypoints]]], config: FusionConfig) -> Track:
    """The live filter's skeletons."""
    fusion, out = Fusion(rig, config), []
    order = sorted((t, c, k) for c, found in poses.items() for k, (t, _) in enumerate(found))
    for t_ns, camera, k in order:
        out += fusion.add(camera, t_ns, poses[camera][k][1])
    return Track(
        np.array([s.t_ns for s in out]),
        np.array([s.xyz for s in out]),
        np.array([s.covariance for s in out]),
    )


def raw(rig: Rig, poses: dict[str, list[tuple[int, Keypoints]]], reference: Track) -> Track:
    """Triangulation of the poses nearest to the fusion's times, each moment on its own."""
    xyz, covariance = [], []
    times = {c: np.array([t for t, _ in found]) for c, found in poses.items()}
    for t_ns in reference.t_ns:
        near = [poses[c][int(np.abs(times[c] - t_ns).argmin())][1] for c in poses]
        result = triangulate(
            rig.projections(),
            *(np.stack([getattr(p, n) for p in near]) for n in ("uv", "covariance", "confidence")),
        )
        xyz.append(result.xyz)
        covariance.append(result.covariance)
    return Track(reference.t_ns, np.array(xyz), np.array(covariance))


def one_euro(xyz: np.ndarray, cutoff_hz: float = 1.0, beta: float = 5.0) -> np.ndarray:
    """The 1 euro filter (Casiez et al. 2012) on each coordinate; beta in s/m."""

    def alpha(cutoff: np.ndarray) -> np.ndarray:
        return 1.0 / (1.0 + RATE_HZ / (2 * np.pi * cutoff))

    out, speed = np.empty_like(xyz), np.zeros_like(xyz[0])
    out[0] = xyz[0]
    for k in range(1, len(xyz)):
        speed += alpha(np.ones_like(speed)) * ((xyz[k] - out[k - 1]) * RATE_HZ - speed)
        out[k] = out[k - 1] + alpha(cutoff_hz + beta * np.abs(speed)) * (xyz[k] - out[k - 1])
    return out


def butterworth(xyz: np.ndarray, cutoff_hz: float = 6.0) -> np.ndarray:
    """Causal second-order low-pass."""
    b, a = butter(2, cutoff_hz, fs=RATE_HZ)
    flat = xyz.reshape(len(xyz), -1)
    return lfilter(b, a, flat, axis=0, zi=np.outer(lfilter_zi(b, a), flat[0]))[0].reshape(xyz.shape)


def zero_phase(xyz: np.ndarray, cutoff_hz: float = 6.0) -> np.ndarray:
    """Fourth-order low-pass forwards and backwards: it sees the future."""
    return sosfiltfilt(butter(4, cutoff_hz, fs=RATE_HZ, output="sos"), xyz, axis=0)


def row(name: str, track: Track, truth: Truth) -> str:
    """One line of the table."""
    t_ns, xyz = track.t_ns[SKIP:], track.xyz[SKIP:]
    error = (xyz - truth.at(t_ns)) * 1e3
    jitter = np.sqrt(np.nanmean(np.sum(np.diff(error, axis=0) ** 2, axis=-1)))
    lags = np.arange(-20, 101, 2)
    fit = [np.nanmean((xyz - truth.at(t_ns - lag * 1_000_000)) ** 2) for lag in lags]
    inside = "-"
    if track.covariance is not None:
        p = track.covariance[SKIP:]
        known = np.isfinite(error).all(axis=-1) & np.isfinite(p).all(axis=(2, 3))
        e = error[known] * 1e-3
        distance = np.einsum("ni,nij,nj->n", e, np.linalg.inv(p[known]), e)
        inside = f"{100 * np.mean(distance < 7.815):.1f} %"
    size = np.nanmean(np.linalg.norm(error, axis=-1))
    return f"| {name} | {size:.1f} | {jitter:.1f} | {lags[int(np.argmin(fit))]} | {inside} |"


def report(file: Path, recording: Path, cameras: list[str]) -> None:
    """The table of one recording."""
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), cameras)
    poses, truth = poses_of(file, cameras), Truth(*read_truth(recording))
    ours = fused(rig, poses, FusionConfig())
    points = raw(rig, poses, ours)
    filled = interpolated(points.xyz)
    filters: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "One-Euro, 1 Hz, 5 s/m": one_euro,
        "Butterworth, 2nd order, 6 Hz": butterworth,
        "Butterworth, zero phase, 6 Hz (offline)": zero_phase,
    }
    print(f"\n{recording.name}, {len(ours.t_ns)} skeletons\n")
    print("| | error, mm | jitter, mm | delay, ms | in 95 % ellipsoid |\n|---|---|---|---|---|")
    print(row("triangulation alone", points, truth))
    for name, function in filters.items():
        print(row(name, Track(points.t_ns, function(filled)), truth))
    white = fused(rig, poses, FusionConfig(correlated_share=0.0))
    print(row("filter that takes errors for white", white, truth))
    print(row("**this package**", ours, truth))


def interpolated(xyz: np.ndarray) -> np.ndarray:
    """Gaps filled, for filters that know none."""
    out = xyz.reshape(len(xyz), -1).copy()
    for column in out.T:
        known = np.isfinite(column)
        if known.any():
            column[~known] = np.interp(np.flatnonzero(~known), np.flatnonzero(known), column[known])
    return out.reshape(xyz.shape)


def main() -> None:
    """Print a table per recording."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", nargs="+", type=Path, help="poses.npz recording ...")
    parser.add_argument("--cameras", default="cam2,cam3", help="names in the DHP19 rig")
    args = parser.parse_args()
    for file, recording in zip(args.pairs[::2], args.pairs[1::2], strict=True):
        report(file, recording, args.cameras.split(","))


if __name__ == "__main__":
    main()
