"""From the serialised packets of one camera to decoded events, with its clock and counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from hybrid_pose_ros.data.cdr import PacketRecord, parse_event_packet
from hybrid_pose_ros.data.dvs_message import DVS_TYPES, parse_dvs_array
from hybrid_pose_ros.data.typestore import EVENT_PACKET
from hybrid_pose_ros.errors import CalibrationError, EncodingError, UserError
from hybrid_pose_ros.events.clock import SensorClock
from hybrid_pose_ros.events.filters import FilterConfig
from hybrid_pose_ros.events.stream import PacketStream
from hybrid_pose_ros.events.types import DecodedPacket, empty_events
from hybrid_pose_ros.events.wraps import WrapCount
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.rig import check_sensor


class CameraInput:
    """Turns one camera's packets into events; the live nodes and offline inference share it.

    A packet that is wrong in any way raises a counter, never an error.

    Attributes:
        clock: sensor time to ROS time, learnt from the packets' stamps.
        counters: packets, events, triggers, packets_missing by their sequence numbers,
            packets_late, driver_restarts, the decoder's faults by kind, what the filters removed,
            no_stamp, and refused packets: malformed, wrong_size, unknown_encoding.
        refusal: what was wrong with the last refused packet; None if there was none.
        synchronised: all cameras of which the clocks may be one.
    """

    def __init__(self, camera: Camera, filters: FilterConfig | None = None) -> None:
        self.camera = camera
        self.clock = SensorClock()
        self.counters: Counter[str] = Counter()
        self.refusal: UserError | None = None
        self.synchronised: tuple[CameraInput, ...] = ()
        self._stream = PacketStream()
        self._wraps, self._jumps = WrapCount(self.clock), 0
        self._filter = (filters or FilterConfig()).filter_of(
            camera.name, camera.width, camera.height
        )

    def receive(self, raw: bytes, msgtype: str = EVENT_PACKET) -> DecodedPacket:
        """Decode the next serialised message of one of the event types."""
        try:
            parse = parse_dvs_array if msgtype in DVS_TYPES else parse_event_packet
            return self.decode(parse(raw, f"/{self.camera.name}/events"))
        except EncodingError as error:
            return self._refuse("malformed", error)

    def decode(self, packet: PacketRecord) -> DecodedPacket:
        """Decode the next packet; a refused one is as if it were empty."""
        camera, stream = self.camera, self._stream
        before = stream.decoder
        try:
            if (packet.width, packet.height) != (camera.width, camera.height):
                check_sensor(camera, packet.width, packet.height)
            decoded = stream.decode(packet)
        except CalibrationError as error:
            return self._refuse("wrong_size", error)
        except EncodingError as error:
            return self._refuse("unknown_encoding", error)
        if stream.decoder is not None and stream.decoder is not before:
            self._wraps.restart(stream.decoder.wrap_ns)
        self._count(decoded)
        decoded = self._on_clock(packet, decoded)
        return self._clean(decoded)

    def follow(self, t_ns: int, ros_ns: int) -> None:
        """Count the wraps of the sensor's clock as another node does.

        Args:
            t_ns: a sensor time that it told.
            ros_ns: the ROS time that it gave for it.
        """
        self.counters["clock_realigned"] += self._wraps.follow(t_ns, ros_ns)

    def _on_clock(self, packet: PacketRecord, decoded: DecodedPacket) -> DecodedPacket:
        """The packet in shifted time; teaches the clock."""
        wraps = self._wraps
        end_ns = decoded.t_end_ns + wraps.shift_ns if decoded.t_end_ns >= 0 else -1
        stamp_ns = packet.stamp_ns or packet.log_time_ns
        if stamp_ns == 0:
            # Without any stamp ROS time is taken to be sensor time.
            self.counters["no_stamp"] += 1
            if self.clock.offset_ns is None:
                self.clock.update(end_ns, end_ns)
        else:
            self.clock.update(stamp_ns, end_ns)
        if self.clock.jumps > self._jumps:
            self._jumps, wraps.decided = self.clock.jumps, False
        if not wraps.decided and end_ns >= 0:
            others = [one._wraps for one in self.synchronised if one is not self]
            self.counters["clock_realigned"] += wraps.align(others, end_ns)
        if wraps.shift_ns == 0 or end_ns < 0:
            return decoded
        decoded.events["t"] += wraps.shift_ns
        return replace(decoded, t_end_ns=decoded.t_end_ns + wraps.shift_ns)

    def _clean(self, decoded: DecodedPacket) -> DecodedPacket:
        if self._filter is None or not len(decoded.events):
            return decoded
        events = self._filter.apply(decoded.events)
        self.counters.update(self._filter.removed)
        return replace(decoded, events=events)

    def _count(self, decoded: DecodedPacket) -> None:
        stream, counters = self._stream, self.counters
        counters["packets"] += 1
        counters["events"] += len(decoded.events)
        counters["triggers"] += decoded.triggers
        counters["packets_missing"] = stream.lost
        counters["packets_late"] = stream.late
        counters["driver_restarts"] = stream.restarts
        counters.update(decoded.faults)

    def _refuse(self, kind: str, reason: UserError) -> DecodedPacket:
        self.counters["packets"] += 1
        self.counters[kind] += 1
        self.refusal = reason
        return DecodedPacket(empty_events(), -1)


def camera_inputs(
    cameras: Mapping[str, Camera], filters: FilterConfig | None = None
) -> dict[str, CameraInput]:
    """An input for each camera; clocks that are synchronised count their wraps alike."""
    inputs = {name: CameraInput(camera, filters) for name, camera in cameras.items()}
    for one in inputs.values():
        one.synchronised = tuple(inputs.values())
    return inputs
