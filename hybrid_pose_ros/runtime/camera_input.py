"""From the serialised packets of one camera to decoded events, with its clock and counters."""

from __future__ import annotations

from collections import Counter

from hybrid_pose_ros.data.cdr import PacketRecord
from hybrid_pose_ros.events.clock import SensorClock
from hybrid_pose_ros.events.stream import PacketStream
from hybrid_pose_ros.events.types import DecodedPacket
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.rig import check_sensor


class CameraInput:
    """Turns one camera's packets into events; the live nodes and offline inference share it.

    Attributes:
        clock: sensor time to ROS time, learnt from the packets' stamps.
        counters: packets, events, triggers, packets_missing by their sequence numbers,
            driver_restarts, and the decoder's faults by kind.
    """

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.clock = SensorClock()
        self.counters: Counter[str] = Counter()
        self._stream = PacketStream()

    def decode(self, packet: PacketRecord) -> DecodedPacket:
        """Decode the next packet.

        Raises:
            CalibrationError: the sensor's size is not the calibrated one.
            EncodingError: the encoding is not known.
        """
        if (packet.width, packet.height) != (self.camera.width, self.camera.height):
            check_sensor(self.camera, packet.width, packet.height)
        decoded = self._stream.decode(packet)
        self.clock.update(packet.stamp_ns, decoded.t_end_ns)
        self.counters["packets"] += 1
        self.counters["events"] += len(decoded.events)
        self.counters["triggers"] += decoded.triggers
        self.counters["packets_missing"] = self._stream.lost
        self.counters["driver_restarts"] = self._stream.restarts
        self.counters.update(decoded.faults)
        return decoded
