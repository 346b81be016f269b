"""What the fusion knows about one camera, for diagnostics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CameraReport:
    """State of one camera.

    Attributes:
        live: it delivers and is waited for.
        used: its poses go into the skeleton.
        verdict: why, in words; "ok" if there is nothing to say.
        offset_px: half-second mean of the median distance of its joints from their prediction.
        last_ns: its latest stamp; -1 if it never delivered.
        counters: poses "taken", "late" (lost), "duplicate", "replayed" (came after newer ones),
            "corrected" (replaced by a keyframe), "jumps" (out of the others' time); "joints" seen
            and "rejected".
    """

    live: bool
    used: bool
    verdict: str
    offset_px: float
    last_ns: int
    counters: dict[str, int]
