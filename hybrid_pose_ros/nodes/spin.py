"""Runs a node with little overhead: waits for its messages directly and takes all that have come.

rclpy's executor builds a wait set of everything a node has for each single message; at 400 packets
a second that alone is 16 % of a core, this loop 6 %. Timers and services still run in the executor,
when one is due. (EventsExecutor would be the remedy where it works: with the wheels for machines
without ROS it never runs a callback.)
"""

from __future__ import annotations

import time
from typing import Any

from rclpy.executors import SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerGuardCondition
from rclpy.subscription import Subscription

# The executor gets a turn at least so often, for services.
_TURN_NS = 100_000_000
# So many messages of a subscription are taken before the others are looked at again.
_BURST = 4


class _OthersExecutor(SingleThreadedExecutor):
    """Everything but subscriptions."""

    # rclpy's finaliser looks for it even if a signal cut the constructor short.
    _sigint_gc: Any = None

    def can_execute(self, entity: Any) -> bool:
        return not isinstance(entity, Subscription) and super().can_execute(entity)


class Spinner:
    """Runs the callbacks of one node in the calling thread.

    Subscription callbacks take one argument, the message, and do not destroy subscriptions, which
    timers may do. What a callback raises ends the spinning.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._context = node.context
        self._executor = _OthersExecutor(context=node.context)
        self._executor.add_node(node)
        self._signal = SignalHandlerGuardCondition(context=node.context)
        self._refresh()

    def spin(self, until_s: float | None = None) -> None:
        """Run until the context is shut down, or until time.monotonic() reaches `until_s`."""
        while self._context.ok() and (until_s is None or time.monotonic() < until_s):
            self.spin_once()

    def spin_once(self) -> None:
        """Wait for messages at most until a timer is due; run what is ready."""
        ready = self._wait(max(0, self._next_turn_ns - time.monotonic_ns()))
        for _ in range(_BURST):
            # One message of each subscription in turn, so that none starves another.
            ready = [one for one in ready if self._has(one) and _take(one)]
            self._turn()
            if not ready:
                break

    def close(self) -> None:
        """Release the node; it is not destroyed."""
        self._executor.remove_node(self._node)
        self._executor.shutdown(timeout_sec=0.5)
        self._signal.destroy()

    def _refresh(self) -> None:
        """Look at what the node has now."""
        self._subscriptions = tuple(self._node.subscriptions)
        count = len(self._subscriptions)
        self._wait_set = _rclpy.WaitSet(count, 1, 0, 0, 0, 0, self._context.handle)
        due_ns = [timer.time_until_next_call() for timer in self._node.timers]
        wait_ns = max(0, min([_TURN_NS, *(ns for ns in due_ns if ns is not None)]))
        self._next_turn_ns = time.monotonic_ns() + wait_ns

    def _wait(self, timeout_ns: int) -> list[Subscription]:
        """The subscriptions that have messages; waits in the way of rclpy.wait_for_message."""
        wait_set = self._wait_set
        wait_set.clear_entities()
        wait_set.add_guard_condition(self._signal.handle)
        for subscription in self._subscriptions:
            wait_set.add_subscription(subscription.handle)
        wait_set.wait(timeout_ns)
        pointers = wait_set.get_ready_entities("subscription")
        return [one for one in self._subscriptions if one.handle.pointer in pointers]

    def _has(self, subscription: Subscription) -> bool:
        """Whether a subscription is still there."""
        return self._context.ok() and any(one is subscription for one in self._subscriptions)

    def _turn(self) -> None:
        if time.monotonic_ns() >= self._next_turn_ns and self._context.ok():
            self._executor.spin_once(timeout_sec=0)
            self._refresh()


def _take(subscription: Subscription) -> bool:
    """Run the callback with the next message; False if there was none."""
    with subscription.handle:
        taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
    if taken is None:
        return False
    subscription.callback(taken[0])
    return True
