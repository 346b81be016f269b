"""Memory and processor time of processes, read from /proc (Linux)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """What one process uses.

    Attributes:
        pss_bytes: memory, every shared page divided by the number of processes that share it.
        cpu_s: processor time so far, user and system.
    """

    pss_bytes: int
    cpu_s: float


def usage_of(pid: int) -> Usage | None:
    """Usage of a process, or None if it does not exist any more."""
    folder = Path("/proc") / str(pid)
    try:
        memory = (folder / "smaps_rollup").read_text()
        times = (folder / "stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    kilobytes = [int(line.split()[1]) for line in memory.splitlines() if line.startswith("Pss:")]
    ticks = int(times[11]) + int(times[12])  # utime and stime, fields 14 and 15 of proc(5)
    return Usage(sum(kilobytes) * 1024, ticks / os.sysconf("SC_CLK_TCK"))
