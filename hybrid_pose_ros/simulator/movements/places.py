"""Where the feet of somebody stand who now and then steps over to another place.

Between two moves both feet keep their places exactly. In a move one foot steps after the other and
the body goes along; the foot on the side to which it goes is first, so that legs never cross.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.simulator.rhythm import smoothstep

_MOVES = 1024  # enough for an hour
_REST_S = (1.0, 4.0)  # between two moves
_STEP_S = (0.5, 0.7)  # a step of a slow walk (1.18 s a stride)
_TRAVEL = (0.12, 0.88)  # share of a step in which the foot travels: it rises before, lands after


@dataclass(frozen=True)
class Footing:
    """n instants; metres to the front and to the left of the person's place, columns right, left.

    Attributes:
        body: (n, 2) front and left of the body.
        feet: (n, 2, 2) place of each foot, front and left.
        swing: (n, 2) 0..1..0 while a foot is on its way.
        calm: (n,) 1 between moves, 0 during one.
    """

    body: np.ndarray
    feet: np.ndarray
    swing: np.ndarray
    calm: np.ndarray


class Places:
    """A random series of places and the steps between them.

    Args:
        rng: source of places and times.
        reach_m: farthest place to the front, back, left and right.
    """

    def __init__(self, rng: np.random.Generator, reach_m: float) -> None:
        self._step_s = rng.uniform(*_STEP_S, _MOVES)
        ends = np.cumsum(2.0 * self._step_s + rng.uniform(*_REST_S, _MOVES))
        self._starts = np.concatenate([[0.0], ends[:-1]]) - rng.uniform(0.0, 3.0)
        self._places = rng.uniform(-reach_m, reach_m, (_MOVES + 1, 2))
        self._first = (np.diff(self._places[:, 1]) > 0.0).astype(int)  # left when it goes there

    def __call__(self, t: np.ndarray, fade_s: float) -> Footing:
        """The footing at times (n,).

        Args:
            t: seconds.
            fade_s: time before and after a move in which `calm` falls and rises.
        """
        move = np.clip(np.searchsorted(self._starts - fade_s, t, side="right") - 1, 0, _MOVES - 1)
        step_s = self._step_s[move]
        since = t - self._starts[move]
        old, new = self._places[move], self._places[move + 1]
        body = old + (new - old) * smoothstep(0.5 * since / step_s)[:, None]
        order = np.stack([self._first[move] == 1, self._first[move] == 0], axis=-1)
        share = since[:, None] / step_s[:, None] - order  # the later foot begins a step later
        begin, end = _TRAVEL
        gone = smoothstep((share - begin) / (end - begin))
        feet = old[:, None] + gone[..., None] * (new - old)[:, None]
        swing = np.sin(np.pi * np.clip(share, 0.0, 1.0)) ** 2
        away = np.maximum(-since, since - 2.0 * step_s) / fade_s
        return Footing(body, feet, swing, smoothstep(away))
