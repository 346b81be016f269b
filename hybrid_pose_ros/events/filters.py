"""Clean-up of events before anything else sees them: masks, hot pixels, background activity.

All are off unless they are asked for. What a filter removes depends on the events alone, never on
how they were cut into packets.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numba import njit

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.events.types import empty_events

# A pixel is looked at in such periods of sensor time, and is hot when it was so in all of the last.
PERIOD_NS = 500_000_000
PERIODS = 3
# A moving edge excites neighbours alike; a defect fires so many times as often as all of its eight
# neighbours together.
ALONE = 2
KINDS = ("masked", "hot", "isolated")
_NEVER = -(1 << 62)


@dataclass(frozen=True)
class FilterConfig:
    """What to remove from the events.

    Attributes:
        masks: regions to ignore, each as "camera x y width height" in sensor pixels.
        hot_pixel_hz: ignore pixels that for 1.5 s have fired this often, and twice as often as
            their eight neighbours together, until they calm down; 0 = off.
        background_ms: ignore events without another event in one of the eight neighbouring pixels
            within so many milliseconds before; 0 = off.
    """

    masks: tuple[str, ...] = ()
    hot_pixel_hz: float = 0.0
    background_ms: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.hot_pixel_hz <= 1e6:
            raise ConfigError(f"hot_pixel_hz must be in 0..1e6, got {self.hot_pixel_hz}")
        if not 0 <= self.background_ms <= 1e4:
            raise ConfigError(f"background_ms must be in 0..10000, got {self.background_ms}")
        for text in self.masks:
            _rectangle(text)

    def check_cameras(self, cameras: Collection[str]) -> None:
        """Refuse a mask that is for none of these cameras: it would hide nothing, in silence.

        Raises:
            ConfigError: naming the mask and the cameras.
        """
        for text in self.masks:
            if _rectangle(text)[0] not in cameras:
                raise ConfigError(
                    f"the mask '{text}' is for none of the cameras {', '.join(cameras)}; correct "
                    "its first word or remove it"
                )

    def filter_of(self, camera: str, width: int, height: int) -> EventFilter | None:
        """The filter for one camera; None if there is nothing to do."""
        rectangles = [r for name, r in map(_rectangle, self.masks) if name == camera]
        if not rectangles and self.hot_pixel_hz == 0 and self.background_ms == 0:
            return None
        mask = np.zeros((height, width), np.bool_)
        for x, y, columns, rows in rectangles:
            mask[y : y + rows, x : x + columns] = True
        return EventFilter(mask, self.hot_pixel_hz, round(self.background_ms * 1e6))


class EventFilter:
    """Removes events of one camera.

    Args:
        mask: (height, width) bool, pixels to ignore.
        hot_pixel_hz: 0 = off.
        background_ns: 0 = off.
    """

    def __init__(self, mask: np.ndarray, hot_pixel_hz: float, background_ns: int) -> None:
        height, width = mask.shape
        self._mask = mask
        self._background_ns = background_ns
        self._hot_count = int(np.ceil(hot_pixel_hz * PERIOD_NS * 1e-9))
        # A border of one pixel spares the question whether a neighbour exists.
        self._last_ns = np.full((height + 2, width + 2), _NEVER, np.int64)
        self._counts = np.zeros((height + 2, width + 2), np.int32)
        self._streak = np.zeros((height, width), np.uint8)
        self._period = np.full(1, -1, np.int64)
        self._numbers = np.zeros(len(KINDS), np.int64)

    @property
    def removed(self) -> dict[str, int]:
        """How many events the last call removed, by kind."""
        return dict(zip(KINDS, self._numbers.tolist(), strict=True))

    def apply(self, events: np.ndarray) -> np.ndarray:
        """The events that are left, EVENT_DTYPE; the argument stays as it is."""
        out = np.empty_like(events)
        self._numbers[:] = 0
        kept = _filter(
            np.ascontiguousarray(events).view(np.int64), out.view(np.int64), self._mask,
            self._hot_count, self._counts, self._streak, self._period, self._background_ns,
            self._last_ns, self._numbers,
        )  # fmt: skip
        return out[:kept]


@njit(cache=True)
def _end_period(counts: np.ndarray, streak: np.ndarray, hot_count: int, passed: int) -> None:
    """Judge the pixels by a period that is over; `passed` periods later a new one begins."""
    height, width = streak.shape
    for y in range(height):
        for x in range(width):
            count = counts[y + 1, x + 1]
            hot = False
            if count >= hot_count:
                around = np.int64(0)
                for v in range(3):
                    for u in range(3):
                        around += counts[y + v, x + u]
                hot = count >= ALONE * (around - count)
            streak[y, x] = min(streak[y, x] + 1, PERIODS) if hot and passed == 1 else 0
    counts[:] = 0


@njit(cache=True)
def _filter(
    words: np.ndarray,
    out: np.ndarray,
    mask: np.ndarray,
    hot_count: int,
    counts: np.ndarray,
    streak: np.ndarray,
    period: np.ndarray,
    background_ns: int,
    last_ns: np.ndarray,
    numbers: np.ndarray,
) -> int:
    """Copy what is left; `words` and `out` hold two int64 per event. Returns how many are left."""
    kept = 0
    for i in range(0, len(words), 2):
        t_ns, packed = words[i], words[i + 1]
        x, y = packed & 0xFFFF, (packed >> 16) & 0xFFFF
        if mask[y, x]:
            numbers[0] += 1
            continue
        if hot_count:
            now = t_ns // PERIOD_NS
            if now != period[0]:
                if period[0] >= 0:
                    _end_period(counts, streak, hot_count, now - period[0])
                period[0] = now
            counts[y + 1, x + 1] += 1
            if streak[y, x] >= PERIODS:
                numbers[1] += 1
                continue
        if background_ns:
            last_ns[y + 1, x + 1] = t_ns
            if not _has_neighbour(last_ns, x, y, t_ns, background_ns):
                numbers[2] += 1
                continue
        out[2 * kept], out[2 * kept + 1] = t_ns, packed
        kept += 1
    return kept


@njit(cache=True)
def _has_neighbour(last_ns: np.ndarray, x: int, y: int, t_ns: int, span_ns: int) -> bool:
    """Whether one of the eight pixels around (x, y) has fired in the last span_ns."""
    for v in range(3):
        for u in range(3):
            if 0 <= t_ns - last_ns[y + v, x + u] <= span_ns and (u != 1 or v != 1):
                return True
    return False


def _rectangle(text: str) -> tuple[str, tuple[int, int, int, int]]:
    try:
        name, *numbers = text.split()
        x, y, width, height = map(int, numbers)
    except ValueError:
        raise ConfigError(f"a mask must be 'camera x y width height', got '{text}'") from None
    if min(x, y) < 0 or min(width, height) < 1:
        raise ConfigError(f"a mask must lie on the sensor and have a size, got '{text}'")
    return name, (x, y, width, height)


def warm_up() -> None:
    """Compile (or load from the cache) what the filters run."""
    EventFilter(np.zeros((4, 4), np.bool_), 1.0, 1).apply(empty_events(2))
