"""Views of DHP19 recordings in HDF5 files; events are read from disk when they are needed."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from tqdm import tqdm

from hybrid_pose_ros.data.dhp19_dataset import Dhp19Dataset
from hybrid_pose_ros.data.dhp19_files import Dhp19Recording, read_events
from hybrid_pose_ros.data.dhp19_windows import Windows
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.movements.catalogue import MOVEMENTS
from hybrid_pose_ros.train.data_config import DataConfig
from hybrid_pose_ros.train.views import TRUTH_PERIOD_NS, View

_MS = 1_000_000
OPEN_FILES = 64


@functools.lru_cache(OPEN_FILES)
def _open(path: Path, process: int) -> h5py.File:
    """One open file per process: what is inherited from a parent must not be used."""
    return h5py.File(path, "r")


@dataclass(frozen=True)
class Dhp19View:
    """One camera of one recording; see `View`."""

    name: str
    uv: np.ndarray
    path: Path
    camera: str

    def between(self, t0_ns: int, t1_ns: int) -> np.ndarray:
        file = _open(self.path, os.getpid())
        index, group = file[f"{self.camera}_ms_to_idx"], file[f"{self.camera}_events"]
        edges = [max(0, t0_ns // _MS), -(-t1_ns // _MS)]
        first, end = (int(index[ms]) if ms < len(index) else len(group["t"]) for ms in edges)
        events = read_events(group, first, end)
        inside = np.searchsorted(events["t"], [t0_ns, t1_ns])
        return events[inside[0] : inside[1]]

    def time_of(self, index: int) -> int | None:
        times = _open(self.path, os.getpid())[f"{self.camera}_events/t"]
        return int(times[index]) * 1000 if index < len(times) else None


def dhp19_views(config: DataConfig) -> tuple[list[View], list[View]]:
    """Training and validation views of a folder; every file is checked before.

    Raises:
        RecordingError: no recordings, one that is damaged or of another layout, or nobody is left
            to train or to validate on.
        CalibrationError: the DHP19 rig has no such camera.
    """
    windows = Windows(bins=0, step_ms=config.step_ms, keyframe=config.keyframe)
    dataset = Dhp19Dataset(config.folder, "all", config.cameras, windows)
    dataset.close()
    training: list[View] = []
    validation: list[View] = []
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), config.cameras)
    held_out = {
        f"_session{m.session}_mov{m.index}"
        for m in MOVEMENTS
        if m.number in config.held_out_movements
    }
    for recording in tqdm(dataset.recordings, "reading labels"):
        validating = recording.subject in config.validation_subjects
        if not validating and any(recording.stem.endswith(name) for name in held_out):
            continue
        views: list[View] = [_view(recording, name, rig.cameras[name]) for name in config.cameras]
        (validation if validating else training).extend(views)
    for what, found in (("training", training), ("validation", validation)):
        if not found:
            raise RecordingError(
                f"{config.folder} has {len(dataset.recordings)} recordings, but none for "
                f"{what}: validation_subjects are {list(config.validation_subjects)}, "
                f"held_out_movements {list(config.held_out_movements)}"
            )
    return training, validation


def _view(recording: Dhp19Recording, name: str, camera: Camera) -> Dhp19View:
    with h5py.File(recording.labels, "r") as file:
        xyz = np.asarray(file["XYZ/3d_poses"], np.float64).transpose(0, 2, 1) / 1000.0
        first_us = int(file["XYZ/timestamps"][0])
    uv = camera.project(xyz).astype(np.float32)
    # Labels begin a little after the events; those of the time before are unknown.
    missing = max(0, round(first_us * 1000 / TRUTH_PERIOD_NS))
    uv = np.concatenate([np.full((missing, *uv.shape[1:]), np.nan, np.float32), uv])
    return Dhp19View(f"{recording.stem}/{name}", uv, recording.events, name)
