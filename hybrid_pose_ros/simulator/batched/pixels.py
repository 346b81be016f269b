"""The event pixels of many cameras: the model of `simulator.pixels`, all pixels in one step.

State lives on the device and a step never waits for it: what a pixel fires within a step is a
regular comb of threshold crossings, of which the dead time leaves every so manieth.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from hybrid_pose_ros.simulator.batched.device import fused
from hybrid_pose_ros.simulator.pixels import BLUR, DARK, REFERENCE, SETTLED
from hybrid_pose_ros.simulator.sensor import LOWEST, PHASE, SensorModel

_DARK, _REFERENCE, _SETTLED = float(DARK), float(REFERENCE), float(SETTLED)
_QUIET_NS = 1e9  # "for long": times are single precision, and nothing needs longer ones


class Fired(NamedTuple):
    """What pixels (N, H, W) fired in one step.

    Attributes:
        number: uint8, how many events.
        on: bool, their polarity.
        first: float32 ns from the beginning of the step to the first of them.
        pitch: float32 ns from one to the next.
    """

    number: Tensor
    on: Tensor
    first: Tensor
    pitch: Tensor


class Pixels(NamedTuple):
    """State (N, H, W) float32: filtered log light, that at the last event, ns since then."""

    seen: Tensor
    memory: Tensor
    quiet: Tensor


def blurred(images: Tensor) -> Tensor:
    """Lens blur of (..., H, W); the first and last column stay as they are."""
    above = torch.cat([images[..., :1, :], images[..., :-1, :]], -2)
    below = torch.cat([images[..., 1:, :], images[..., -1:, :]], -2)
    rows = BLUR * (above + below) + (1.0 - 2.0 * BLUR) * images
    inner = BLUR * (rows[..., :-2] + rows[..., 2:]) + (1.0 - 2.0 * BLUR) * rows[..., 1:-1]
    return torch.cat([images[..., :1], inner, images[..., -1:]], -1)


def draw_thresholds(
    model: SensorModel, shape: tuple[int, ...], generator: torch.Generator
) -> Tensor:
    """Thresholds OFF, ON of every pixel, (2, *shape) float32 on the generator's device."""
    means = torch.tensor([model.threshold_off, model.threshold_on], device=generator.device)
    means = means.view(2, *[1] * len(shape))
    spread = torch.randn((2, *shape), generator=generator, device=generator.device)
    return torch.maximum(means + model.threshold_spread * spread, LOWEST * means)


class EventPixels:
    """The pixels of N cameras, carried from step to step.

    Args:
        model: sensor properties.
        first: (N, H, W) blurred radiance to which the pixels are adapted.
        thresholds: (2, N, H, W) OFF, ON.
        phase: (N, H, W) in -PHASE..PHASE, where between two events a pixel stands.
    """

    def __init__(
        self, model: SensorModel, first: Tensor, thresholds: Tensor, phase: Tensor
    ) -> None:
        seen = torch.log(first + _DARK)
        memory = seen + phase * thresholds.amin(0)
        self._pixels = Pixels(seen, memory, torch.full_like(first, _QUIET_NS))
        self._model, self._thresholds = model, thresholds
        self._respond = fused(respond, first.device)

    @classmethod
    def drawn(cls, model: SensorModel, first: Tensor, generator: torch.Generator) -> EventPixels:
        """Pixels with random thresholds and phases."""
        shape = tuple(first.shape)
        thresholds = draw_thresholds(model, shape, generator)
        phase = torch.rand(shape, generator=generator, device=generator.device) * 2.0 - 1.0
        return cls(model, first, thresholds, PHASE * phase)

    def see(self, light: Tensor, dt_ns: float) -> Fired:
        """Show blurred radiance (N, H, W) for a time."""
        constant = self._model.time_constant_s * 1e9
        pace = dt_ns / constant if constant > 0.0 else math.inf
        self._pixels, fired = self._respond(
            self._pixels, light, self._thresholds, pace, dt_ns, self._model.refractory_s * 1e9
        )
        return fired


def respond(
    pixels: Pixels, light: Tensor, thresholds: Tensor, pace: float, dt: float, dead: float
) -> tuple[Pixels, Fired]:
    """One step of dt ns.

    Args:
        light: (N, H, W) blurred radiance; thresholds: (2, N, H, W) OFF, ON.
        pace: dt over the time constant of the low-pass at REFERENCE light; inf for no low-pass.
        dead: ns after an event in which a pixel fires nothing.
    """
    old, target = pixels.seen, torch.log(light + _DARK)
    # The photoreceptor is as fast as its photocurrent is large.
    gain = -torch.expm1((light + _DARK) * (-pace / (_REFERENCE + _DARK)))
    new = old + gain * (target - old)
    new = torch.where((target - new).abs() < _SETTLED, target, new)
    way = new - old
    on, speed = way > 0.0, way.abs()
    threshold = torch.where(on, thresholds[1], thresholds[0])
    sign = torch.where(on, 1.0, -1.0)
    lead = (old - pixels.memory) * sign  # how far along the pixel already was
    crossed = ((lead + speed) / threshold).floor().clamp(min=0.0)
    crossed = torch.where(speed > 0.0, crossed, 0.0)
    memory = pixels.memory + sign * crossed * threshold
    # Crossing j (from 0) is at first + j * pitch; the dead time skips some.
    scale = dt / speed.clamp(min=1e-12)
    first, pitch = (threshold - lead) * scale, threshold * scale
    wait = dead - pixels.quiet
    skipped = torch.where(wait > first.clamp(min=0.0), ((wait - first) / pitch).ceil(), 0.0)
    stride = (dead / pitch).ceil().clamp(min=1.0)
    left = ((crossed - 1.0 - skipped) / stride).floor() + 1.0
    number = torch.where(skipped < crossed, left, 0.0)
    first, pitch = first + skipped * pitch, stride * pitch
    last = (first + (number - 1.0) * pitch).clamp(0.0, dt)
    quiet = torch.where(number > 0.0, dt - last, pixels.quiet + dt).clamp(max=_QUIET_NS)
    return Pixels(new, memory, quiet), Fired(number.to(torch.uint8), on, first, pitch)
