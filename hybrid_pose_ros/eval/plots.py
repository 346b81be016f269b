"""Curves of evaluations: error against time, accuracy against power, firing rates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hybrid_pose_ros.eval.tables import label
from hybrid_pose_ros.unfinished import renewed

matplotlib.use("Agg")

Row = dict[str, Any]
# arXiv 2303.14176, camera 3 of DHP19: (name, W at 100 Hz, px), real people and another network.
PUBLISHED = (
    ("published CNN at 100 Hz", 3.72, 5.03),
    ("published hybrid CNN-SNN", 0.424, 5.19),
    ("published CNN held", 0.372, 5.84),
)
_KINDS = {
    "cnn": "#222222", "held": "#8a8a8a", "extrapolated": "#b8a26a", "snn": "#2a9d8f",
    "rnn": "#7b61c4", "hybrid_cnn_snn": "#d1495b", "hybrid_cnn_rnn": "#3478c8",
}  # fmt: skip
_VARIANTS: dict[str, Any] = {
    "no carry": (0, (5, 1)), "no states": "--", "no output": ":", "no keyframe": "-.", "warm": "--",
}  # fmt: skip


def rows_of(results: Sequence[dict[str, Any]], section: str, rate_hz: int | None) -> list[Row]:
    """Rows of one section of all results, at one rate; the first of equal names counts."""
    found: dict[tuple[str, int], Row] = {}
    for result in results:
        for row in result["sections"].get(section, {"rows": []})["rows"]:
            if rate_hz in (None, row["rate_hz"]):
                found.setdefault((label(row), row["rate_hz"]), row)
    return list(found.values())


def error_over_time(rows: list[Row], title: str, path: Path) -> None:
    """2D error against the age of the keyframe: all joints, and fast ones beside them."""
    figure = Figure((11, 4.4), layout="constrained")
    axes = figure.subplots(1, 2, sharex=True)
    for axis, joints in zip(axes, ("all", "fast"), strict=True):
        top = 0.0
        for row in rows:
            values = np.array(row["error_2d_px"][joints], float)
            colour, style = _look(row)
            axis.plot(
                row["t_ms"], values, linestyle=style, color=colour, label=label(row),
                linewidth=1.0 if row["variant"] else 2.0,
            )  # fmt: skip
            if not row["variant"] and np.isfinite(values).any():
                top = max(top, float(np.nanpercentile(values, 90)))
        axis.axvline(100, color="#cccccc", linewidth=0.8, zorder=0)
        axis.set_ylim(0, 1.4 * top if top else 1)
        axis.set_title(f"{joints} joints", fontsize=10)
        axis.set_xlabel("ms after the keyframe")
        plain_axis(axis)
    axes[0].set_ylabel("error, px of the 256 x 256 crop")
    _legend(axes[1])
    figure.suptitle(title, fontsize=11)
    save(figure, path)


def accuracy_over_power(rows: list[Row], title: str, path: Path) -> None:
    """Mean error against mean power (7 nm), both logarithmic, the published results as marks."""
    figure = Figure((7.5, 5), layout="constrained")
    axis = figure.subplots()
    drawn = set()
    for row in rows:
        power, error = row["power_mw"]["7nm"], row["mean_2d_px"]["all"]
        if (
            error is None
            or power <= 0
            or row["variant"].startswith("no ")
            or (label(row), power) in drawn
        ):
            continue  # ablations, and what costs the same at every rate
        drawn.add((label(row), power))
        axis.plot(power, error, "o", color=_look(row)[0], markersize=7)
        name = f" {label(row)}, {row['rate_hz']} Hz"
        axis.annotate(name, (power, error), fontsize=7, xytext=(4, 3), textcoords="offset points")
    for name, watts, error in PUBLISHED:
        axis.plot(1000 * watts, error, "x", color="#999999", markersize=7)
        axis.annotate(
            f" {name}", (1000 * watts, error), fontsize=7, color="#777777", xytext=(4, -9),
            textcoords="offset points",
        )  # fmt: skip
    axis.set_xscale("log")
    axis.set_yscale("log")
    low, high = axis.get_xlim()
    axis.set_xlim(low, 4 * high)
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter("{x:g}")
    axis.tick_params(axis="y", which="both", labelsize=7)
    axis.set_xlabel("mW of arithmetic per camera (7 nm)")
    axis.set_ylabel("error, px (mean until the next keyframe)")
    axis.set_title(f"{title}\ncrosses: published, other people and cameras", fontsize=10)
    plain_axis(axis)
    save(figure, path)


def firing_rates(row: Row, title: str, path: Path) -> None:
    """Share of neurons that fire, per layer and step."""
    figure = Figure((7.5, 4), layout="constrained")
    axis = figure.subplots()
    rates = row["spike_rates"]
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(rates)))
    for (name, values), colour in zip(rates.items(), shades, strict=True):
        axis.plot(row["t_ms"][1:], 100 * np.array(values, float), color=colour, label=name)
    axis.set_ylim(bottom=0)
    axis.set_xlabel("ms after the keyframe")
    axis.set_ylabel("neurons that fire, %")
    axis.set_title(f"{title}: {label(row)}, {row['rate_hz']} Hz", fontsize=10)
    plain_axis(axis)
    _legend(axis)
    save(figure, path)


def _look(row: Row) -> tuple[str, Any]:
    """Colour and line style."""
    return colour_of(row["name"]), _VARIANTS.get(row["variant"], "-")


def colour_of(name: str) -> str:
    """Colour of a network by its name."""
    return _KINDS.get(name.split("/")[1], "#000000")


def plain_axis(axis: Axes) -> None:
    """No frame, a faint grid."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25, linewidth=0.6)


def _legend(axis: Axes) -> None:
    """To the right of the axes."""
    axis.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=8, frameon=False)


def save(figure: Figure, path: Path) -> None:
    """As PNG; the file appears only when it is complete."""
    with renewed(path) as file:
        figure.savefig(file, format="png", dpi=130)
