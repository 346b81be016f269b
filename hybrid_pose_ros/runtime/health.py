"""How a camera's stream is doing: rates since the last report, and whether it fell silent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OK, WARN, ERROR = 0, 1, 2


@dataclass(frozen=True)
class Report:
    """One camera's state.

    Attributes:
        level: OK, WARN or ERROR.
        message: for people.
        values: counters and rates as text.
    """

    level: int
    message: str
    values: dict[str, str]


class CameraHealth:
    """Turns growing counters into reports. Times are of any steady clock, in nanoseconds.

    Args:
        camera: name for the messages.
        now_ns: when counting began.
        silence_ns: no events for so long is a warning.
    """

    def __init__(self, camera: str, now_ns: int, silence_ns: int = 1_000_000_000) -> None:
        self._camera = camera
        self._silence_ns = silence_ns
        self._heard_ns = self._reported_ns = now_ns
        self._before: dict[str, int] = {}

    def heard(self, now_ns: int) -> None:
        """A packet has come."""
        self._heard_ns = now_ns

    def report(
        self, now_ns: int, counters: Mapping[str, int], rates: Mapping[str, str], bad: set[str]
    ) -> Report:
        """State since the last report.

        Args:
            now_ns: the time.
            counters: totals that only grow.
            rates: counter -> name of the value that tells its growth per second.
            bad: counters whose growth is a warning.
        """
        seconds = max(now_ns - self._reported_ns, 1) * 1e-9
        new = {name: total - self._before.get(name, 0) for name, total in counters.items()}
        self._before, self._reported_ns = dict(counters), now_ns
        values = {label: f"{new.get(name, 0) / seconds:.1f}" for name, label in rates.items()}
        values |= {name: str(total) for name, total in sorted(counters.items())}
        silent_ns = now_ns - self._heard_ns
        grown = [f"{new[name]} {name}" for name in sorted(bad & new.keys()) if new[name] > 0]
        if silent_ns > self._silence_ns:
            text = f"no events from {self._camera} for {silent_ns * 1e-9:.1f} s"
            return Report(WARN, text, values)
        if grown:
            return Report(WARN, f"{self._camera}: {', '.join(grown)}", values)
        return Report(OK, "ok", values)
