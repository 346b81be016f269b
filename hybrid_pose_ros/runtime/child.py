"""One supervised process: started, its output passed on line by line, ended for sure."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

_PR_SET_PDEATHSIG = 1
_LAST_LINES = 12


@dataclass(frozen=True)
class ProcessSpec:
    """What to start.

    Attributes:
        name: for people, before every line of output.
        command: program and arguments.
        environment: added to this process's own.
        may_finish: ending with status 0 is no reason to stop the others.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    may_finish: bool = False


class Child:
    """A running process.

    It leads its own process group, so that Ctrl-C in a terminal reaches only the supervisor, which
    ends its children in order; and the kernel ends it if the supervisor is killed.

    Args:
        spec: what to start.
        write: called with every line of output (in another thread).

    Raises:
        OSError: the program cannot be started.
    """

    def __init__(self, spec: ProcessSpec, write: Callable[[str], None]) -> None:
        self.spec = spec
        self._write = write
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._process = subprocess.Popen(
            spec.command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **spec.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            bufsize=1,
            process_group=0,
            preexec_fn=_die_with_parent,
        )
        self._reader = threading.Thread(target=self._pass_on, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        """Exit status (negative: the signal that ended it), or None while it runs."""
        return self._process.poll()

    def last_lines(self) -> list[str]:
        """The last lines of its output; complete once it has ended."""
        if self.poll() is not None:
            self._reader.join(1.0)
        return list(self._last)

    def send(self, number: signal.Signals) -> None:
        """Signal the process and whatever it started."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended within timeout_s."""
        try:
            self._process.wait(max(0.0, timeout_s))
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """After its end: the rest of its output is passed on."""
        self._reader.join(1.0)

    def _pass_on(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream:
            for line in stream:
                line = line.rstrip("\n")
                self._last.append(line)
                self._write(f"[{self.spec.name}] {line}")


def describe_exit(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


_libc = ctypes.CDLL(None, use_errno=True)  # looked up before any fork


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
