"""Many people before many event cameras: what a network sees of them, bin by bin on the device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.simulator.batched.cast import cast
from hybrid_pose_ros.simulator.batched.device import find_device, fused
from hybrid_pose_ros.simulator.batched.motion import BIN_NS, STEPS, Motion
from hybrid_pose_ros.simulator.batched.noise import NoiseSource
from hybrid_pose_ros.simulator.batched.pixels import EventPixels, Fired, blurred
from hybrid_pose_ros.simulator.batched.shade import radiance
from hybrid_pose_ros.simulator.batched.shadow import darken
from hybrid_pose_ros.simulator.batched.slices import Slice, add_noise, counted, listed
from hybrid_pose_ros.simulator.batched.takes import Take, scenes_of
from hybrid_pose_ros.simulator.performance import Performance
from hybrid_pose_ros.simulator.sensor import DAVIS346, SensorModel
from hybrid_pose_ros.simulator.view import WARM_NS

_PIXELS_AT_ONCE = 6_000_000  # that are drawn together: about 2 GB


class Batch:
    """Takes about to begin; always the same for the same arguments on the same kind of device.

    Args:
        performances: the people and what they do.
        seeds: of each performance: backdrop, pixels and noise.
        takes: which performance which camera sees; all cameras have the same size.
        sensor: properties of all sensors.
        device: "auto", "cpu", "cuda", ...

    Raises:
        ConfigError: no takes, cameras that differ in size or have a lens model, no such device.
    """

    def __init__(
        self, performances: Sequence[Performance], seeds: Sequence[int], takes: Sequence[Take],
        sensor: SensorModel = DAVIS346, device: str = "auto",
    ) -> None:  # fmt: skip
        if len(seeds) != len(performances):
            raise ConfigError(
                f"each performance needs a seed, got {len(performances)} and {len(seeds)} seeds"
            )
        self.device = find_device(device)
        self._scenes = scenes_of(performances, seeds, takes, self.device)
        self._motion = Motion(performances, self._scenes.present.shape[1], self.device)
        self._shape = (self._scenes.background.shape[1], self._scenes.background.shape[2])
        entropy = [*seeds, *(who for who, _ in takes)]
        state = np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]
        generator = torch.Generator(self.device).manual_seed(int(state >> np.uint64(1)))
        self._blurred = fused(blurred, self.device, lengths_vary=True)
        self._start = -(WARM_NS // BIN_NS)
        first = self.pictures(self._motion.still(self._start))
        self._pixels = EventPixels.drawn(sensor, blurred(first)[0], generator)
        self._noise = NoiseSource(sensor, first[0], generator)

    @torch.inference_mode()
    def slices(self, bins: int, events: bool = False) -> Iterator[Slice]:
        """Yield what is seen in `bins` bins of 10 ms from time 0 on, some bins at a time.

        Args:
            events: also list the single events.
        """
        for _ in range(self._start, 0):
            self._sense(self._start, 1)
            self._start += 1
        takes, (height, width) = len(self._scenes.who), self._shape
        most = max(1, _PIXELS_AT_ONCE // (STEPS * takes * height * width))
        for first in range(0, bins, most):
            count = min(most, bins - first)
            fired, ends = self._sense(first, count)
            noise = self._noise.during(count * BIN_NS)
            seen = counted(fired, STEPS)
            add_noise(seen, noise, BIN_NS)
            found = listed(fired, ends, noise, first * BIN_NS) if events else None
            yield Slice(first, seen.clamp(max=255).to(torch.uint8), found)

    @torch.inference_mode()
    def pictures(self, parts: Tensor) -> Tensor:
        """Radiance (K, N, H, W) of what the takes show at K instants; parts (K, C, P, 16)."""
        scenes = self._scenes
        moments, takes = len(parts), len(scenes.who)
        who = scenes.who.repeat(moments)
        each = parts[:, scenes.who].flatten(0, 1)
        view, rays, centre = (
            still.repeat(moments, *[1] * (still.ndim - 1))
            for still in (scenes.view, scenes.rays, scenes.centre)
        )
        images = scenes.background.repeat(moments, 1, 1)
        shoes = each[torch.arange(len(each), device=each.device)[:, None], scenes.shoes[who]]
        darken(images, shoes, view, rays, centre)
        hits = cast(each, scenes.present[who], view, rays, centre, self._shape)
        images.view(-1)[hits.pixel] = fused(radiance, self.device, lengths_vary=True)(
            hits.part, hits.point, each.float(), who,
            scenes.materials, scenes.lamps, scenes.ambient, scenes.patterns,
        )  # fmt: skip
        return images.unflatten(0, (moments, takes))

    def _sense(self, first: int, bins: int) -> tuple[list[Fired], list[int]]:
        """What all steps of some bins make the pixels fire, and when the steps end in ns."""
        images = self._blurred(self.pictures(self._motion.parts(first, bins)))
        fired = [self._pixels.see(image, BIN_NS / STEPS) for image in images]
        ends = [first * BIN_NS + (i + 1) * BIN_NS // STEPS for i in range(bins * STEPS)]
        return fired, ends
