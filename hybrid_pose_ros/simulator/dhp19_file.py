"""Writes simulated recordings in the HDF5 layout that users of DHP19 have."""

from __future__ import annotations

import os
import re
from pathlib import Path

import h5py
import numpy as np

from hybrid_pose_ros.errors import ConfigError, RecordingError
from hybrid_pose_ros.events.types import empty_events
from hybrid_pose_ros.simulator.recording import SimulatedRecording

_CHANNELS = 4


def write_dhp19_h5(recording: SimulatedRecording, folder: str | Path) -> tuple[Path, Path]:
    """Write <stem>_events.h5 and <stem>_events_label.h5 into `folder`; both or none appear.

    Events: t in microseconds from 0, x and y counted from 1. Labels: millimetres, (n, 3, 13).
    Channels that were not simulated are there and empty.

    Returns:
        Paths of the events and of the labels.

    Raises:
        ConfigError: if a camera is not called cam0 .. cam3.
        RecordingError: if a file exists or cannot be written.
    """
    for name in recording.cameras:
        if not re.fullmatch(f"cam[0-{_CHANNELS - 1}]", name):
            raise ConfigError(
                f"camera '{name}' has no place in a DHP19 file, which holds cam0 to "
                f"cam{_CHANNELS - 1}: rename it in the rig or write a bag"
            )
    folder = Path(folder)
    events = folder / f"{recording.stem}_events.h5"
    labels = folder / f"{recording.stem}_events_label.h5"
    for path in (events, labels):
        if path.exists():
            raise RecordingError(f"{path} exists already; remove it or choose another folder")
    unfinished = [path.with_name(f".{path.name}.{os.getpid()}.part") for path in (events, labels)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with h5py.File(unfinished[0], "w") as file:
            _write_events(file, recording)
        with h5py.File(unfinished[1], "w") as file:
            file["XYZ/3d_poses"] = 1000.0 * recording.truth_xyz.transpose(0, 2, 1)
            file["XYZ/timestamps"] = recording.truth_t_ns // 1000
        for temporary, path in zip(unfinished, (events, labels), strict=True):
            temporary.replace(path)
    except OSError as error:
        raise RecordingError(f"{folder} cannot be written: {error}") from error
    finally:
        for temporary in unfinished:
            temporary.unlink(missing_ok=True)
    return events, labels


def _write_events(file: h5py.File, recording: SimulatedRecording) -> None:
    milliseconds = np.arange(int(np.ceil(recording.seconds * 1000)) + 1) * 1_000_000
    for channel in range(_CHANNELS):
        events = recording.cameras.get(f"cam{channel}", empty_events())
        group = file.create_group(f"cam{channel}_events")
        camera = recording.calibration.get(f"cam{channel}")
        if camera is not None:  # not in DHP19, whose cameras are all alike
            group.attrs["width"], group.attrs["height"] = camera.width, camera.height
        group["t"] = events["t"] // 1000
        group["x"] = events["x"] + 1
        group["y"] = events["y"] + 1
        group["p"] = events["p"]
        file[f"cam{channel}_ms_to_idx"] = np.searchsorted(events["t"], milliseconds)
