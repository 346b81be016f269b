"""Curves of keyframes on demand, and of reliability."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hybrid_pose_ros.eval.plots import colour_of, plain_axis, save
from hybrid_pose_ros.eval.tables import label

Row = dict[str, Any]
_GOAL_SHARE = 0.03  # of the CNN's energy
_GOAL_GROWTH = 1.03  # of the error with 10 keyframes a second


def keyframe_curve(curve: dict[str, Any], path: Path) -> None:
    """Error against keyframes per second, and against the energy of the CNN in every bin."""
    figure = Figure((11, 4.4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for name, rows in curve["networks"].items():
        for kind, style in (("fixed", "o--"), ("on_demand", "o-")):
            chosen = sorted(
                (row for row in rows if row["keyframes"] == kind),
                key=lambda row: float(row["keyframes_per_s"]),
            )
            errors = [row["error_px"] for row in chosen]
            text = f"{name}, {'fixed rate' if kind == 'fixed' else 'on demand'}"
            look = {"color": colour_of(name), "markersize": 4, "linewidth": 1.4}
            if kind == "fixed":
                look["alpha"] = 0.55
            axes[0].plot([r["keyframes_per_s"] for r in chosen], errors, style, label=text, **look)
            shares = [100 * row["share_of_cnn"]["7nm"] for row in chosen]
            axes[1].plot(shares, errors, style, **look)
        ten = next((r for r in rows if r["keyframes"] == "fixed" and r["bins"] == 10), None)
        if ten is not None:
            for axis in axes:
                axis.axhline(_GOAL_GROWTH * ten["error_px"], color="#bbbbbb", linewidth=0.8)
    axes[1].axvline(100 * _GOAL_SHARE, color="#bbbbbb", linewidth=0.8)
    for axis, text in zip(
        axes, ("keyframes per second", "% of the CNN's energy at 100 Hz (7 nm)"), strict=True
    ):
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter("{x:g}")
        axis.tick_params(axis="x", which="both", labelsize=7)
        axis.set_xlabel(text)
        plain_axis(axis)
    axes[0].set_ylabel("error, px of the 256 x 256 crop")
    axes[0].legend(fontsize=8, frameon=False)
    figure.suptitle(
        f"{curve['about']}\ngrey: 3 % above the error with 10 keyframes per second; 3 % energy",
        fontsize=10,
    )
    save(figure, path)


def reliability(row: Row, title: str, path: Path) -> None:
    """Confidence against share of right joints, sigma against error, and coverage."""
    found = row["reliability"]
    figure = Figure((13, 4.2), layout="constrained")
    axes = figure.subplots(1, 3)
    _diagonal(axes[0], found["confidence"], "confidence", "right", 1.0)
    axes[0].set_xlabel("confidence")
    axes[0].set_ylabel("share of joints that are right (in the decoder's window)")
    ends = [max(r[key], 0.1) for r in found["sigma"] for key in ("sigma_px", "error_px")]
    _diagonal(axes[1], found["sigma"], "sigma_px", "error_px", 1.3 * max(ends))
    for scale, limit in (
        (axes[1].set_xscale, axes[1].set_xlim),
        (axes[1].set_yscale, axes[1].set_ylim),
    ):
        scale("log")
        limit(min(ends) / 1.3, 1.3 * max(ends))
    axes[1].set_xlabel("predicted sigma, px per axis")
    axes[1].set_ylabel("actual error, px per axis (root mean square)")
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
    axis.set_xticks(range(len(coverage)), list(coverage), rotation=30, ha="right", fontsize=7)
    axis.set_ylim(0, 101)
    axis.set_ylabel("true joints in their ellipses of 50, 90 and 95 %, %")
    plain_axis(axis)
