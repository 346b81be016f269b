"""Measured energy: counters of processors (RAPL) and of NVIDIA GPUs (NVML), where there are any."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

POWERCAP = Path("/sys/class/powercap")
_NVML = "libnvidia-ml.so.1"


class Meter(Protocol):
    """A running count of joules."""

    name: str

    def joules(self) -> float:
        """Since some time in the past."""


class UnavailableError(Exception):
    """This machine cannot measure; the message says why."""


class RaplMeter:
    """All processor packages together; they count microjoules up to a limit and begin again."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        zones = [z for z in sorted(folder.glob("*rapl:*")) if z.name.count(":") == 1]
        if not zones:
            raise UnavailableError(f"RAPL: {folder} has no energy counters")
        self.name = "RAPL"
        self._zones = zones
        try:
            self._last = [self._read(zone, "energy_uj") for zone in zones]
            self._limits = [self._read(zone, "max_energy_range_uj") for zone in zones]
        except (OSError, ValueError) as error:
            raise UnavailableError(f"RAPL: {error}") from error
        self._sum = 0

    @staticmethod
    def _read(zone: Path, name: str) -> int:
        return int((zone / name).read_text())

    def joules(self) -> float:
        now = [self._read(zone, "energy_uj") for zone in self._zones]
        for value, before, limit in zip(now, self._last, self._limits, strict=True):
            self._sum += value - before if value >= before else value - before + limit
        self._last = now
        return self._sum * 1e-6


class NvmlMeter:
    """The first NVIDIA GPU; counts millijoules since its driver was loaded."""

    def __init__(self, library: str = _NVML) -> None:
        self.name = "NVML"
        self._device = ctypes.c_void_p()
        try:
            self._nvml = ctypes.CDLL(library)
            self._call("nvmlInit_v2")
            self._call(
                "nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(0), ctypes.byref(self._device)
            )
            self.joules()
        except (OSError, AttributeError) as error:
            raise UnavailableError(f"NVML: {error}") from error

    def _call(self, name: str, *arguments: object) -> None:
        code = getattr(self._nvml, name)(*arguments)
        if code != 0:
            raise UnavailableError(f"NVML: {name} answered {code}")

    def joules(self) -> float:
        millijoules = ctypes.c_ulonglong()
        self._call("nvmlDeviceGetTotalEnergyConsumption", self._device, ctypes.byref(millijoules))
        return millijoules.value * 1e-3


def find_meter(device: str) -> Meter:
    """The counter of the processor that networks run on: "cpu" or "cuda".

    Raises:
        UnavailableError: there is none, or it may not be read.
    """
    return NvmlMeter() if device == "cuda" else RaplMeter()


def measure(meter: Meter, work: Callable[[], object], seconds: float) -> dict[str, float]:
    """Joules per call of `work`, called again and again for `seconds`, after as long doing nothing.

    Returns:
        calls; joules_per_call of everything the counter saw; idle_w while nothing ran; and
        net_joules_per_call without that.
    """
    start = meter.joules()
    time.sleep(seconds)
    idle_w = (meter.joules() - start) / seconds
    work()
    calls, begin, start = 0, time.perf_counter(), meter.joules()
    while (spent := time.perf_counter() - begin) < seconds:
        work()
        calls += 1
    joules = meter.joules() - start
    return {
        "calls": calls,
        "joules_per_call": joules / calls,
        "idle_w": idle_w,
        "net_joules_per_call": (joules - idle_w * spent) / calls,
    }
