"""The one main of all nodes: start, spin, and end with a status that says what happened."""

from __future__ import annotations

import gc
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from hybrid_pose_ros.errors import UserError
from hybrid_pose_ros.nodes.spin import Spinner

# What a callback meets when a signal ends the context under its hands.
_CUT_OFF = (_rclpy.RCLError, _rclpy.InvalidHandle)
# How often a start looks for signals, and how long it has after one to end in order.
_LOOK_S, _GRACE_S = 0.1, 0.5


class Finished(Exception):  # noqa: N818 - not an error
    """Raised in a callback by a node that has done its work."""


def run(make_node: type[Node], args: list[str] | None = None) -> int:
    """Construct a node and spin it until SIGINT, SIGTERM, or until it is done.

    A node may have a method `close()` that releases threads and files.

    Returns:
        Exit status: 0 after a clean end, 2 after an error that the user can cure.
    """
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", make_node.__name__).lower()  # CnnNode -> cnn_node
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.ALL)
    except _rclpy.RCLError as error:  # such as a parameter file that cannot be read
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    node: Node | None = None
    told: UserError | None = None
    try:
        with _ending_early():
            node = make_node()
        # What start-up made stays for good: the garbage collector need not look at it ever again.
        gc.collect()
        gc.freeze()
        Spinner(node).spin()
    except (KeyboardInterrupt, ExternalShutdownException, Finished):
        pass
    except UserError as error:
        get_logger(name).fatal(str(error))
        told = error
    except _CUT_OFF:
        if rclpy.ok():
            raise
    return _close(node, name, told)


@contextmanager
def _ending_early() -> Iterator[None]:
    """A signal inside the block, the start of a node, ends the process soon.

    The first start ever compiles for a minute. SIGTERM would wait for that, and so does Ctrl-C when
    its KeyboardInterrupt comes in a callback of the compiler, where it is lost. What a node has by
    then needs an orderly end no more than after SIGKILL, which would be next.
    """
    started, lock = threading.Event(), threading.Lock()

    def watch() -> None:
        while not started.wait(_LOOK_S):
            if rclpy.ok() or started.wait(_GRACE_S):
                continue
            with lock:
                if not started.is_set():
                    _exit(0)

    threading.Thread(target=watch, name="early end", daemon=True).start()
    try:
        yield
    finally:
        with lock:
            started.set()


def _close(node: Node | None, name: str, told: UserError | None) -> int:
    """Release everything; 2 if an error ended the node, or does so now."""
    try:
        close = getattr(node, "close", None)
        if close is not None:
            close()
    except UserError as error:
        if error is not told:  # what ended a thread is raised when its node looks, and again here
            get_logger(name).fatal(str(error))
        return 2
    except _CUT_OFF:
        if rclpy.ok():
            raise
    finally:
        if node is not None:
            node.destroy_node()
        context = rclpy.get_default_context()
        rclpy.try_shutdown()
        context.destroy()
    return 0 if told is None else 2


def main(make_node: type[Node]) -> None:
    """Entry point of a node's executable."""
    _exit(run(make_node))


def _exit(status: int) -> None:
    """At once: the interpreter's own end takes seconds where PyTorch is loaded."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
