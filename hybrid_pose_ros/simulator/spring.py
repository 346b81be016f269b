"""Legs that give: a body's weight cannot stop or start within an instant.

The angles of a movement put the hips wherever the lower foot wants them, with a jerk whenever a
foot meets or leaves the floor. The hips of real people follow softly: in CMU clips 02_03 (running)
and 02_04 (jumping) they never feel more than 22 m/s^2.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hybrid_pose_ros.simulator.angles import FRONT, LEFT, legs_of, pelvis_of
from hybrid_pose_ros.simulator.legs import stand
from hybrid_pose_ros.simulator.lengths import Lengths
from hybrid_pose_ros.simulator.pose import Pose

_WIDTH_S = 0.04  # 2 m/s stopped over a normal curve of this width are 20 m/s^2
_GRID_S = 0.01  # heights are worked out at multiples of it, whatever times are asked for
_REACH = round(3.0 * _WIDTH_S / _GRID_S)
_WEIGHTS = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) * _GRID_S / _WIDTH_S) ** 2)
_AVERAGE = Lengths.of_shares(1.0)


def eased(part: Callable[[np.ndarray], Pose], t: np.ndarray) -> Pose:
    """The pose of `part` at times (n,), with hips that rise and sink softly where it says so."""
    pose = part(t)
    if pose.soft.any():
        legs = legs_of(pose, _AVERAGE, *pelvis_of(pose))
        pose.rise += pose.soft * (_soft_heights(part, t) - legs.height(pose.jump))
    return pose


def _soft_heights(part: Callable[[np.ndarray], Pose], t: np.ndarray) -> np.ndarray:
    """Heights (n,) averaged over a normal curve."""
    place = t / _GRID_S
    before = np.floor(place).astype(int)
    first, last = before.min() - 1, before.max() + 2
    knots = np.arange(first - _REACH, last + _REACH + 1)
    soft = np.convolve(_heights(part(knots * _GRID_S)), _WEIGHTS / _WEIGHTS.sum(), "valid")
    x = place - before
    # The cubic through the four neighbours.
    shares = [-x * (x - 1) * (x - 2) / 6, (x + 1) * (x - 1) * (x - 2) / 2]
    shares += [-(x + 1) * x * (x - 2) / 2, (x + 1) * x * (x - 1) / 6]
    return np.sum([w * soft[before - first - 1 + k] for k, w in enumerate(shares)], axis=0)


def _heights(pose: Pose) -> np.ndarray:
    """Height (n,) of the hips of an average body that stands on its feet at once."""
    legs = legs_of(pose, _AVERAGE, *pelvis_of(pose))
    pose.soft[:] = 0.0
    return stand(pose, legs, FRONT, LEFT)[0][:, 2]
