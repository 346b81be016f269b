"""Recordings of many people at once, like those that `simulator.simulate` makes one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.simulator.batched.batch import Batch
from hybrid_pose_ros.simulator.batched.motion import BIN_NS
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.performance import Performance
from hybrid_pose_ros.simulator.recording import SimulatedRecording
from hybrid_pose_ros.simulator.sensor import DAVIS346, SensorModel
from hybrid_pose_ros.simulator.simulate import check_in_view


def simulate_batch(
    performances: Sequence[Performance],
    seeds: Sequence[int],
    cameras: Sequence[Camera],
    sensor: SensorModel = DAVIS346,
    device: str = "auto",
    progress: Callable[[float], None] | None = None,
) -> list[SimulatedRecording]:
    """Put every person in front of every camera.

    Args:
        performances: of equal length.
        seeds: of each performance; a backdrop is the one that `simulate.record` would draw, pixels
            and noise are drawn on the device.
        cameras: of one size, with different names.
        sensor: properties of all sensors.
        device: "auto", "cpu", "cuda", ...
        progress: called with the share done, 0..1.

    Raises:
        ConfigError: see `Batch`; lengths differ, or a camera does not see a person.
    """
    lengths = {performance.seconds for performance in performances}
    if len(lengths) != 1:
        raise ConfigError(f"a batch needs performances of one length, got {sorted(lengths)} s")
    seconds = lengths.pop()
    bins = int(np.ceil(seconds * 1e9 / BIN_NS))
    names = [camera.name for camera in cameras]
    if not names or len(set(names)) != len(names):
        raise ConfigError(f"cameras must be one or more with different names, got {names}")
    truth_t = np.arange(int(seconds * 1e9) // BIN_NS + 1) * BIN_NS
    truths = [markers_of(performance.bones(truth_t * 1e-9)) for performance in performances]
    for truth in truths:
        for camera in cameras:
            check_in_view(camera, truth)
    takes = [(who, camera) for who in range(len(performances)) for camera in cameras]
    pieces: list[list[np.ndarray]] = [[] for _ in takes]
    for each in Batch(performances, seeds, takes, sensor, device).slices(bins, events=True):
        assert each.events is not None
        for piece, events in zip(pieces, each.events.arrays(), strict=True):
            piece.append(events[events["t"] < round(seconds * 1e9)])
        if progress is not None:
            progress((each.first_bin + len(each.counts)) / bins)
    whole = iter([np.concatenate(piece) for piece in pieces])
    return [
        SimulatedRecording(
            cameras={name: next(whole) for name in names},
            calibration={camera.name: camera for camera in cameras},
            truth_t_ns=truth_t,
            truth_xyz=truth,
            stem=performance.stem,
            seconds=seconds,
        )
        for performance, truth in zip(performances, truths, strict=True)
    ]
