"""2D errors joint by joint, in Markdown."""

from __future__ import annotations

from typing import Any

from hybrid_pose_ros.eval.tables import label, pipes


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
