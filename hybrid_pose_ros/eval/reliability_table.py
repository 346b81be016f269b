"""How many true joints lie in the ellipses told, in Markdown."""

from __future__ import annotations

from typing import Any

from hybrid_pose_ros.eval.tables import label, pipes


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
