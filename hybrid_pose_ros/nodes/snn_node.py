#!/usr/bin/env python3
"""Events and keyframes in, pose updates out: one per camera and 10 ms of event time.

In, per camera:   <camera>/events (EventPacket), <camera>/keyframe (Pose2D)
Out, per camera:  <camera>/update (PoseUpdate2D); /diagnostics (1 Hz); with keyframes on demand
                  <camera>/keyframe_request (KeyframeRequest)

With a network that has no CNN, <camera>/keyframe comes from here: its own pose, ten times a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from rclpy.node import Node

from hybrid_pose_ros.msg import KeyframeRequest, Pose2D, PoseUpdate2D
from hybrid_pose_ros.nodes import params, qos, run
from hybrid_pose_ros.nodes.camera_params import rig_of
from hybrid_pose_ros.nodes.convert import (
    keyframe_from_msg,
    keyframe_to_msg,
    request_to_msg,
    stamp_to_ns,
    update_to_msg,
)
from hybrid_pose_ros.nodes.diagnostics import Diagnostics
from hybrid_pose_ros.nodes.estimator_params import EstimatorParams, load_model
from hybrid_pose_ros.nodes.event_subscription import EventSubscription
from hybrid_pose_ros.runtime.camera_input import camera_inputs
from hybrid_pose_ros.runtime.state_transport import STRIPPED, StateReceiver
from hybrid_pose_ros.runtime.update_stage import UpdateStage
from hybrid_pose_ros.runtime.warm_up import warm_up_updates

_STATES_LOST = (
    "the states of a keyframe of {} were lost or cannot be reached; if the CNN node runs on "
    "another machine, or in a container with a /dev/shm of its own, set its state_transport to "
    "inline"
)


@dataclass(frozen=True)
class SnnParams(EstimatorParams):
    """Parameters of the SNN node, beside those of `EstimatorParams`.

    Attributes:
        engine: what runs the network: auto, event_driven (a CPU's fastest), torch or cuda_graph.
    """

    engine: str = "auto"


class SnnNode(Node):
    """Wires an `UpdateStage` to topics; it computes in the callbacks, in the order of arrival."""

    def __init__(self, **node_arguments: object) -> None:
        super().__init__("snn_node", **node_arguments)
        config = params.load(self, SnnParams)
        self._rig = rig_of(config.rig, config.cameras, self)
        model, device = load_model(config)
        crops = {name: camera.crop for name, camera in self._rig.cameras.items()}
        self._stage = UpdateStage(
            model, crops, config.timing, device, config.engine, config.threads
        )
        warm_up_updates(self._stage)
        self._inputs = camera_inputs(self._rig.cameras, config.filters)
        self._states = StateReceiver()
        rates = {"bins": "bin_rate_hz", "keyframes": "keyframe_rate_hz"}
        self._diagnostics = Diagnostics(
            self, self._inputs, self._stage.counters, rates, config.silence_s
        )
        self._out = {
            camera: self.create_publisher(PoseUpdate2D, f"{camera}/update", qos.POSES)
            for camera in config.cameras
        }
        self._keyframes = {}
        self._requests = {}
        for camera in config.cameras:
            topic = f"{camera}/keyframe"
            if model.has_keyframe:
                on_keyframe = partial(self._on_keyframe, camera)
                self.create_subscription(Pose2D, topic, on_keyframe, qos.POSES)
                if config.timing.on_demand:
                    self._requests[camera] = self.create_publisher(
                        KeyframeRequest, f"{camera}/keyframe_request", qos.POSES
                    )
            else:
                self._keyframes[camera] = self.create_publisher(Pose2D, topic, qos.POSES)
            EventSubscription(self, f"{camera}/events", partial(self._on_events, camera))
        self.get_logger().info(f"ready: {', '.join(config.cameras)} on {device}")

    def _on_keyframe(self, camera: str, msg: Pose2D) -> None:
        states = self._states.receive(camera, msg.state_transport, bytes(msg.state))
        if not states:
            self.get_logger().warning(_STATES_LOST.format(camera), throttle_duration_sec=10.0)
        # Both nodes may have met the camera on different sides of a wrap of its clock.
        self._inputs[camera].follow(msg.sensor_time, stamp_to_ns(msg.header.stamp))
        self._stage.add_keyframe(camera, keyframe_from_msg(msg, camera, states))

    def _on_events(self, camera: str, raw: bytes, msgtype: str) -> None:
        self._diagnostics.heard(camera)
        inputs = self._inputs[camera]
        frame_id = self._rig.cameras[camera].frame_id
        updates = self._stage.add_packet(camera, inputs.receive(raw, msgtype))
        for t_ns in self._stage.take_requests(camera):
            msg = request_to_msg(t_ns, inputs.clock.to_ros(t_ns), frame_id)
            self._requests[camera].publish(msg)
        for keyframe in self._stage.take_keyframes(camera):
            stamp_ns = inputs.clock.to_ros(keyframe.t_ns)
            msg = keyframe_to_msg(keyframe, stamp_ns, frame_id, STRIPPED, b"")
            self._keyframes[camera].publish(msg)
        for update in updates:
            stamp_ns = inputs.clock.to_ros(update.t_ns)
            self._out[camera].publish(update_to_msg(update, stamp_ns, frame_id))

    def close(self) -> None:
        """Let go of the CNN node's memory."""
        self._states.close()


def main() -> None:
    """Entry point of the executable."""
    run.main(SnnNode)


if __name__ == "__main__":
    main()
