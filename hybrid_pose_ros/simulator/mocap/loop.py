"""Makes a short clip last: finds where it can begin again, and blends the seam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.simulator.mocap.retarget import Track
from hybrid_pose_ros.simulator.vectors import unit

_BLEND_S = 0.25
_VELOCITY_S = 0.1  # so many seconds of motion weigh as much as the pose itself
_ALMOST = 1.5  # so many times the best distance is still as good
_COMPARED_HZ = 30.0  # frames are compared at this rate


@dataclass(frozen=True)
class Loop:
    """A track whose end leads back into it.

    Attributes:
        track: the frames up to the end of the loop, and a few beyond it.
        start_s: where the loop begins again.
        period_s: length of the loop: the frame at start_s + period_s is the one at start_s.
    """

    track: Track
    start_s: float
    period_s: float


def looped(track: Track) -> Loop:
    """The longest part of a track that can be repeated, with a blended seam.

    Of all pairs of a frame in the first part and one in the last, the pair with about the most
    similar pose and speed the longest is taken: a walk repeats whole strides.
    """
    n, rate = len(track.ways), track.rate_hz
    blend = int(min(_BLEND_S * rate, n // 4))
    first, last = _seam(track, blend)
    share = np.linspace(0.0, 1.0, blend + 1)
    share = share * share * (3.0 - 2.0 * share)
    ways, place = track.ways[: last + 1].copy(), track.place[: last + 1].copy()
    old, new = slice(last - blend, last + 1), slice(first - blend, first + 1)
    ways[old] = unit(ways[old] + share[:, None, None] * (track.ways[new] - ways[old]))
    place[old] += share[:, None] * (track.place[new] - place[old])
    # What follows the end is what follows the beginning: smoothing must see it.
    ways, place = (np.concatenate([a, a[first + 1 : last]]) for a in (ways, place))
    return Loop(Track(rate, ways, place), first / rate, (last - first) / rate)


def _seam(track: Track, blend: int) -> tuple[int, int]:
    """Frames (first, last) where the loop begins and ends; first >= blend."""
    n, rate = len(track.ways), track.rate_hz
    flat = np.concatenate([track.ways.reshape(n, -1), track.place], axis=1)
    speed = np.gradient(flat, 1.0 / rate, axis=0) * _VELOCITY_S
    step = max(1, round(rate / _COMPARED_HZ))
    firsts = np.arange(blend, max(blend + 1, int(0.4 * n)), step)
    lasts = np.arange(n - 1, max(n - 1 - int(0.4 * n), firsts[0] + blend), -step)
    state = np.concatenate([flat, speed], axis=1)
    square = np.sum(state**2, axis=1)
    distance = square[firsts][:, None] + square[lasts] - 2.0 * state[firsts] @ state[lasts].T
    period = np.where(distance <= _ALMOST * distance.min(), lasts - firsts[:, None], 0)
    i, j = np.unravel_index(np.argmax(period), period.shape)
    return int(firsts[i]), int(lasts[j])
