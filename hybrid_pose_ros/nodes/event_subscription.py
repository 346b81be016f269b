"""The subscription to a camera's events, whichever of the event messages its driver publishes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.subscription import Subscription

from hybrid_pose_ros.data.dvs_message import DVS_TYPES
from hybrid_pose_ros.data.typestore import EVENT_PACKET, EVENT_TYPES
from hybrid_pose_ros.nodes import qos

_KNOWN = EVENT_TYPES + DVS_TYPES
_LOOK_S = 0.5


class EventSubscription:
    """Subscribes to EventPacket, and to another type as soon as only that one is published.

    Args:
        node: the subscriber's.
        topic: of the camera.
        on_packet: called with each serialised message and the name of its type.
    """

    def __init__(self, node: Node, topic: str, on_packet: Callable[[bytes, str], None]) -> None:
        self._node, self._topic, self._on_packet = node, topic, on_packet
        self._heard = False
        self._told: set[str] = set()
        self._msgtype = EVENT_PACKET
        self._subscription = self._subscribe(EVENT_PACKET)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(_LOOK_S, self._look, clock=steady)

    def close(self) -> None:
        """End the subscription."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._subscription)

    def _subscribe(self, msgtype: str) -> Subscription:
        package, _, name = msgtype.split("/")
        kind = getattr(import_module(f"{package}.msg"), name)
        callback = partial(self._on_message, msgtype)
        return self._node.create_subscription(kind, self._topic, callback, qos.EVENTS, raw=True)

    def _on_message(self, msgtype: str, raw: bytes) -> None:
        self._heard = True
        self._on_packet(raw, msgtype)

    def _look(self) -> None:
        """Follow the publishers to another type, unless packets are coming."""
        heard, self._heard = self._heard, False
        if heard:
            return
        published = self._node.get_publishers_info_by_topic(self._topic)
        types = {publisher.topic_type for publisher in published} - self._told
        if not types or self._msgtype in types:
            return
        for msgtype in _KNOWN:
            if msgtype in types and self._change(msgtype):
                return
        self._told |= types
        self._node.get_logger().warning(
            f"{self._topic} has the type {', '.join(sorted(types))}, of which no events can be "
            f"read; publish one of {', '.join(_KNOWN)} and install its package here"
        )

    def _change(self, msgtype: str) -> bool:
        try:
            import_module(f"{msgtype.split('/')[0]}.msg")
        except ImportError:
            return False
        # The middleware does not let one process have two types on a topic.
        self._node.destroy_subscription(self._subscription)
        self._subscription, self._msgtype = self._subscribe(msgtype), msgtype
        self._node.get_logger().info(f"{self._topic} is read as {msgtype}")
        return True
