"""Where cameras really are, from a person who moved in front of them: bundle adjustment.

Unknown are the poses of the cameras that may have moved, every joint at every time, the lengths of
the bones, and a constant error of every joint in every camera, because a network errs the same way
for long. The other cameras hold the frame and the scale, which pictures cannot know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from hybrid_pose_ros.errors import CalibrationError
from hybrid_pose_ros.pose.bundle_problem import Beliefs, BundleProblem
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.extrinsics import rotation_of_vector
from hybrid_pose_ros.pose.triangulation import triangulate

_ROUNDS = 6
_STEPS = 6
# A view counts half at so many standard deviations, and not at all beyond so many.
_SOFT, _OUTLIER = 2.0, 5.0
_FEWEST = 200  # joints seen by two cameras, below which nothing is worth saying
_SETTLED = 1e-4  # relative change of the cost


@dataclass(frozen=True)
class Adjustment:
    """What the bundle adjustment found.

    Attributes:
        cameras: the refined cameras, in the given order.
        moves: (C, 6) rotation vector in the optical frame, rad, and shift in the world, m.
        errors_px: (C, T, J) distance between measured pixels and those of the result.
        used: (C, T, J) bool, the views that the result rests on.
    """

    cameras: list[Camera]
    moves: np.ndarray
    errors_px: np.ndarray
    used: np.ndarray


def adjust(
    cameras: Sequence[Camera],
    uv: np.ndarray,
    covariance: np.ndarray,
    moved: Sequence[str],
    beliefs: Beliefs | None = None,
) -> Adjustment:
    """Refine the poses of cameras.

    Args:
        cameras: C cameras as calibrated before; lenses and intrinsics stay as they are.
        uv: (C, T, 13, 2) pixels of `Camera.projection`; NaN = missing.
        covariance: (C, T, 13, 3) px^2: var(u), cov(u, v), var(v). Only their ratios count: the
            scale is found from the residuals.
        moved: names of the cameras that may have moved.
        beliefs: what is known beforehand.

    Raises:
        CalibrationError: too little is seen by two cameras at once.
    """
    xyz, weight = _first_joints(cameras, uv)
    whiten = _whitening(covariance)
    weight = weight * whiten.any(axis=(-1, -2))
    problem = BundleProblem(cameras, uv, xyz, beliefs or Beliefs(), moved)
    found, scale = problem.start(), 1.0
    for _ in range(_ROUNDS):
        weight = weight * ((weight > 0).sum(axis=0) >= 2)
        problem.reweight(whiten * (np.sqrt(weight) / scale)[..., None, None])
        found = least_squares(
            problem.residuals, found, problem.jacobian, x_scale="jac", ftol=_SETTLED,
            max_nfev=_STEPS,
        ).x  # fmt: skip
        errors = problem.errors(found)
        distance = np.linalg.norm((whiten @ errors[..., None])[..., 0], axis=-1)
        views = (weight > 0).sum(axis=0)
        freedom = weight * (2 * views - 3) / np.maximum(views, 1)
        scale = np.sqrt((weight * distance**2).sum() / freedom.sum())
        distance /= scale
        near = (weight > 0) & (distance < _OUTLIER)
        weight = np.where(near, 1 / (1 + (distance / _SOFT) ** 2), 0.0)
    moves, biases, _ = problem.split(found)
    errors = errors - biases[:, None]
    refined = [_moved(camera, move) for camera, move in zip(cameras, moves, strict=True)]
    return Adjustment(refined, moves, np.linalg.norm(errors, axis=-1), weight > 0)


def _first_joints(cameras: Sequence[Camera], uv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joints (T, J, 3) from the cameras as they are, and which views (C, T, J) show them."""
    count, times, joints = uv.shape[:3]
    projections = np.stack([camera.projection for camera in cameras])
    flat = uv.reshape(count, -1, 2)
    equal = np.broadcast_to([1.0, 0.0, 1.0], (*flat.shape[:2], 3))
    seen = np.isfinite(flat).all(axis=-1)
    xyz = triangulate(projections, flat, equal, seen, reject=False).xyz.reshape(times, joints, 3)
    solved = np.isfinite(xyz[..., 0])
    if solved.sum() < _FEWEST:
        raise CalibrationError(
            f"only {solved.sum()} joints are seen by two cameras at once, {_FEWEST} are needed; "
            "record somebody who moves about where the views overlap"
        )
    middle = np.nanmedian(xyz.reshape(-1, 3), axis=0)
    weight = (seen.reshape(uv.shape[:3]) & solved).astype(float)
    return np.where(solved[..., None], xyz, middle), weight


def _whitening(covariance: np.ndarray) -> np.ndarray:
    """W (..., 2, 2) with W^T W = inverse covariance; zero where it is not positive."""
    uu, uv, vv = np.moveaxis(np.asarray(covariance, np.float64), -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        rest = vv - uv * uv / uu
        first, second = 1.0 / np.sqrt(uu), 1.0 / np.sqrt(rest)
        rows = np.stack([first, 0 * first, -uv / uu * second, second], axis=-1)
    good = np.isfinite(rows).all(axis=-1, keepdims=True)
    return np.where(good, rows, 0.0).reshape(*uu.shape, 2, 2)


def _moved(camera: Camera, move: np.ndarray) -> Camera:
    rotation = rotation_of_vector(move[:3]) @ camera.rotation
    position = camera.center + move[3:]
    pose = np.column_stack([rotation, -rotation @ position])
    return replace(camera, projection=camera.intrinsics @ pose) if move.any() else camera
