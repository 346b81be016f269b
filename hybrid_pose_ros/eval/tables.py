"""An evaluation's figures as tables: Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hybrid_pose_ros.unfinished import write_text

Row = dict[str, Any]
MARKS_MS = (10, 50, 100, 150, 200, 300, 400)  # after the keyframe


def columns(views: list[str]) -> dict[str, Callable[[Row], float | None]]:
    """Heading -> figure of a row; `views` are the numbers of cameras with 3D errors."""
    found: dict[str, Callable[[Row], float | None]] = {
        "px": lambda row: row["mean_2d_px"]["all"],
        "fast px": lambda row: row["mean_2d_px"]["fast"],
        "rest px": lambda row: row["mean_2d_px"]["rest"],
    }
    for ms in MARKS_MS:
        found[f"{ms} ms"] = lambda row, ms=ms: at(row, ms)  # type: ignore[misc]
    for number in views:
        found[f"mm ({number} views)"] = lambda row, n=number: row["mean_3d_mm"].get(n)  # type: ignore[misc]
    return found | {
        "PCK 10 px %": lambda row: _percent(row["pck"]["10"]),
        "jitter px": lambda row: row["jitter_px"],
        "delay ms": lambda row: row["delay_ms"],
        "spikes %": lambda row: _percent(row.get("spike_rate")),
        "mW (7 nm)": lambda row: row["power_mw"]["7nm"],
        "mW (45 nm)": lambda row: row["power_mw"]["45nm"],
    }


def at(row: Row, ms: float, joints: str = "all") -> float | None:
    """2D error so many milliseconds after the keyframe; None where it was not judged."""
    steps = row["t_ms"]
    return row["error_2d_px"][joints][steps.index(ms)] if ms in steps else None


def label(row: Row) -> str:
    """Name of a row for people."""
    return f"{row['name']} ({row['variant']})" if row["variant"] else str(row["name"])


def markdown(result: dict[str, Any]) -> str:
    """A table per section, and what was left out."""
    parts = []
    for section, rows, heads in _sections(result):
        about, recordings = section["about"], len(section["recordings"])
        windows = max(row["windows"] for row in rows)
        parts.append(
            f"### {about[0].upper()}{about[1:]} ({recordings} recordings, {windows} windows)\n"
        )
        parts.append(pipes(["network", "Hz", *heads]))
        parts.append(pipes(["---", *["---:"] * (len(heads) + 1)]))
        for row in rows:
            parts.append(pipes([label(row), str(row["rate_hz"]), *_texts(row, heads)]))
        parts.append("")
    parts += [f"- {line}" for line in result["left_out"]]
    return "\n".join(parts) + "\n"


def comma_separated(result: dict[str, Any]) -> str:
    """All sections in one table of full precision; empty = not judged."""
    views = sorted(
        {n for s in result["sections"].values() for r in s["rows"] for n in r["mean_3d_mm"]}
    )
    heads = columns(views)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["section", "network", "variant", "rate_hz", *heads])
    for name, section in result["sections"].items():
        for row in section["rows"]:
            figures = [figure(row) for figure in heads.values()]
            start = [name, row["name"], row["variant"], row["rate_hz"]]
            writer.writerow([*start, *("" if f is None else repr(f) for f in figures)])
    return out.getvalue()


def latex(result: dict[str, Any]) -> str:
    """A tabular per section (package booktabs)."""
    parts = []
    for section, rows, heads in _sections(result):
        parts.append(f"% {section['about']}")
        parts.append(r"\begin{tabular}{l" + "r" * (len(heads) + 1) + "}")
        parts.append(r"\toprule")
        parts.append(_ampersands(["network", "Hz", *heads]))
        parts.append(r"\midrule")
        for row in rows:
            parts.append(_ampersands([label(row), str(row["rate_hz"]), *_texts(row, heads)]))
        parts += [r"\bottomrule", r"\end{tabular}", ""]
    return "\n".join(parts)


def write_tables(result: dict[str, Any], folder: Path, whole: str) -> None:
    """results.csv, results.tex, and results.md with the text `whole`."""
    for name, text in (
        ("results.md", whole),
        ("results.csv", comma_separated(result)),
        ("results.tex", latex(result)),
    ):
        write_text(folder / name, text)


def _sections(
    result: dict[str, Any],
) -> Iterator[tuple[dict[str, Any], list[Row], dict[str, Callable[[Row], float | None]]]]:
    """Section, its rows, and the columns in which any row has a figure."""
    for section in result["sections"].values():
        rows = section["rows"]
        heads = columns(sorted({n for row in rows for n in row["mean_3d_mm"]}))
        used = {h: f for h, f in heads.items() if any(f(row) is not None for row in rows)}
        yield section, rows, used


def _texts(row: Row, heads: dict[str, Callable[[Row], float | None]]) -> list[str]:
    figures = [figure(row) for figure in heads.values()]
    return ["" if f is None else f"{f:.0f}" if abs(f) >= 100 else f"{f:.2f}" for f in figures]


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share


def pipes(cells: list[str]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def _ampersands(cells: list[str]) -> str:
    escaped = [cell.replace("_", r"\_").replace("%", r"\%") for cell in cells]
    return " & ".join(escaped) + r" \\"
