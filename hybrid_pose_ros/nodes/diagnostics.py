"""The event nodes' reports on /diagnostics: one status per camera, once a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from hybrid_pose_ros.events.clock import SensorClock
from hybrid_pose_ros.nodes import qos
from hybrid_pose_ros.runtime.camera_input import CameraInput
from hybrid_pose_ros.runtime.health import ERROR, CameraHealth, Report

_PERIOD_S = 1.0
_LEVELS = (DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR)
# What a camera, a network or a decoder should never make.
BAD = {
    "packets_missing", "packets_late", "length", "coordinate", "time_backwards", "time_reset",
    "time_base", "no_stamp", "unknown_word", "old", "future", "past", "overflow", "restarts",
    "skipped", "keyframes_too_late", "keyframes_torn", "other_model", "requests_expired",
}  # fmt: skip


class Diagnostics:
    """Publishes the health of the cameras of one node.

    Args:
        node: the publisher's.
        inputs: by camera.
        counters: camera -> further counters.
        rates: counter -> name of its rate.
        silence_s: no events for so long is a warning.
    """

    def __init__(
        self,
        node: Node,
        inputs: Mapping[str, CameraInput],
        counters: Callable[[str], dict[str, int]],
        rates: Mapping[str, str],
        silence_s: float,
    ) -> None:
        self._node = node
        self._inputs = inputs
        self._counters = counters
        self._rates = {"packets": "packet_rate_hz", "events": "event_rate_hz", **rates}
        now_ns = time.monotonic_ns()
        silence_ns = int(silence_s * 1e9)
        self._health = {camera: CameraHealth(camera, now_ns, silence_ns) for camera in inputs}
        # One for each camera: throttled together, one would hide what the others have to say.
        self._loggers = {camera: node.get_logger().get_child(camera) for camera in inputs}
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
        node.create_timer(_PERIOD_S, self._report, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def heard(self, camera: str) -> None:
        """A packet of this camera has come."""
        self._health[camera].heard(time.monotonic_ns())

    def _report(self) -> None:
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        message.status = [self._status(camera) for camera in self._inputs]
        self._publisher.publish(message)

    def _status(self, camera: str) -> DiagnosticStatus:
        inputs = self._inputs[camera]
        counters = {**inputs.counters, **self._counters(camera)}
        report = self._health[camera].report(time.monotonic_ns(), counters, self._rates, BAD)
        if inputs.clock.offset_ns is not None:
            report.values.update(self._clock_values(inputs.clock))
        if inputs.refusal is not None:
            report = replace(report, level=ERROR, message=str(inputs.refusal))
            inputs.refusal = None
        topic = self._node.resolve_topic_name(f"{camera}/events")
        if report.level and not self._node.count_publishers(topic):
            remedy = f"nobody publishes {topic}: start what does, or correct `cameras`"
            report = replace(report, message=f"{report.message}; {remedy}")
        if report.level:
            self._loggers[camera].warning(report.message, throttle_duration_sec=5.0)
        return to_msg(f"{self._node.get_name()}: camera {camera}", camera, report)

    def _clock_values(self, clock: SensorClock) -> dict[str, str]:
        age_ns = self._node.get_clock().now().nanoseconds - clock.stamp_ns
        return {
            "clock_offset_ms": f"{(clock.offset_ns or 0) / 1e6:.3f}",
            "clock_jitter_ms": f"{clock.jitter_ns / 1e6:.3f}",
            "clock_drift_ppm": f"{clock.drift * 1e6:.2f}",
            "clock_age_ms": f"{age_ns / 1e6:.1f}",
            "clock_jumps": str(clock.jumps),
        }


def to_msg(name: str, hardware: str, report: Report) -> DiagnosticStatus:
    """A report as a status message."""
    pairs: Iterable[tuple[str, str]] = report.values.items()
    return DiagnosticStatus(
        level=_LEVELS[report.level],
        name=name,
        message=report.message,
        hardware_id=hardware,
        values=[KeyValue(key=key, value=value) for key, value in pairs],
    )
