#!/usr/bin/env python3
"""Plays the event packets of a recording in real time, stamped as if they came from a camera now.

Out, per recorded event topic:  the same topic (EventPacket), relative to the node's namespace
"""

from __future__ import annotations

from dataclasses import dataclass

from event_camera_msgs.msg import EventPacket
from rclpy.node import Node

from hybrid_pose_ros.data.packet_file import open_packets
from hybrid_pose_ros.errors import ConfigError, RecordingError
from hybrid_pose_ros.nodes import params, qos, run
from hybrid_pose_ros.runtime.player import Player, PlayerOptions


@dataclass(frozen=True)
class ReplayParams(PlayerOptions):
    """Parameters of the node, beside those of `PlayerOptions`.

    Attributes:
        bag: recording to play.
        cameras: play <camera>/events of these; empty for all event topics.
        publishers: wait until somebody publishes these topics, so that the end of the graph is
            ready too and not only who hears the events.
    """

    bag: str = ""
    cameras: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.bag:
            raise ConfigError("bag must be the path of a recording, got ''")


class ReplayNode(Node):
    """Wires a `Player` to publishers; ends by itself unless it loops."""

    def __init__(self, **node_arguments: object) -> None:
        super().__init__("replay_node", **node_arguments)
        config = params.load(self, ReplayParams)
        recording = open_packets(config.bag)
        topics = [f"/{name}/events" for name in config.cameras] or list(recording.cameras)
        if not topics:
            raise RecordingError(f"{config.bag} has no event topic with packets; record it again")
        for topic in topics:
            recording.require_camera(topic)
        self._out = {
            topic: self.create_publisher(EventPacket, topic.lstrip("/"), qos.EVENTS)
            for topic in topics
        }
        self._awaited = config.publishers
        self._player = Player(
            recording,
            topics,
            config,
            publish=lambda topic, raw: self._out[topic].publish(raw),
            listeners=self._listeners,
            say=self.get_logger().info,
        )
        self.create_timer(0.05, self._check)

    def _listeners(self, topic: str) -> int:
        """Subscribers of a topic; none yet while the graph behind them is not complete."""
        complete = all(self.count_publishers(name) for name in self._awaited)
        return self._out[topic].get_subscription_count() if complete else 0

    def _check(self) -> None:
        if self._player.finished():
            raise run.Finished

    def close(self) -> None:
        """End the thread and close the recording."""
        self._player.stop()


def main() -> None:
    """Entry point of the executable."""
    run.main(ReplayNode)


if __name__ == "__main__":
    main()
