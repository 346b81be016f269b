"""Training views without end: new people and motions are simulated while training goes on.

What step i sees follows from settings, seeds and i alone, so that a killed run goes on as it would
have.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from tqdm import tqdm

from hybrid_pose_ros.events.types import empty_events
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.batched.device import find_device
from hybrid_pose_ros.simulator.batched.simulate import simulate_batch
from hybrid_pose_ros.simulator.performance import perform_movement
from hybrid_pose_ros.simulator.recording import SimulatedRecording
from hybrid_pose_ros.simulator.simulate import simulate
from hybrid_pose_ros.train.clips import ClipPlan, draw_plan
from hybrid_pose_ros.train.data_config import DataConfig, FreshConfig
from hybrid_pose_ros.train.views import TRUTH_PERIOD_NS, View, ViewInMemory

_FIRST_NEWCOMER = 1_000_000  # beyond the people of the clips on disk
_AT_ONCE = 128  # views that a GPU simulates together


class FreshViews:
    """Views that last for some steps.

    Args:
        config: with source "fresh".

    Attributes:
        views: those of the step last asked for.

    Raises:
        ConfigError: a camera is unknown, or there is no such device.
    """

    def __init__(self, config: DataConfig) -> None:
        self._config, self._settings = config, config.fresh or FreshConfig()
        rig = load_rig(share_path("config", "dhp19_rig.yaml"), config.cameras)
        self._cameras = list(rig.cameras.values())
        self._device = find_device(self._settings.device)
        self._made: tuple[int, ...] = ()
        self.views: list[View] = []

    def empty(self) -> list[View]:
        """Views as long as those that will be made, without events."""
        samples = int(self._config.seconds * 1e9) // TRUTH_PERIOD_NS + 1
        return [ViewInMemory("", empty_events(), np.zeros((samples, 13, 2), np.float32))]

    def renew(self, step: int, seeds: list[int]) -> bool:
        """Make the views of a step, if they are others than the present ones; whether they are."""
        wanted = (*seeds, step // self._settings.steps)
        if wanted == self._made:
            return False
        self._made, self.views = wanted, []
        rng = np.random.default_rng([self._config.seed, *wanted])
        plans = []
        for i in range(self._config.clips):
            newcomer = int(rng.integers(_FIRST_NEWCOMER, 2**31))
            plans.append(draw_plan(f"fresh_{wanted[-1]}_{i:04d}", newcomer, self._config, rng))
        bar = tqdm(self._recordings(plans), "fresh clips", len(plans), leave=False)
        for plan, recording in zip(plans, bar, strict=True):
            for camera in self._cameras:
                uv = camera.project(recording.truth_xyz).astype(np.float32)
                events = recording.cameras[camera.name]
                self.views.append(ViewInMemory(f"{plan.name}/{camera.name}", events, uv))
        return True

    def _recordings(self, plans: list[ClipPlan]) -> Iterator[SimulatedRecording]:
        seconds, cameras = self._config.seconds, self._cameras
        if self._device.type == "cpu":
            for plan in plans:
                yield simulate(plan.subject, plan.movement, plan.seed, seconds, cameras)
            return
        together = max(1, _AT_ONCE // len(cameras))
        for first in range(0, len(plans), together):
            part = plans[first : first + together]
            performances = [perform_movement(p.subject, p.movement, p.seed, seconds) for p in part]
            seeds = [plan.seed for plan in part]
            yield from simulate_batch(performances, seeds, cameras, device=str(self._device))
