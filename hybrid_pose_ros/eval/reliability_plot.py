"""How far confidence and covariance can be trusted, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hybrid_pose_ros.eval.plots import plain_axis, save
from hybrid_pose_ros.eval.tables import label

Row = dict[str, Any]


def reliability_plot(row: Row, title: str, path: Path) -> None:
    """Confidence against share of right joints, sigma against error, and coverage."""
    found = row["reliability"]
    figure = Figure((13, 4.2), layout="constrained")
    axes = figure.subplots(1, 3)
    _diagonal(axes[0], found["confidence"], "confidence", "right", 1.0)
    axes[0].set_xlabel("confidence")
    axes[0].set_ylabel("share of joints in the decoder's window")
    ends = [max(r[key], 0.1) for r in found["sigma"] for key in ("sigma_px", "error_px")]
    _diagonal(axes[1], found["sigma"], "sigma_px", "error_px", 1.3 * max(ends))
    for scale, limit in (
        (axes[1].set_xscale, axes[1].set_xlim),
        (axes[1].set_yscale, axes[1].set_ylim),
    ):
        scale("log")
        limit(min(ends) / 1.3, 1.3 * max(ends))
    axes[1].set_xlabel("predicted sigma, px per axis")
    axes[1].set_ylabel("actual error, px per axis (rms)")
    _coverage(axes[2], found["coverage"])
    figure.suptitle(f"{title}: {label(row)}, {row['rate_hz']} Hz", fontsize=11)
    save(figure, path)


def _diagonal(axis: Axes, rows: list[Row], x: str, y: str, top: float) -> None:
    joints = np.array([row["joints"] for row in rows], float)
    most = max(joints.max(initial=0.0), 1.0)
    axis.plot([1e-3, top], [1e-3, top], color="#bbbbbb", linewidth=0.8)
    axis.plot([r[x] for r in rows], [r[y] for r in rows], color="#d1495b", linewidth=1.2)
    axis.scatter(
        [r[x] for r in rows], [r[y] for r in rows], s=8 + 120 * joints / most,
        color="#d1495b", alpha=0.6,
    )  # fmt: skip
    axis.set_xlim(0, top)
    axis.set_ylim(0, top)
    plain_axis(axis)


def _coverage(axis: Axes, coverage: dict[str, dict[str, float]]) -> None:
    for i, shares in enumerate(coverage.values()):
        for nominal, colour in (("0.5", "#3478c8"), ("0.9", "#2a9d8f"), ("0.95", "#d1495b")):
            axis.plot(i, 100 * shares[nominal], "o", color=colour, markersize=6)
    for share, colour in ((50, "#3478c8"), (90, "#2a9d8f"), (95, "#d1495b")):
        axis.axhline(share, color=colour, linewidth=0.8, alpha=0.6)
        axis.plot([], [], "o", color=colour, label=f"ellipses of {share} %")
    axis.legend(fontsize=8, frameon=False, loc="lower right")
    axis.set_xticks(range(len(coverage)), list(coverage), rotation=30, ha="right", fontsize=7)
    axis.set_ylim(0, 101)
    axis.set_ylabel("true joints in their ellipses, %")
    plain_axis(axis)
