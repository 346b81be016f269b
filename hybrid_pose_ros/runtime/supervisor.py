"""Runs the processes of a graph: watches them, says who died and why, and ends them all in time."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hybrid_pose_ros.errors import UserError
from hybrid_pose_ros.runtime.child import Child, ProcessSpec, describe_exit
from hybrid_pose_ros.runtime.held_signals import held_signals
from hybrid_pose_ros.runtime.process_usage import Usage, usage_of

# Together less than the 3 s that Ctrl-C may take.
_TERM_S, _KILL_S = 2.0, 0.7
_POLL_S = 0.05


class ProcessError(UserError):
    """A process of the graph ended that should not have."""


@dataclass(frozen=True)
class Exit:
    """A process that ended by itself.

    Attributes:
        name: of the process.
        status: as subprocess has it, negative for a signal.
        last_lines: of its output.
        shown: whoever reads this has seen them.
    """

    name: str
    status: int
    last_lines: list[str]
    shown: bool

    def __str__(self) -> str:
        text = f"{self.name} ended with {describe_exit(self.status)}"
        if self.shown and self.last_lines:
            return f"{text}; its last lines are above, after [{self.name}]"
        return "\n    ".join([text + (":" if self.last_lines else ""), *self.last_lines])


class Supervisor:
    """A context manager around the processes of a graph.

    Args:
        specs: what to start, in this order; they are stopped in the opposite order.
        on_exit: "stop": one that ends unasked ends all; "restart": it is started again.
        restart_limit: so many times each, then it counts as "stop".
        write: called with every line of output and every remark.
        shown: whether `write` shows them to whoever reads the errors, which then do not say again
            what a process has said.
    """

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        on_exit: str = "stop",
        restart_limit: int = 5,
        write: Callable[[str], None] = print,
        shown: bool = True,
    ) -> None:
        self._specs = {spec.name: spec for spec in specs}
        if len(self._specs) != len(specs):
            raise ValueError(f"names must differ, got {[spec.name for spec in specs]}")
        self._restarts_left = dict.fromkeys(
            self._specs, restart_limit if on_exit == "restart" else 0
        )
        self._write, self._shown = write, shown
        self._children: dict[str, Child] = {}
        self._finished: dict[str, int] = {}

    def __enter__(self) -> Supervisor:
        try:
            for name in self._specs:
                self._start(name)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check(self) -> None:
        """Restart what ended, or give up on it.

        Raises:
            ProcessError: naming the process, its status and, unless they are shown anyway, its last
                lines of output.
        """
        for name, child in list(self._children.items()):
            status = child.poll()
            if status is None:
                continue
            end = Exit(name, status, child.last_lines(), self._shown)
            child.close()
            del self._children[name]
            self._finished[name] = status
            if status == 0 and child.spec.may_finish:
                continue
            if self._restarts_left[name] == 0:
                raise ProcessError(str(end))
            self._restarts_left[name] -= 1
            self._write(f"{end}\n{name} is started again ({self._restarts_left[name]} times left)")
            self._start(name)

    def wait(self, name: str | None = None, tick: Callable[[], None] | None = None) -> None:
        """Watch until process `name` has finished with status 0 (None: until all have).

        Args:
            name: a process that may finish.
            tick: called about 20 times a second.

        Raises:
            ProcessError: a process ended that should not have.
        """
        while name in self._children if name else self._children:
            self.check()
            if tick is not None:
                tick()
            time.sleep(_POLL_S)

    def stop(self, *names: str) -> dict[str, int]:
        """End these processes (default: all): SIGTERM, and SIGKILL to those that do not listen.

        Returns:
            Exit status by name, also of those that had finished before.
        """
        with held_signals():  # pressed again, Ctrl-C waits until nothing is left behind
            self._end(names or (*reversed(self._specs),))
        return dict(self._finished)

    def __contains__(self, name: str) -> bool:
        """Whether the process runs."""
        return name in self._children

    def usage(self) -> dict[str, Usage]:
        """Memory and processor time of the processes that run."""
        found = {name: usage_of(child.pid) for name, child in self._children.items()}
        return {name: usage for name, usage in found.items() if usage is not None}

    def _start(self, name: str) -> None:
        spec = self._specs[name]
        try:
            with held_signals():
                self._children[name] = Child(spec, self._write)
        except OSError as error:
            raise ProcessError(
                f"{name} cannot be started: {spec.command[0]}: {error.strerror}"
            ) from None

    def _end(self, names: tuple[str, ...]) -> None:
        stopped = {n: self._children.pop(n) for n in names if n in self}
        deadline = time.monotonic() + _TERM_S
        for child in stopped.values():
            child.send(signal.SIGTERM)
        late = [child for child in stopped.values() if not child.wait(deadline - time.monotonic())]
        for child in late:
            self._write(f"{child.spec.name} does not end by itself: killed")
            child.send(signal.SIGKILL)
        for child in late:
            child.wait(_KILL_S)
        for name, child in stopped.items():
            child.close()
            status = child.poll()
            self._finished[name] = -signal.SIGKILL if status is None else status
