"""The one main of all nodes: start, spin, and end with a status that says what happened."""

from __future__ import annotations

import gc
import os
import re
import sys

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
    status = 0
    try:
        node = make_node()
        # What start-up made stays for good: the garbage collector need not look at it ever again.
        gc.collect()
        gc.freeze()
        Spinner(node).spin()
    except (KeyboardInterrupt, ExternalShutdownException, Finished):
        pass
    except UserError as error:
        get_logger(name).fatal(str(error))
        status = 2
    except _CUT_OFF:
        if rclpy.ok():
            raise
    return _close(node, name) or status


def _close(node: Node | None, name: str) -> int:
    try:
        close = getattr(node, "close", None)
        if close is not None:
            close()
    except UserError as error:
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
    return 0


def main(make_node: type[Node]) -> None:
    """Entry point of a node's executable."""
    status = run(make_node)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # the interpreter's own end takes seconds where PyTorch is loaded
