"""Error against keyframes per second, in Markdown."""

from __future__ import annotations

from typing import Any

from hybrid_pose_ros.eval.tables import pipes

HEADS = [
    "keyframes", "per s", "px", "fast px", "rest px", "px at a fixed rate", "to it", "to 10 Hz",
    "mW", "of the CNN",
]  # fmt: skip


def curve_markdown(result: dict[str, Any]) -> str:
    """Error against keyframes per second, a table per section and network; empty without one."""
    parts = []
    for curve in result.get("keyframes", {}).values():
        for network, rows in curve["networks"].items():
            parts.append(f"### {network}, error and keyframes per second: {curve['about']}\n")
            parts.append(pipes(HEADS))
            parts.append(pipes(["---", *["---:"] * (len(HEADS) - 1)]))
            parts += [pipes(_curve_cells(row)) for row in rows]
            parts.append("")
    return "\n".join(parts)


def _setting(row: dict[str, Any]) -> str:
    """Name of a row of the curve."""
    if row["keyframes"] == "fixed":
        return f"fixed, every {10 * row['bins']} ms"
    return f"on demand, {row['drift_px']:g} px"


def _curve_cells(row: dict[str, Any]) -> list[str]:
    def number(value: float | None, digits: int = 2) -> str:
        return "" if value is None else f"{value:.{digits}f}"

    error, fixed = row["error_px"], row["fixed_error_px"]
    return [
        _setting(row), number(row["keyframes_per_s"], 1), number(error), number(row["fast_px"]),
        number(row["rest_px"]), number(fixed), number(error / fixed, 3),
        number(row["relative_to_10_hz"], 3), number(row["power_mw"]["7nm"]),
        f"{100 * row['share_of_cnn']['7nm']:.1f} %",
    ]  # fmt: skip
