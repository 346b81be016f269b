"""Lengths of a person's limbs, learnt while two cameras see them, and used where one does not.

A length is used at the output only and never fed back into the filters: it is one fact about the
person, and a filter that heard it a hundred times a second would believe it a hundred times.
"""

from __future__ import annotations

import numpy as np

from hybrid_pose_ros.pose.bone_steps import condition, impossible, measure
from hybrid_pose_ros.skeleton import LIMBS

# Joints are not hinges: as far as the distance between two of them changes with the posture.
_RIGID_STD_M = 0.08
# Errors of poses this close in time are the same, so that they count as one.
_CORRELATION_S = 0.3
# A length is known once its standard deviation is below.
_KNOWN_STD_M = 0.03
_BEST_STD_M = 0.01
_FORGET_S, _FORGET_REFUSED_S = 120.0, 5.0
_GATE = 9.0
# No limb of anybody is longer or shorter; and none changes by more than these factors.
_SHORTEST_M, _LONGEST_M = 0.04, 0.9
_SHORTER, _LONGER = 0.5, 1.5


class Bones:
    """Running mean of each limb's length.

    Attributes:
        arrays: everything that changes, changed in place only.
    """

    def __init__(self) -> None:
        self._limbs = np.array(LIMBS, np.int64)
        self._mean = np.zeros(len(LIMBS))
        self._information = np.zeros(len(LIMBS))  # 1 / m^2
        self.arrays = (self._mean, self._information)

    @property
    def known(self) -> np.ndarray:
        """(L,) bool, limbs whose length is known."""
        return self._information > _KNOWN_STD_M**-2

    @property
    def lengths(self) -> np.ndarray:
        """(L,) m; NaN where not known yet."""
        return np.where(self.known, self._mean, np.nan)

    def learn(
        self, xyz: np.ndarray, covariance: np.ndarray, sure: np.ndarray, seconds: float
    ) -> None:
        """Take a look at a skeleton.

        Args:
            xyz: (13, 3) metres.
            covariance: (13, 3, 3) m^2.
            sure: (13,) bool, joints that more than one camera sees now.
            seconds: since the last look.
        """
        length, variance = self._measure(xyz, covariance)
        usable = sure[self._limbs].all(axis=1) & np.isfinite(length)
        variance = np.where(usable, variance + _RIGID_STD_M**2, 1.0)
        off = np.where(usable, length - self._mean, 0.0)
        wide = variance + 1.0 / np.maximum(self._information, 1e-9)
        refused = usable & self.known & (off**2 > _GATE * wide)
        memory = np.where(refused, _FORGET_REFUSED_S, _FORGET_S)
        self._information *= np.exp(-seconds / memory)
        fresh = np.where(usable & ~refused, min(1.0, seconds / _CORRELATION_S) / variance, 0.0)
        self._information += fresh
        self._mean += fresh * off / np.maximum(self._information, 1e-9)
        np.minimum(self._information, _BEST_STD_M**-2, out=self._information)

    def apply(
        self, xyz: np.ndarray, covariance: np.ndarray, known: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The most likely joints with the known lengths: (13, 3) m and (13, 3, 3) m^2.

        Limbs that contradict their length are left as they are.
        """
        usable = self.known & known[self._limbs].all(axis=1)
        if not usable.any():
            return xyz, covariance
        count = len(xyz)
        places, joint = xyz.copy(), np.zeros((count, 3, count, 3))
        every = np.arange(count)
        joint[every, :, every, :] = covariance
        variance = 1.0 / np.maximum(self._information, 1e-9) + _RIGID_STD_M**2
        mean = np.where(usable, self._mean, np.nan)
        flat = joint.reshape(3 * count, 3 * count)
        condition(places, flat, self._limbs, mean, variance, _GATE)
        result = joint[every, :, every, :]
        return places, np.where(known[:, None, None], result, covariance)

    def impossible(self, xyz: np.ndarray) -> np.ndarray:
        """(13,) bool: joints at the end of a limb that nobody has; False where unknown."""
        known, result = self.known, np.zeros(len(xyz), bool)
        low = np.where(known, np.maximum(_SHORTEST_M, _SHORTER * self._mean), _SHORTEST_M)
        high = np.where(known, np.minimum(_LONGEST_M, _LONGER * self._mean), _LONGEST_M)
        impossible(xyz, self._limbs, low, high, result)
        return result

    def _measure(self, xyz: np.ndarray, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        length, variance = np.empty(len(self._limbs)), np.empty(len(self._limbs))
        measure(xyz, covariance, self._limbs, length, variance)
        return length, variance
