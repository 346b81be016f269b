"""Error against keyframes per second: at fixed rates, and on demand at several thresholds.

Recordings run through the streaming estimator itself, so that what is judged is what the nodes do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from tqdm import tqdm

from hybrid_pose_ros.errors import ConfigError, RecordingError
from hybrid_pose_ros.eval import metrics
from hybrid_pose_ros.eval.contenders import cnn_macs
from hybrid_pose_ros.eval.energy import TECHNOLOGIES
from hybrid_pose_ros.eval.scene import KEYFRAME_NS, SECTIONS, Scene, crop_pixels
from hybrid_pose_ros.events.types import DecodedPacket
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.runtime.config import FIXED, ON_DEMAND, EstimatorConfig
from hybrid_pose_ros.runtime.estimator import Estimator
from hybrid_pose_ros.runtime.records import Update

FIRST_NS = 400_000_000  # judged from here on: every setting has had a keyframe by then
PACKET_NS = 50_000_000
EVERYTHING = "all"  # sections together


@dataclass(frozen=True)
class CurveProtocol:
    """What is compared.

    Attributes:
        intervals: of the fixed rates, bins of 10 ms from one keyframe to the next.
        drifts_px: thresholds of the policy.
        delay_bins: how late the CNN's answers are.
        judged: so many cameras of each scene, the first ones.
    """

    intervals: tuple[int, ...] = (5, 10, 20, 30, 40, 50)
    drifts_px: tuple[float, ...] = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
    delay_bins: int = 0
    judged: int = 2

    def settings(self) -> list[EstimatorConfig]:
        """Of the estimator: the fixed rates, fastest first, then the policy's thresholds."""
        base = EstimatorConfig()
        fixed = [dataclasses.replace(base, keyframe_bins=bins) for bins in self.intervals]
        return fixed + [
            dataclasses.replace(
                base,
                keyframes=ON_DEMAND,
                policy=dataclasses.replace(base.policy, drift_px=drift),
            )
            for drift in self.drifts_px
        ]


@dataclass
class _Point:
    """Sums of one setting."""

    config: EstimatorConfig
    errors: list[np.ndarray] = field(default_factory=list)  # (n, 13) px
    fast: list[np.ndarray] = field(default_factory=list)
    keyframes: int = 0
    additions: int = 0
    seconds: float = 0.0

    def add(self, other: _Point) -> None:
        self.errors += other.errors
        self.fast += other.fast
        self.keyframes += other.keyframes
        self.additions += other.additions
        self.seconds += other.seconds


def hybrids_of(networks: dict[str, PoseNetwork]) -> dict[str, PoseNetwork]:
    """Those that have keyframes and steps.

    Raises:
        ConfigError: there are none.
    """
    found = {n: net for n, net in networks.items() if net.has_keyframe and net.has_step}
    if not found:
        raise ConfigError(
            f"keyframes need a hybrid; given are {', '.join(sorted(networks)) or 'no networks'}"
        )
    return found


def keyframe_curve(
    hybrids: dict[str, PoseNetwork], scenes: Iterable[Scene], count: int, protocol: CurveProtocol
) -> dict[str, Any]:
    """Curves of every hybrid, by section and of all sections together.

    Args:
        hybrids: by name, in eval mode.
        scenes: too short ones (under 0.5 s) do not count.
        count: of the scenes, for the progress bar.

    Returns:
        section -> network -> rows.

    Raises:
        RecordingError: no scene is long enough.
    """
    settings = protocol.settings()
    estimators = {name: _estimator(network, protocol) for name, network in hybrids.items()}
    sums: dict[str, dict[str, list[_Point]]] = {}
    for scene in tqdm(scenes, "keyframe curve", count, disable=None):
        if scene.end_ns < FIRST_NS + KEYFRAME_NS:
            continue
        for name, estimator in estimators.items():
            for camera in list(scene.rig.cameras.values())[: protocol.judged]:
                points = [_judge(estimator, scene, camera, config) for config in settings]
                for section in (scene.section, EVERYTHING):
                    known = sums.setdefault(section, {}).setdefault(
                        name, [_Point(config) for config in settings]
                    )
                    for total, point in zip(known, points, strict=True):
                        total.add(point)
    if not sums:
        raise RecordingError("no recording is long enough: 0.5 s with events and truth are needed")
    return {
        section: {
            "about": SECTIONS.get(section, "all sections together"),
            "networks": {
                name: _rows(points, hybrids[name])
                for name, points in found.items()
                if all(point.errors for point in points)
            },
        }
        for section, found in sorted(sums.items(), key=lambda item: item[0] == EVERYTHING)
        if section != EVERYTHING or len(sums) > 2
    }


