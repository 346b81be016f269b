"""Signals at a bad moment: held back until it is over, or repeated where Python lost them."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_AGAIN_S = 0.05


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


@contextmanager
def repeated_interrupts() -> Iterator[None]:
    """A KeyboardInterrupt that Python discards inside the block comes again.

    Where nothing can be raised, as in the callback to which Numba's compiler hands what it has
    compiled, Ctrl-C would only be told and the work go on.
    """
    before = sys.unraisablehook

    def notice(lost: UnraisableHookArgs) -> None:
        if lost.exc_type is KeyboardInterrupt:
            again = threading.Timer(_AGAIN_S, press)
            again.daemon = True
            again.start()
        else:
            before(lost)

    def press() -> None:
        if sys.unraisablehook is notice:  # the block has not ended
            _thread.interrupt_main()

    sys.unraisablehook = notice
    try:
        yield
    finally:
        sys.unraisablehook = before
