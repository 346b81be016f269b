#!/usr/bin/env python3
"""Events in, keyframes out: an accurate 2D pose per camera, a few times a second of event time.

In, per camera:   <camera>/events (EventPacket); with keyframes on demand
                  <camera>/keyframe_request (KeyframeRequest)
Out, per camera:  <camera>/keyframe (Pose2D with the states for the SNN); /diagnostics (1 Hz)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from rclpy.node import Node

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.msg import KeyframeRequest, Pose2D
from hybrid_pose_ros.nodes import params, qos, run
from hybrid_pose_ros.nodes.camera_params import rig_of
from hybrid_pose_ros.nodes.convert import keyframe_to_msg
from hybrid_pose_ros.nodes.diagnostics import Diagnostics
from hybrid_pose_ros.nodes.estimator_params import EstimatorParams, load_model
from hybrid_pose_ros.nodes.event_subscription import EventSubscription
from hybrid_pose_ros.runtime.camera_input import camera_inputs
from hybrid_pose_ros.runtime.keyframe_stage import KeyframeStage
from hybrid_pose_ros.runtime.keyframe_worker import KeyframeWorker
from hybrid_pose_ros.runtime.records import Keyframe
from hybrid_pose_ros.runtime.state_transport import StateSender
from hybrid_pose_ros.runtime.warm_up import warm_up_keyframes

_CHECK_S = 0.1


@dataclass(frozen=True)
class CnnParams(EstimatorParams):
    """Parameters of the CNN node, beside those of `EstimatorParams`.

    Attributes:
        engine: what runs the CNN: auto (on a CPU winograd for `paper` networks, for others OpenVINO
            where it is installed), torch, openvino, winograd.
        skip_overrun: when the CNN cannot keep up, skip to the newest keyframe that is due.
        niceness: of the thread that runs the CNN, 0 to 19: where processors are scarce, updates
            every 10 ms go before keyframes.
        state_transport: auto (shared memory where there is some), shared_memory or inline; inline
            where the SNN node runs on another machine.
        extra_delay_ms: hold every keyframe back so long (for tests).
    """

    engine: str = "auto"
    skip_overrun: bool = True
    niceness: int = 10
    state_transport: str = "auto"
    extra_delay_ms: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.niceness <= 19:
            raise ConfigError(f"niceness must be in 0..19, got {self.niceness}")
        if not 0 <= self.extra_delay_ms <= 10_000:
            raise ConfigError(f"extra_delay_ms must be in 0..10000, got {self.extra_delay_ms}")


class CnnNode(Node):
    """Wires a `KeyframeStage` to topics; it computes in a thread of its own."""

    def __init__(self, **node_arguments: object) -> None:
        super().__init__("cnn_node", **node_arguments)
        config = params.load(self, CnnParams)
        self._rig = rig_of(config.rig, config.cameras, self)
        self._states = StateSender(config.state_transport)
        self._worker: KeyframeWorker | None = None
        model, device = load_model(config)
        if model.has_keyframe:
            self._start(config, model, device)
            self.get_logger().info(f"ready: {', '.join(config.cameras)} on {device}")
        else:
            self.get_logger().info(f"idle: the weights are of a {model.kind}, which has no CNN")

    def _start(self, config: CnnParams, model: PoseNetwork, device: str) -> None:
        crops = {name: camera.crop for name, camera in self._rig.cameras.items()}
        stage = KeyframeStage(
            model, crops, config.timing, device, config.skip_overrun, config.engine, config.threads
        )
        warm_up_keyframes(stage)
        self._inputs = camera_inputs(self._rig.cameras, config.filters)
        self._out = {
            camera: self.create_publisher(Pose2D, f"{camera}/keyframe", qos.POSES)
            for camera in config.cameras
        }
        rates = {"keyframes": "keyframe_rate_hz", "unasked": "unasked_rate_hz"}
        self._diagnostics = Diagnostics(self, self._inputs, stage.counters, rates, config.silence_s)
        self._worker = KeyframeWorker(
            stage, self._inputs, self._publish, config.extra_delay_ms / 1000, config.niceness
        )
        self.create_timer(_CHECK_S, self._worker.check)
        for camera in config.cameras:
            on_events = partial(self._on_events, self._worker, camera)
            EventSubscription(self, f"{camera}/events", on_events)
            if config.timing.on_demand:
                on_request = partial(self._on_request, self._worker, camera)
                topic = f"{camera}/keyframe_request"
                self.create_subscription(KeyframeRequest, topic, on_request, qos.POSES)

    def _on_events(self, worker: KeyframeWorker, camera: str, raw: bytes, msgtype: str) -> None:
        self._diagnostics.heard(camera)
        worker.put(camera, raw, msgtype)

    def _on_request(self, worker: KeyframeWorker, camera: str, msg: KeyframeRequest) -> None:
        worker.request(camera, msg.sensor_time)

    def _publish(self, keyframe: Keyframe) -> None:
        """Called in the worker's thread."""
        camera = keyframe.camera
        stamp_ns = self._inputs[camera].clock.to_ros(keyframe.t_ns)
        frame_id = self._rig.cameras[camera].frame_id
        carried = self._states.send(camera, keyframe.state)
        if self.context.ok():
            self._out[camera].publish(keyframe_to_msg(keyframe, stamp_ns, frame_id, *carried))

    def close(self) -> None:
        """End the worker; raises what ended it before."""
        if self._worker is not None:
            self._worker.stop()
        self._states.close()
        if self._worker is not None:
            self._worker.check()


def main() -> None:
    """Entry point of the executable."""
    run.main(CnnNode)


if __name__ == "__main__":
    main()
