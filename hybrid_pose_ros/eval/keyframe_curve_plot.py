"""Error against keyframes per second, and against energy, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from hybrid_pose_ros.eval.plots import colour_of, plain_axis, save

_GOAL_SHARE = 0.03  # of the CNN's energy
_GOAL_GROWTH = 1.03  # of the error with 10 keyframes a second


def keyframe_curve_plot(curve: dict[str, Any], path: Path) -> None:
    """Error against keyframes per second, and against the energy of the CNN in every bin."""
    figure = Figure((11, 4.4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for name, rows in curve["networks"].items():
        for kind, style in (("fixed", "o--"), ("on_demand", "o-")):
            chosen = [row for row in rows if row["keyframes"] == kind]
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
