"""Everything that is compared: the networks, and what holds or extrapolates their keyframes.

PRESET/cnn             the CNN in every bin              PRESET/held         its last keyframe
PRESET/extrapolated    the last two keyframes, constant velocity
PRESET/snn, /rnn       alone, from nothing at the window's start (as published)
... warm               alone, having seen 0.4 s before
PRESET/hybrid_*        from a keyframe, joined with what was known where the network carries;
                       without what was known ("no carry"); also without its states, output, both
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hybrid_pose_ros.errors import WeightsError
from hybrid_pose_ros.eval.camera_events import CameraEvents
from hybrid_pose_ros.eval.poses import Firing, Poses
from hybrid_pose_ros.eval.scene import KEYFRAME_NS, Grid
from hybrid_pose_ros.eval.sequences import SequenceEngine, Start
from hybrid_pose_ros.models.checkpoint import load_checkpoint
from hybrid_pose_ros.models.fold import folded
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.presets import KINDS, PRESETS, build, name_of

ALONE = {"": Start(False, False), "warm": Start(False, False, warm=True)}
HYBRID = {
    "": Start(carry=True),
    "no carry": Start(),
    "no states": Start(states=False),
    "no output": Start(output=False),
    "no keyframe": Start(False, False),
}


@dataclass(frozen=True)
class Contender:
    """One row of the table.

    Attributes:
        name: "lite/hybrid_cnn_snn", and so on.
        variant: "" or what differs, see ALONE and HYBRID.
        macs_per_s: multiply-accumulates per second, keyframes included; of spiking steps none.
    """

    name: str
    variant: str
    macs_per_s: float

    @property
    def label(self) -> str:
        """Name for people and for tables."""
        return f"{self.name} ({self.variant})" if self.variant else self.name


def load_networks(given: list[str], default: Path, device: str) -> dict[str, PoseNetwork]:
    """Networks by name, from "NAME=FILE" or "FILE"; all files in `default` if none is given.

    Raises:
        WeightsError: a file is missing, damaged, or of another network than its name says.
    """
    items = given or [str(path) for path in sorted(default.glob("*.safetensors"))]
    if not items:
        raise WeightsError(f"no weights in {default}; give some with --models NAME=FILE")
    networks: dict[str, PoseNetwork] = {}
    for item in items:
        wanted, _, file = item.rpartition("=")
        network = load_checkpoint(Path(file), device)
        name = name_of(network)
        if wanted and wanted != name:
            known = f"'{wanted}'" if wanted in PRESETS else f"unknown network '{wanted}'"
            raise WeightsError(f"{file} holds a {name}, not {known}; write {name}={file}")
        if name in networks:
            raise WeightsError(f"two files of a {name}, {file} is the second; give one of them")
        networks[name] = folded(network)
    return networks


def left_out(networks: dict[str, PoseNetwork]) -> list[str]:
    """A line for each kind of network of the families at hand that has no weights."""
    lines = []
    for preset in sorted({network.config.preset for network in networks.values()}):
        for kind in KINDS:
            name = f"{preset}/{kind}"
            if name not in networks:
                instead = _keyframe_source(networks, preset) if kind == "cnn" else None
                cure = f"the CNN of {instead} stands for it" if instead else "left out"
                lines.append(f"{name}: no weights given, {cure}")
    return lines


def compare(
    networks: dict[str, PoseNetwork], view: CameraEvents, grid: Grid, batch: int
) -> list[tuple[Contender, Poses, Firing | None]]:
    """Poses (N, steps + 1, 13, ...) of every contender in one camera's windows."""
    rate = 1e9 / grid.bin_ns
    found: list[tuple[Contender, Poses, Firing | None]] = []
    for preset in sorted({network.config.preset for network in networks.values()}):
        source = _keyframe_source(networks, preset)
        if source is not None:
            found += _keyframes_alone(networks[source], view, grid, batch)
    for name, network in networks.items():
        if not network.has_step:
            continue
        engine = SequenceEngine(network, batch)
        keyframe_macs = network.macs_per_keyframe * 1e9 / KEYFRAME_NS
        step_macs = 0.0 if engine.plan is not None else network.macs_per_step * rate
        for variant, start in (HYBRID if network.has_keyframe else ALONE).items():
            if variant == "no carry" and not network.carries:
                continue
            used = keyframe_macs if start.states or start.output else 0.0
            poses, firing = engine.roll(view, grid, start)
            found.append((Contender(name, variant, used + step_macs), poses, firing))
    return found


def _keyframe_source(networks: dict[str, PoseNetwork], preset: str) -> str | None:
    """The network whose CNN is judged alone."""
    names = [f"{preset}/{kind}" for kind in ("cnn", "hybrid_cnn_snn", "hybrid_cnn_rnn")]
    return next((name for name in names if name in networks), None)


def cnn_macs(network: PoseNetwork) -> int:
    """Operations of a keyframe without what starts a recurrent part."""
    return build(f"{network.config.preset}/cnn", network.config.asdict()).macs_per_keyframe


def _keyframes_alone(
    network: PoseNetwork, view: CameraEvents, grid: Grid, batch: int
) -> list[tuple[Contender, Poses, Firing | None]]:
    preset, macs = network.config.preset, cnn_macs(network)
    before = grid.starts_ns[:1] - KEYFRAME_NS  # velocity of the first window
    wanted = np.unique(np.concatenate([before, grid.times_ns[grid.wanted]]))
    table = SequenceEngine(network, batch).keyframes(view, wanted)
    rerun = at_times(table, wanted, np.where(grid.wanted, grid.times_ns, -1))
    slow, fast = macs * 1e9 / KEYFRAME_NS, macs * 1e9 / grid.bin_ns
    return [
        (Contender(f"{preset}/cnn", "", fast), rerun, None),
        (Contender(f"{preset}/held", "", slow), held(rerun, grid), None),
        (Contender(f"{preset}/extrapolated", "", slow), extrapolated(table, wanted, grid), None),
    ]


def at_times(table: Poses, table_ns: np.ndarray, times_ns: np.ndarray) -> Poses:
    """Poses of a table (n, ...) at exactly these times (...); none where a time is not in it."""
    found = Poses.empty(*times_ns.shape)
    index = np.minimum(np.searchsorted(table_ns, times_ns), len(table_ns) - 1)
    known = table_ns[index] == times_ns
    found.put(known, table[index[known]])
    return found


def held(poses: Poses, grid: Grid) -> Poses:
    """The first pose of every window (N, steps + 1, ...) in all of its steps."""
    found = Poses.empty(*grid.times_ns.shape)
    windows, _ = np.nonzero(grid.wanted)
    found.put(grid.wanted, poses[windows, 0])
    return found


def extrapolated(table: Poses, table_ns: np.ndarray, grid: Grid) -> Poses:
    """From each window's keyframe on with the velocity since the one before."""
    now = at_times(table, table_ns, grid.starts_ns)
    before = at_times(table, table_ns, grid.starts_ns - KEYFRAME_NS)
    found = held(Poses(now.uv[:, None], now.covariance[:, None], now.confidence[:, None]), grid)
    age = (grid.times_ns - grid.starts_ns[:, None]) / KEYFRAME_NS
    moved = age[..., None, None] * (now.uv - before.uv)[:, None]
    return Poses((found.uv + moved).astype(np.float32), found.covariance, found.confidence)
