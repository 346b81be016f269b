"""The hot loop of the event camera: what all pixels do with one more picture."""

from __future__ import annotations

import math

import numpy as np

from hybrid_pose_ros.simulator.kernel import kernel

DARK = np.float32(0.01)  # radiance of the dark current
REFERENCE = np.float32(0.2)  # radiance at which a time constant is given
BLUR = 0.18  # weight of each neighbour in the lens blur
SETTLED = 2e-3  # log units from the final value at which a pixel counts as settled


@kernel
def _blur(image: np.ndarray, v: int, lo: int, hi: int, line: np.ndarray) -> None:
    """Lens blur of row v, columns lo..hi, into `line`."""
    height, width = image.shape
    above, below = max(v - 1, 0), min(v + 1, height - 1)
    centre, side = np.float32(1 - 2 * BLUR), np.float32(BLUR)
    for u in range(max(lo, 1), min(hi, width - 1)):
        left = side * (image[above, u - 1] + image[below, u - 1]) + centre * image[v, u - 1]
        here = side * (image[above, u] + image[below, u]) + centre * image[v, u]
        right = side * (image[above, u + 1] + image[below, u + 1]) + centre * image[v, u + 1]
        line[u] = side * (left + right) + centre * here
    if lo == 0:
        line[0] = image[v, 0]
    if hi == width:
        line[width - 1] = image[v, width - 1]


@kernel
def _fire(
    events: np.ndarray,
    count: int,
    u: int,
    v: int,
    t0: int,
    dt: int,
    old: float,
    new: float,
    memory: float,
    threshold: float,
    on: int,
    last: int,
    refractory: int,
) -> tuple[int, float, int]:
    """Emit the events of one pixel whose log intensity went linearly from old to new."""
    step = threshold if on else -threshold
    while (new - memory - step) * step >= 0.0:
        memory += step
        t = t0 + int(dt * min(max((memory - old) / (new - old), 0.0), 1.0))
        if t - last >= refractory and count < len(events):
            events[count].t = t
            events[count].x = u
            events[count].y = v
            events[count].p = on
            last = t
            count += 1
    return count, memory, last


@kernel
def respond(
    image: np.ndarray,
    rows: np.ndarray,
    t0: int,
    dt: int,
    pace: float,
    refractory: int,
    state: np.ndarray,
    last: np.ndarray,
    thresholds: np.ndarray,
    active: np.ndarray,
    events: np.ndarray,
    count: int,
) -> int:
    """Let all pixels see `image` for the time t0..t0+dt (ns) and append their events.

    Args:
        image: (h, w) radiance; rows: (h, 2) columns that may differ from the last call.
        pace: dt over the time constant of the low-pass at REFERENCE light; inf for no low-pass.
        state: (4, h, w) last blurred radiance, its log, filtered log, log at the last event.
        last: (h, w) time of the last event in ns; thresholds: (2, h, w) OFF, ON.
        active: (h, 2) columns not yet settled, rewritten.
        events: buffer; count: events already in it.

    Returns:
        The new count.
    """
    height, width = image.shape
    line = np.empty(width, np.float32)
    for v in range(height):
        above, below = max(v - 1, 0), min(v + 1, height - 1)
        lo = min(rows[above, 0], rows[v, 0], rows[below, 0]) - 1
        hi = max(rows[above, 1], rows[v, 1], rows[below, 1]) + 1
        lo, hi = max(0, min(lo, active[v, 0])), min(width, max(hi, active[v, 1]))
        active[v, 0], active[v, 1] = width, 0
        if lo >= hi:
            continue
        _blur(image, v, lo, hi, line)
        for u in range(lo, hi):
            light = line[u]
            if light != state[0, v, u]:
                state[0, v, u] = light
                state[1, v, u] = math.log(light + DARK)
            old, target = state[2, v, u], state[1, v, u]
            if old == target:
                continue
            # The photoreceptor is as fast as its photocurrent is large.
            gain = 1.0 - math.exp(-pace * (light + DARK) / (REFERENCE + DARK))
            new = np.float32(old + gain * (target - old))
            if abs(target - new) < SETTLED:
                new = target
            else:
                active[v, 0], active[v, 1] = min(active[v, 0], u), u + 1
            state[2, v, u] = new
            on = 1 if new > old else 0
            memory, threshold = state[3, v, u], thresholds[on, v, u]
            if abs(new - memory) >= threshold:
                count, memory, stamp = _fire(
                    events,
                    count,
                    u,
                    v,
                    t0,
                    dt,
                    old,
                    new,
                    memory,
                    threshold,
                    on,
                    last[v, u],
                    refractory,
                )
                state[3, v, u], last[v, u] = memory, stamp
    return count