def _estimator(network: PoseNetwork, protocol: CurveProtocol) -> Estimator:
    device = next(network.parameters()).device.type
    # The CUDA engine has room for its own cameras only, not for twins.
    engine = "auto" if device == "cpu" else "torch"
    return Estimator(network, {}, None, device, engine, protocol.delay_bins)


def _judge(estimator: Estimator, scene: Scene, camera: Camera, config: EstimatorConfig) -> _Point:
    """One setting on what one camera saw."""
    point, name = _Point(config), camera.name
    twin = estimator.twin({name: camera.crop}, config)
    updates: list[Update] = []
    for packet in _packets(scene.events[name], scene.end_ns):
        keyframes, found = twin.add_packet(name, packet)
        point.keyframes += sum(FIRST_NS <= k.t_ns < scene.end_ns for k in keyframes)
        updates += [u for u in found if FIRST_NS < u.t_ns <= scene.end_ns]
    t_ns = np.array([update.t_ns for update in updates], np.int64)
    if not len(t_ns):
        return point
    truth, before = (scene.crop_truth(camera, t) for t in (t_ns, t_ns - KEYFRAME_NS))
    uv = crop_pixels(np.stack([update.keypoints.uv for update in updates]), camera)
    point.errors.append(np.linalg.norm(uv - truth, axis=-1))
    point.fast.append(np.linalg.norm(truth - before, axis=-1) > metrics.FAST_PX)
    point.additions = sum(update.synaptic_operations for update in updates)
    point.seconds = (scene.end_ns - FIRST_NS) * 1e-9
    return point


def _packets(events: np.ndarray, end_ns: int) -> Iterator[DecodedPacket]:
    edges = np.arange(PACKET_NS, end_ns + PACKET_NS, PACKET_NS)
    index = np.searchsorted(events["t"], edges)
    for first, last, end in zip([0, *index[:-1]], index, edges, strict=True):
        yield DecodedPacket(events[first:last], int(end))


def _rows(points: list[_Point], network: PoseNetwork) -> list[dict[str, Any]]:
    """Figures of every setting of one network."""
    rows = [_row(point, network) for point in points]
    fixed = sorted(
        (row["keyframes_per_s"], row["error_px"]) for row in rows if row["keyframes"] == FIXED
    )
    rates, errors = np.array(fixed).T
    ten = next((r["error_px"] for r in rows if (r["keyframes"], r["bins"]) == (FIXED, 10)), None)
    for row in rows:
        at = np.log(row["keyframes_per_s"])
        row["fixed_error_px"] = float(np.interp(at, np.log(rates), errors))
        row["relative_to_10_hz"] = None if ten is None else row["error_px"] / ten
    return rows


def _row(point: _Point, network: PoseNetwork) -> dict[str, Any]:
    errors, fast = np.concatenate(point.errors), np.concatenate(point.fast)
    rate, config = max(point.keyframes, 1) / point.seconds, point.config
    macs_per_s, additions_per_s = rate * network.macs_per_keyframe, point.additions / point.seconds
    if not additions_per_s:  # steps that do not spike
        macs_per_s += network.macs_per_step * 1e9 / config.bin_ns
    every_bin = cnn_macs(network) * 1e9 / config.bin_ns
    power = {t.name: 1e3 * t.joules(additions_per_s, macs_per_s) for t in TECHNOLOGIES}
    return {
        "keyframes": config.keyframes,
        "bins": None if config.on_demand else config.keyframe_bins,
        "drift_px": config.policy.drift_px if config.on_demand else None,
        "keyframes_per_s": rate,
        "error_px": metrics.mean(errors),
        "fast_px": metrics.mean(errors[fast]),
        "rest_px": metrics.mean(errors[~fast]),
        "power_mw": power,
        "share_of_cnn": {
            t.name: power[t.name] / (1e3 * t.joules(0.0, every_bin)) for t in TECHNOLOGIES
        },
    }
