"""Result files in the layout of the published code (uzh-rpg/hybrid_ann_snn), line by line.

    static_conv_snn:[...]            spike rate of a layer in every step
    total static_conv_snn:0.2        their sum
    val_running_mpjpe_avg10:5.1      mean over the steps
    val_running_mpjpe:5.2            last step
    val_mpjpe_list:[...]             every step
    ablation_mpjpe_list:[...]        the keyframe held instead

A CNN has `val_running_mpjpe` at the keyframe and, where it was computed, `val_running_loss`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_pose_ros.unfinished import write_text

# Our layers of the published spiking networks -> the published names.
LAYERS = {
    "static": "static_conv", "down1": "down1", "down2": "down2", "down3": "down3",
    "res2": "residualBlock", "up1": "up1", "up2": "up2", "up3": "up3", "res1": "mid_residualBlock",
}  # fmt: skip


def sequence_text(
    errors: Sequence[float | None],
    held: Sequence[float | None],
    rates: Mapping[str, Sequence[float | None]],
    hybrid: bool,
) -> str:
    """The file of a network that makes steps.

    Args:
        errors: px, of each step after the keyframe.
        held: the same of the held keyframe; empty where there is none.
        rates: layer -> spike rate of each step.
        hybrid: layers get the suffix of the hybrids.
    """
    names = [name for name in LAYERS if name in rates] if set(rates) <= set(LAYERS) else list(rates)
    shown = {_layer(name, hybrid): np.array(rates[name], np.float64) for name in names}
    lines = [f"{name}:{values}" for name, values in shown.items()]
    lines += [f"total {name}:{values.sum()}" for name, values in shown.items()]
    values = np.array(errors, np.float64)
    lines += [
        f"val_running_mpjpe_avg10:{values.mean()}",
        f"val_running_mpjpe:{values[-1]}",
        f"val_mpjpe_list:{values}",
    ]
    if len(held):
        lines.append(f"ablation_mpjpe_list:{np.array(held, np.float64)}")
    return "\n".join(lines) + "\n"


def keyframe_text(error: float | None, loss: float | None = None) -> str:
    """The file of a CNN: error at the keyframe, px, and its loss."""
    lines = [f"val_running_mpjpe:{np.float64(np.nan if error is None else error)}"]
    if loss is not None:
        lines.append(f"val_running_loss:{loss}")
    return "\n".join(lines) + "\n"


def write_published(result: dict[str, Any], folder: Path) -> None:
    """One file per section, network and rate of an evaluation."""
    for section, judged in result["sections"].items():
        held = {
            (row["name"].split("/")[0], row["rate_hz"]): row
            for row in judged["rows"]
            if row["name"].endswith("/held")
        }
        for row in judged["rows"]:
            preset, kind = row["name"].split("/")
            if row["variant"] or kind in ("held", "extrapolated"):
                continue
            path = folder / f"{section}_{preset}_{kind}_{row['rate_hz']}hz.txt"
            write_text(path, _row_text(row, held.get((preset, row["rate_hz"]))))


def _row_text(row: dict[str, Any], held: dict[str, Any] | None) -> str:
    if row["name"].endswith("/cnn"):
        return keyframe_text(row["error_2d_px"]["published"][0])
    steps = sum(0 < ms <= 100 for ms in row["t_ms"])  # until the next keyframe
    after = slice(1, 1 + steps)
    rates = {name: rate[:steps] for name, rate in row.get("spike_rates", {}).items()}
    ablation = held["error_2d_px"]["published"][after] if held else []
    hybrid = row["name"].split("/")[1].startswith("hybrid")
    return sequence_text(row["error_2d_px"]["published"][after], ablation, rates, hybrid)


def _layer(name: str, hybrid: bool) -> str:
    published = LAYERS.get(name, name)
    return f"{published}_snn" if hybrid and not published.startswith("mid_") else published
