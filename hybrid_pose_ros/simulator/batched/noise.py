"""Events that no light caused, of many cameras: the rates of `simulator.noise`."""

from __future__ import annotations

import torch
from torch import Tensor

from hybrid_pose_ros.simulator.batched.cast import unrolled
from hybrid_pose_ros.simulator.pixels import DARK, REFERENCE
from hybrid_pose_ros.simulator.sensor import SensorModel

_UNIT_HZ = 2.0**-30


class NoiseSource:
    """Random events with a fixed rate of every pixel.

    Args:
        model: rates and their spread.
        light: (N, H, W) radiance that the pixels see while nothing moves.
        generator: draws the pixels' rates now and their events later.
    """

    def __init__(self, model: SensorModel, light: Tensor, generator: torch.Generator) -> None:
        self._generator, self._pixels = generator, light[0].numel()
        flat, device = light.flatten(1), light.device
        dark = ((float(REFERENCE) + float(DARK)) / (flat + float(DARK))).sqrt()
        leak = torch.full_like(flat, model.noise_hz * model.leak_share)
        shot = model.noise_hz * (1.0 - model.leak_share) * dark
        normal = torch.randn(flat.shape, generator=generator, device=device)
        spread = model.noise_spread
        rates = (leak + shot) * torch.exp(spread * normal - 0.5 * spread**2)
        self._on = ((leak + 0.5 * shot) / (leak + shot).clamp(min=1e-12)).flatten()
        if model.hot_pixels > 0:
            lots = torch.rand(flat.shape, generator=generator, device=device)
            hot = lots.topk(min(model.hot_pixels, flat.shape[1]), dim=1).indices
            rates.scatter_add_(1, hot, torch.full_like(lots, model.hot_pixel_hz))
        # Multiples of a power of two have the same sum in whatever order a GPU adds them.
        exact = (rates.flatten().double() / _UNIT_HZ).round() * _UNIT_HZ
        self._sums = exact.cumsum(0)
        ends = self._sums[self._pixels - 1 :: self._pixels]
        self._begins = torch.cat([ends.new_zeros(1), ends[:-1]])
        self._totals = ends - self._begins

    def during(self, length_ns: int) -> tuple[Tensor, Tensor, Tensor]:
        """The events of so much time, not sorted.

        Returns:
            (m,) place in (N, H, W), flattened, int64; polarity, int64; time in ns from the
            beginning, int64.
        """
        generator, device = self._generator, self._sums.device

        def random(count: int) -> Tensor:
            return torch.rand(count, generator=generator, device=device, dtype=torch.float64)

        counts = torch.poisson(self._totals * (length_ns * 1e-9), generator=generator).long()
        owner, _ = unrolled(counts)
        place = self._begins[owner] + random(len(owner)) * self._totals[owner]
        pixel = torch.searchsorted(self._sums, place, right=True)
        lowest = owner * self._pixels  # rounding must not lead into another picture
        pixel = torch.minimum(torch.maximum(pixel, lowest), lowest + self._pixels - 1)
        polarity = (random(len(owner)) < self._on[pixel]).long()
        return pixel, polarity, (random(len(owner)) * length_ns).long().clamp(max=length_ns - 1)
