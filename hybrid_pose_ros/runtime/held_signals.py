"""Holds Ctrl-C and SIGTERM back while something must not be interrupted half-way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def held_signals() -> Iterator[None]:
    """SIGINT and SIGTERM that come inside the block take effect at its end.

    A KeyboardInterrupt inside would be lost where Python discards exceptions, as in the callbacks
    that follow a fork, or would leave a process behind that nobody knows of. Signals that are
    ignored stay so, for children inherit that. In other threads than the main one, which handlers
    never interrupt, nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    before = {n: known for n, known in before.items() if known not in (None, signal.SIG_IGN)}
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)

    try:
        for number in before:
            signal.signal(number, note)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for pending in dict.fromkeys(came):
            signal.raise_signal(pending)
