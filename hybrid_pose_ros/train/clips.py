"""The simulated recordings of a training run: which ones there are, making them, reading them.

A clip is one .npz file: the events of each camera inside the sensor, the true joints in the world.
Clips that exist already are kept, so that an interrupted run goes on where it stopped. A small file
beside them says which version of the simulated world they show.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.look import LOOK
from hybrid_pose_ros.train.array_on_disk import array_in_npz
from hybrid_pose_ros.train.data_config import NEWCOMER, VALIDATION, DataConfig
from hybrid_pose_ros.train.views import TRUTH_PERIOD_NS, View, ViewOnDisk
from hybrid_pose_ros.unfinished import renewed, write_text

LOOK_FILE = "look.json"


@dataclass(frozen=True)
class ClipPlan:
    """What one clip shows."""

    name: str
    subject: int
    movement: str
    seed: int


def plan_clips(config: DataConfig) -> tuple[list[ClipPlan], list[ClipPlan]]:
    """Training and validation clips; they share neither subjects nor movements nor seeds.

    More of one kind changes neither the clips before them nor those of the other kind.
    """
    rng = np.random.default_rng(config.seed)
    training = []
    for index in range(config.clips):
        training.append(draw_plan(f"train_{index:04d}", NEWCOMER + index, config, rng))
    rng = np.random.default_rng((config.seed, VALIDATION))
    validation = []
    for index in range(config.validation_clips):
        subject = VALIDATION + index
        movement = str(config.held_out_movements[index % len(config.held_out_movements)])
        seed = int(rng.integers(2**31, 2**32))
        validation.append(ClipPlan(f"validation_{index:04d}", subject, movement, seed))
    return training, validation


def draw_plan(
    name: str, newcomer: int, config: DataConfig, rng: np.random.Generator
) -> ClipPlan:  # fmt: skip
    """A training clip: one of the DHP19-like training subjects, or as often `newcomer`."""
    allowed = [m for m in range(1, 34) if m not in config.held_out_movements]
    subject = int(rng.integers(1, 13)) if rng.random() < 0.5 else newcomer
    free = rng.random() < config.free_share
    movement = "free" if free else str(rng.choice(allowed))
    return ClipPlan(name, subject, movement, int(rng.integers(1, 2**31)))


def make_clip(plan: ClipPlan, config: DataConfig) -> Path:
    """Simulate one clip into the folder; nothing is done if it is there."""
    from hybrid_pose_ros.simulator.simulate import simulate

    path = Path(config.folder) / f"{plan.name}.npz"
    if path.exists():
        return path
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), config.cameras)
    cameras = list(rig.cameras.values())
    recording = simulate(plan.subject, plan.movement, plan.seed, config.seconds, cameras)
    arrays: dict[str, Any] = {
        f"events_{name}": events for name, events in recording.cameras.items()
    }
    with renewed(path) as file:
        np.savez(file, truth=recording.truth_xyz, plan=str(plan), **arrays)
    return path


def check_clips(plans: list[ClipPlan], config: DataConfig) -> None:
    """Refuse clips in the folder that are not those of the plans.

    Raises:
        RecordingError: a clip is damaged, or was made by other settings.
    """
    samples = int(config.seconds * 1e9) // TRUTH_PERIOD_NS + 1
    for plan in plans:
        path = Path(config.folder) / f"{plan.name}.npz"
        if not path.exists():
            continue
        with _opened(path) as file:
            cameras = [key.removeprefix("events_") for key in file if key.startswith("events_")]
            made, length = str(file["plan"]), len(file["truth"])
        if (made, length) != (str(plan), samples) or not set(config.cameras) <= set(cameras):
            raise RecordingError(
                f"clip {path} was made by other settings of data: {made} seen by "
                f"{', '.join(cameras)}, {length} poses; needed: {plan}, "
                f"{', '.join(config.cameras)}, {samples}; choose another data.folder"
            )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The arrays of a clip."""
    try:
        with np.load(path) as file:
            yield file
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(
            f"clip {path} is missing or damaged ({error}); delete it and train again"
        ) from error


def make_clips(config: DataConfig, workers: int) -> None:
    """Simulate all clips that are missing, `workers` at a time, with a progress bar.

    Fresh clips are not among them, except those for validation.

    Raises:
        RecordingError: the folder has other clips, or clips of another simulated world.
        CalibrationError: the DHP19 rig has no such camera.
    """
    training, plans = plan_clips(config)
    if config.source == "simulated":
        plans = training + plans
    load_rig(share_path("config", "dhp19_rig.yaml"), config.cameras)  # before a folder is made
    check_clips(plans, config)
    note_look(Path(config.folder))
    missing = [p for p in plans if not (Path(config.folder) / f"{p.name}.npz").exists()]
    if not missing:
        return
    with ProcessPoolExecutor(workers) as pool:
        futures = [pool.submit(make_clip, plan, config) for plan in missing]
        for future in tqdm(as_completed(futures), "simulating clips", len(futures)):
            future.result()


def note_look(folder: Path) -> None:
    """Say in the folder which simulated world its clips show; create it if it is missing.

    Raises:
        RecordingError: there are clips already, and they show another one.
    """
    path = folder / LOOK_FILE
    try:
        look = json.loads(path.read_text(encoding="utf-8"))["look"]
    except FileNotFoundError:
        look = "unknown"
    except (ValueError, TypeError, KeyError) as error:
        raise RecordingError(f"{path} is damaged ({error}); delete the folder") from error
    if look == LOOK:
        return
    if any(folder.glob("*.npz")):
        raise RecordingError(
            f"the clips in {folder} show the simulated people of another version (look {look}, "
            f"now {LOOK}); delete the folder, or choose another data.folder"
        )
    write_text(path, json.dumps({"look": LOOK}) + "\n")


def load_views(plans: list[ClipPlan], config: DataConfig) -> list[View]:
    """Every camera view of the clips; their events stay on disk.

    Raises:
        RecordingError: a clip is missing or damaged.
    """
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), config.cameras)
    views: list[View] = []
    for plan in tqdm(plans, "loading clips"):
        path = Path(config.folder) / f"{plan.name}.npz"
        with _opened(path) as file:
            truth = file["truth"]
            for name, camera in rig.cameras.items():
                uv = camera.project(truth).astype(np.float32)
                events = array_in_npz(path, f"events_{name}")
                views.append(ViewOnDisk(f"{plan.name}/{name}", events, uv))
    return views
