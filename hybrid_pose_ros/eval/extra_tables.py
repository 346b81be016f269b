"""Tables beside the comparison, in Markdown: joints, reliability, and the keyframe curve."""

from __future__ import annotations

from typing import Any

from hybrid_pose_ros.eval.tables import label, markdown, pipes

HEADS = [
    "keyframes", "per s", "px", "fast px", "rest px", "px at a fixed rate", "to it", "to 10 Hz",
    "mW", "of the CNN",
]  # fmt: skip


def whole_markdown(result: dict[str, Any]) -> str:
    """Everything that was judged."""
    parts = (markdown, joints_markdown, reliability_markdown, curve_markdown)
    return "".join(part(result) for part in parts)


def joints_markdown(result: dict[str, Any]) -> str:
    """2D error of every joint until the next keyframe, a table per section."""
    parts = []
    for section in result["sections"].values():
        rows = [row for row in section["rows"] if "joints_2d_px" in row]
        if not rows:
            continue
        joints = list(rows[0]["joints_2d_px"])
        parts.append(f"### Error of each joint, px: {section['about']}\n")
        parts.append(pipes(["network", "Hz", *(joint.replace("_", " ") for joint in joints)]))
        parts.append(pipes(["---", *["---:"] * (len(joints) + 1)]))
        for row in rows:
            cells = ["" if (px := row["joints_2d_px"][j]) is None else f"{px:.1f}" for j in joints]
            parts.append(pipes([label(row), str(row["rate_hz"]), *cells]))
        parts.append("")
    return "\n".join(parts)


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


def setting(row: dict[str, Any]) -> str:
    """Name of a row of the curve."""
    if row["keyframes"] == "fixed":
        return f"fixed, every {10 * row['bins']} ms"
    return f"on demand, {row['drift_px']:g} px"


def _curve_cells(row: dict[str, Any]) -> list[str]:
    def number(value: float | None, digits: int = 2) -> str:
        return "" if value is None else f"{value:.{digits}f}"

    error, fixed = row["error_px"], row["fixed_error_px"]
    return [
        setting(row), number(row["keyframes_per_s"], 1), number(error), number(row["fast_px"]),
        number(row["rest_px"]), number(fixed), number(error / fixed, 3),
        number(row["relative_to_10_hz"], 3), number(row["power_mw"]["7nm"]),
        f"{100 * row['share_of_cnn']['7nm']:.1f} %",
    ]  # fmt: skip


def reliability_markdown(result: dict[str, Any]) -> str:
    """Shares of true joints in their ellipses, a table per section; empty if none is known."""
    parts = []
    for section in result["sections"].values():
        rows = [row for row in section["rows"] if "reliability" in row]
        if not rows:
            continue
        heads = list(rows[0]["reliability"]["coverage"])
        parts.append(
            f"### True joints in the 95 % ellipses (in those of 50 %): {section['about']}\n"
        )
        parts.append(pipes(["network", "Hz", *heads]))
        parts.append(pipes(["---", *["---:"] * (len(heads) + 1)]))
        for row in rows:
            shares = row["reliability"]["coverage"]
            cells = [
                f"{100 * shares[h]['0.95']:.1f} ({100 * shares[h]['0.5']:.0f})"
                if h in shares else ""
                for h in heads
            ]  # fmt: skip
            parts.append(pipes([label(row), str(row["rate_hz"]), *cells]))
        parts.append("")
    return "\n".join(parts)
