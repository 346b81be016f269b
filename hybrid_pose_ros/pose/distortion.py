"""Lenses that bend straight lines: plumb-bob (radial and tangential) and fisheye (equidistant).

A lens moves the direction (x, y) = (X / Z, Y / Z) of a point in the camera's frame to (x', y'); the
intrinsic matrix makes pixels of it. Formulas and the order of the coefficients are OpenCV's and
those of sensor_msgs/CameraInfo.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hybrid_pose_ros.errors import CalibrationError
from hybrid_pose_ros.pose import distortion_kernel

# The names under which files and drivers know the models, and how many coefficients each may have.
_FISHEYE = {"fisheye", "equidistant", "kannala_brandt"}
_PLUMB_BOB = {"plumb_bob", "radtan", "rational_polynomial"}
_NOTHING = 1e-9  # a coefficient below has no effect at any angle that a camera sees
_COUNTS = {"fisheye": (4,), "plumb_bob": (4, 5, 8)}


@dataclass(frozen=True)
class Distortion:
    """One lens.

    Attributes:
        model: "plumb_bob" or "fisheye"; "radtan", "rational_polynomial", "equidistant" and
            "kannala_brandt" are other names for them.
        coefficients: plumb_bob: k1, k2, p1, p2[, k3[, k4, k5, k6]]; fisheye: k1..k4.
        reach: largest tan of the angle off the axis at which the model still describes a lens;
            beyond, its polynomial turns back and would show one point twice. inf = everywhere.
    """

    model: str
    coefficients: tuple[float, ...]
    reach: float = field(init=False)

    def __post_init__(self) -> None:
        model = "fisheye" if self.model in _FISHEYE else "plumb_bob"
        if self.model not in _FISHEYE | _PLUMB_BOB:
            raise CalibrationError(
                f"distortion model {self.model!r} is not known; known are "
                f"{', '.join(sorted(_FISHEYE | _PLUMB_BOB))}"
            )
        try:
            numbers = tuple(float(number) for number in self.coefficients)
        except (TypeError, ValueError):
            numbers = ()
        if len(numbers) not in _COUNTS[model] or not np.isfinite(numbers).all():
            counts = " or ".join(str(count) for count in _COUNTS[model])
            raise CalibrationError(
                f"{self.model} needs {counts} finite coefficients, got {self.coefficients!r}"
            )
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "coefficients", numbers)
        object.__setattr__(self, "reach", _reach(model, self._padded()))

    def distort(self, xy: np.ndarray) -> np.ndarray:
        """Straight to bent directions: (..., 2) -> (..., 2); NaN beyond `reach`."""
        return self._run(xy, inverse=False)[0]

    def undistort(self, xy: np.ndarray) -> np.ndarray:
        """Inverse of `distort`: (..., 2) -> (..., 2); NaN where no direction is bent to it."""
        return self._run(xy, inverse=True)[0]

    def jacobian(self, xy: np.ndarray) -> np.ndarray:
        """Derivative of `distort` at straight directions: (..., 2) -> (..., 2, 2)."""
        return self._run(xy, inverse=False)[1]

    def undistort_jacobian(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`undistort` (..., 2), and the derivative of `distort` there (..., 2, 2)."""
        return self._run(xy, inverse=True)

    def _run(self, xy: np.ndarray, inverse: bool) -> tuple[np.ndarray, np.ndarray]:
        xy = np.asarray(xy, np.float64)
        flat = np.ascontiguousarray(xy.reshape(-1, 2))
        run = distortion_kernel.unbend if inverse else distortion_kernel.bend
        moved, slope = run(self.model == "fisheye", self._padded(), self.reach, flat)
        return moved.reshape(xy.shape), slope.reshape(*xy.shape, 2)

    def _padded(self) -> np.ndarray:
        """(8,) coefficients; those that a lens lacks are zero."""
        padded = np.zeros(8)
        padded[: len(self.coefficients)] = self.coefficients
        return padded


def _reach(model: str, k: np.ndarray) -> float:
    """First radius at which the bent radius stops growing, as tan of the angle off the axis."""
    if model == "fisheye":  # bent angle: a (1 + k1 a^2 + k2 a^4 + k3 a^6 + k4 a^8)
        slope = np.polynomial.Polynomial([1, 3 * k[0], 5 * k[1], 7 * k[2], 9 * k[3]])
        turns = _positive_roots(slope)
        angle = np.sqrt(turns.min(initial=np.inf))
        return float(np.tan(angle)) if angle < np.pi / 2 else np.inf
    # bent radius: r n(r^2) / d(r^2)
    n = np.polynomial.Polynomial([1, k[0], k[1], k[4]])
    d = np.polynomial.Polynomial([1, k[5], k[6], k[7]])
    square = np.polynomial.Polynomial([0, 2])
    slope = n * d + square * (n.deriv() * d - n * d.deriv())
    turns = np.concatenate([_positive_roots(slope), _positive_roots(d)])
    return float(np.sqrt(turns.min(initial=np.inf)))


def _positive_roots(polynomial: np.polynomial.Polynomial) -> np.ndarray:
    roots = polynomial.trim(_NOTHING).roots()
    real = roots.real[np.abs(roots.imag) < 1e-9 * (1 + np.abs(roots))]
    return real[real > 0]
