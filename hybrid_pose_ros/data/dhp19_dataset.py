"""Sequences of DHP19 for training and evaluation, from real recordings and from ours alike."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import torch
from torch.utils.data import Dataset

from hybrid_pose_ros.data.dhp19_files import Dhp19Recording, find_recordings, read_events
from hybrid_pose_ros.data.dhp19_sequence import Dhp19Sequence
from hybrid_pose_ros.data.dhp19_windows import BIN_MS, Windows
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.rig import Rig, load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.skeleton import NUM_JOINTS

_LABELS = "XYZ/3d_poses"
_STAMPS = "XYZ/timestamps"
_OPEN_FILES = 64  # at a time: DHP19 has 1120, more than a process may open on most machines


class _Item(NamedTuple):
    recording: int
    camera: str
    start_ms: int


class Dhp19Dataset(Dataset):
    """Sequences of all recordings in a folder, read from disk when asked for.

    Nothing is random: the same files give the same sequences in the same order. Safe in worker
    processes: each opens the files itself.

    Args:
        folder: of the .h5 files, see `find_recordings`.
        split: "train", "test" or "all".
        cameras: which views; each is a sequence of its own.
        windows: how sequences are cut.
        rig: of the cameras; None for DHP19's.

    Raises:
        RecordingError: no recordings, or one that is damaged or of another layout.
        CalibrationError: the rig lacks a camera.
    """

    def __init__(
        self,
        folder: str | Path,
        split: str = "train",
        cameras: Sequence[str] = ("cam2", "cam3"),
        windows: Windows | None = None,
        rig: Rig | None = None,
    ) -> None:
        self.windows = windows or Windows()
        self.recordings = find_recordings(folder, split)
        rig = rig or load_rig(share_path("config", "dhp19_rig.yaml"), cameras)
        self._cameras: dict[str, Camera] = {name: rig.cameras[name] for name in cameras}
        self._items: list[_Item] = []
        self._files: dict[Path, h5py.File] = {}
        self._owner = os.getpid()
        for number, recording in enumerate(self.recordings):
            for camera in self._cameras:
                starts = self._starts(recording, camera)
                self._items += [_Item(number, camera, int(start)) for start in starts]
        self.close()

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Dhp19Sequence:
        item = self._items[index]
        recording, camera, windows = (
            self.recordings[item.recording],
            self._cameras[item.camera],
            self.windows,
        )
        earlier, before, after = self._events(recording, item)
        t_ns = item.start_ms * 1_000_000
        xyz = self._poses(recording, item.start_ms)
        cells = camera.crop.to_cells(camera.project(xyz), windows.heatmap_size)
        inside = np.all((cells > -0.5) & (cells < windows.heatmap_size - 0.5), axis=-1)
        cells[~inside] = np.nan
        return Dhp19Sequence(
            torch.from_numpy(
                np.ascontiguousarray(windows.keyframe_counts(before, camera.crop, t_ns))
            ),
            torch.from_numpy(np.ascontiguousarray(windows.bin_counts(after, camera.crop, t_ns))),
            torch.from_numpy(cells.astype(np.float32)),
            torch.from_numpy(xyz.astype(np.float32)),
            torch.tensor(index),
            torch.from_numpy(
                np.ascontiguousarray(windows.earlier_counts(earlier, camera.crop, t_ns))
            ),
        )

    def describe(self, index: int) -> tuple[str, str, int]:
        """Recording, camera and keyframe time in ms of a sequence."""
        item = self._items[index]
        return self.recordings[item.recording].stem, item.camera, item.start_ms

    def close(self) -> None:
        """Close all files; they are opened again when needed."""
        if self._owner == os.getpid():  # a forked worker leaves its parent's alone
            for file in self._files.values():
                file.close()
        self._files, self._owner = {}, os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": {}}

    def _open(self, path: Path) -> h5py.File:
        if self._owner != os.getpid():
            self._files, self._owner = {}, os.getpid()
        if path not in self._files:
            while len(self._files) >= _OPEN_FILES:
                self._files.pop(next(iter(self._files))).close()
            try:
                self._files[path] = h5py.File(path, "r")
            except OSError as error:
                raise RecordingError(f"{path} cannot be read: {error}; convert it again") from error
        return self._files[path]

    def _get(self, path: Path, name: str) -> h5py.Dataset:
        file = self._open(path)
        if name not in file:
            raise RecordingError(
                f"{path} has no '{name}': it is not in the layout of converted DHP19 files "
                f"(it has {', '.join(file)}); convert it with `hybrid_pose dhp19 prepare`"
            )
        return file[name]

    def _starts(self, recording: Dhp19Recording, camera: str) -> np.ndarray:
        """Keyframe times in ms of one camera of one recording."""
        times = self._get(recording.events, f"{camera}_events/t")
        index = self._get(recording.events, f"{camera}_ms_to_idx")
        stamps = self._get(recording.labels, _STAMPS)
        poses = self._get(recording.labels, _LABELS)
        if poses.shape != (len(stamps), 3, NUM_JOINTS) or not len(stamps):
            raise RecordingError(
                f"{recording.labels}: {_LABELS} has the shape {poses.shape}, expected "
                f"({len(stamps)}, 3, {NUM_JOINTS}); convert it again"
            )
        count = self.windows.events
        enough = int(times[count]) if len(times) > count else None
        last_label_us = int(stamps[-1]) - self.windows.label_shift_us
        return self.windows.starts_ms(enough, min(len(index), last_label_us // 1000))

    def _events(
        self, recording: Dhp19Recording, item: _Item
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """EVENT_DTYPE of the bins before the keyframe, of the keyframe, and after it."""
        windows, name = self.windows, f"{item.camera}_events"
        index = self._get(recording.events, f"{item.camera}_ms_to_idx")
        end_ms = item.start_ms + windows.bins * BIN_MS
        middle = int(index[item.start_ms])
        # The index may have a last entry for the end, or leave it out.
        last = len(self._get(recording.events, f"{name}/t"))
        end = int(index[end_ms]) if end_ms < len(index) else last
        if windows.keyframe == "count":
            first = max(0, middle - windows.reach)
        else:
            first = int(index[item.start_ms - windows.before_ms])
        earlier = int(index[max(0, item.start_ms - windows.earlier * BIN_MS)])
        read = min(first, earlier)
        events = read_events(self._open(recording.events)[name], read, end)
        after = middle - read
        return events[earlier - read : after], events[first - read : after], events[after:]

    def _poses(self, recording: Dhp19Recording, start_ms: int) -> np.ndarray:
        """(T + 1, 13, 3) metres at the keyframe and in every bin."""
        stamps = self._get(recording.labels, _STAMPS)
        first_us = start_ms * 1000 + self.windows.label_shift_us - int(stamps[0])
        row = max(0, round(first_us / (BIN_MS * 1000)))
        poses = self._get(recording.labels, _LABELS)[row : row + self.windows.bins + 1]
        return np.asarray(poses, np.float64).transpose(0, 2, 1) / 1000.0
