"""A stretch of time of a batch: counts for training, and single events where they are wanted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.simulator.batched.cast import unrolled
from hybrid_pose_ros.simulator.batched.pixels import Fired


@dataclass(frozen=True)
class EventList:
    """Events of all takes, sorted by take and then by time, on the device.

    Attributes:
        counts: (N,) int64 events of each take.
        t: (m,) int64 ns; x, y: (m,) int32 pixels; p: (m,) bool, ON.
    """

    counts: Tensor
    t: Tensor
    x: Tensor
    y: Tensor
    p: Tensor

    def arrays(self) -> list[np.ndarray]:
        """EVENT_DTYPE of each take, on the host."""
        out = np.zeros(len(self.t), EVENT_DTYPE)
        for name in "txyp":
            out[name] = getattr(self, name).cpu().numpy()
        return np.split(out, self.counts.cumsum(0).cpu().numpy()[:-1])


@dataclass(frozen=True)
class Slice:
    """What N takes saw in some bins of 10 ms.

    Attributes:
        first_bin: number of the first bin.
        counts: (B, N, 2, H, W) uint8 events of every pixel, OFF and ON; 255 means 255 or more.
        events: None where they were not asked for.
    """

    first_bin: int
    counts: Tensor
    events: EventList | None


def counted(fired: list[Fired], steps: int) -> Tensor:
    """(B, N, 2, H, W) int32 events of B bins of `steps` steps each."""
    bins = []
    for first in range(0, len(fired), steps):
        part = fired[first : first + steps]
        both = torch.stack([step.number for step in part]).sum(0, dtype=torch.int32)
        on = torch.stack([step.number * step.on for step in part]).sum(0, dtype=torch.int32)
        bins.append(torch.stack([both - on, on], 1))
    return torch.stack(bins)


def add_noise(counts: Tensor, noise: tuple[Tensor, Tensor, Tensor], bin_ns: int) -> None:
    """Add noise events, see `NoiseSource.during`, to (B, N, 2, H, W) in place."""
    pixel, polarity, t = noise
    area = counts.shape[-2] * counts.shape[-1]
    takes = counts.shape[1]
    take, inside = torch.div(pixel, area, rounding_mode="floor"), pixel % area
    number = torch.div(t, bin_ns, rounding_mode="floor")
    place = ((number * takes + take) * 2 + polarity) * area + inside
    counts.view(-1).index_add_(0, place, torch.ones_like(place, dtype=counts.dtype))


def listed(
    fired: list[Fired], ends_ns: list[int], noise: tuple[Tensor, Tensor, Tensor], start_ns: int
) -> EventList:
    """All events in order.

    Args:
        fired: of each step; ends_ns: when each of them ends; the first begins at start_ns.
        noise: events of the whole time.
    """
    takes, height, width = fired[0].number.shape
    counts = torch.stack([step.number for step in fired]).flatten(1)
    step, pixel = counts.nonzero(as_tuple=True)
    owner, number = unrolled(counts[step, pixel].long())
    step, pixel = step[owner], pixel[owner]

    def looked_up(name: str) -> Tensor:
        return torch.stack([getattr(each, name) for each in fired]).flatten(1)[step, pixel]

    edges = torch.tensor([start_ns, *ends_ns], device=pixel.device)
    after = (looked_up("first") + number * looked_up("pitch")).clamp(min=0.0).long()
    t = torch.minimum(edges[step] + after, edges[step + 1] - 1)
    t = torch.cat([t, noise[2] + start_ns])
    pixel, p = torch.cat([pixel, noise[0]]), torch.cat([looked_up("on"), noise[1] > 0])
    take = torch.div(pixel, height * width, rounding_mode="floor")
    order = torch.argsort(take * (ends_ns[-1] - start_ns) + (t - start_ns), stable=True)
    pixel, t, p, take = pixel[order], t[order], p[order], take[order]
    inside = pixel % (height * width)
    y = torch.div(inside, width, rounding_mode="floor")
    return EventList(torch.bincount(take, minlength=takes), t, (inside % width).int(), y.int(), p)
