"""Joints in 3D from their pixels in several cameras, with the uncertainty that follows.

Per joint: linear solution on whitened rays, Gauss-Newton on the reprojection error weighted by the
2D covariances (the maximum likelihood estimate for Gaussian pixels), covariance = inverse of the
normal matrix. With three views or more, views that contradict the others are left out one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hybrid_pose_ros.pose.reprojection import reproject
from hybrid_pose_ros.pose.solver import CHI2_999, solve_points


@dataclass(frozen=True)
class Triangulation:
    """Result for J joints seen by C cameras; NaN where fewer than two views remain.

    Attributes:
        xyz: (J, 3) metres, world.
        covariance: (J, 3, 3) m^2.
        reprojection_px: (J,) root mean square distance over the views used, px.
        views: (J,) uint8, number of views used; 0 or 1 where there is no position.
        used: (C, J) bool, which views were used.
        chi2: (J,) weighted squared residual, 2 * views - 3 degrees of freedom.
    """

    xyz: np.ndarray
    covariance: np.ndarray
    reprojection_px: np.ndarray
    views: np.ndarray
    used: np.ndarray
    chi2: np.ndarray


def triangulate(
    projections: np.ndarray,
    uv: np.ndarray,
    covariance: np.ndarray,
    confidence: np.ndarray,
    *,
    reject: bool = True,
) -> Triangulation:
    """Positions of J joints from C cameras.

    Args:
        projections: (C, 3, 4) metres to pixels, third row scaled to depth (`Camera.projection`).
        uv: (C, J, 2) pixels; NaN = missing.
        covariance: (C, J, 3) px^2: var(u), cov(u, v), var(v); not positive = missing.
        confidence: (C, J); 0 or NaN = missing. It selects views, the covariance weighs them.
        reject: leave out contradicting views where three or more see the joint.
    """
    cameras, joints = np.shape(confidence)
    projections = np.ascontiguousarray(projections, np.float64)
    uv = np.ascontiguousarray(uv, np.float64)
    result = Triangulation(
        xyz=np.full((joints, 3), np.nan),
        covariance=np.full((joints, 3, 3), np.nan),
        reprojection_px=np.full(joints, np.nan),
        views=np.zeros(joints, np.uint8),
        used=np.zeros((cameras, joints), bool),
        chi2=np.full(joints, np.nan),
    )
    solve_points(
        projections,
        uv,
        np.ascontiguousarray(covariance, np.float64),
        np.ascontiguousarray(confidence, np.float64),
        reject,
        result.xyz,
        result.covariance,
        result.views,
        result.used,
        result.chi2,
    )
    reproject(projections, uv, result.used, result.xyz, result.reprojection_px)
    return result


def reprojection_error(
    projections: np.ndarray, uv: np.ndarray, used: np.ndarray, xyz: np.ndarray
) -> np.ndarray:
    """Root mean square distance between points and their pixels over the views used.

    Args:
        projections: (C, 3, 4).
        uv: (C, J, 2) pixels.
        used: (C, J) bool.
        xyz: (J, 3) metres.

    Returns:
        (J,) pixels; NaN where no view was used.
    """
    error = np.full(len(xyz), np.nan)
    reproject(
        np.ascontiguousarray(projections, np.float64),
        np.ascontiguousarray(uv, np.float64),
        used,
        np.ascontiguousarray(xyz, np.float64),
        error,
    )
    return error


def chi2_limit(degrees: np.ndarray) -> np.ndarray:
    """99.9 % quantiles of the chi-square distribution, for 1 to 20 degrees of freedom."""
    return CHI2_999[np.clip(degrees, 1, len(CHI2_999)) - 1]
