"""fusion_node: real messages in, skeletons, markers, frames and diagnostics out."""

from __future__ import annotations

import os
import random
import time
from collections import defaultdict

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from hybrid_pose_ros.errors import CalibrationError, ConfigError
from hybrid_pose_ros.eval.simulated_poses import SimulatedPoses
from hybrid_pose_ros.msg import Pose2D, PoseUpdate2D, Skeleton3D
from hybrid_pose_ros.nodes import qos
from hybrid_pose_ros.nodes.convert import keyframe_to_msg, update_to_msg
from hybrid_pose_ros.nodes.fusion_node import FusionNode
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.records import Keyframe, Update
from hybrid_pose_ros.skeleton import JOINTS, LIMBS

CAMERAS = ("cam2", "cam3")
PERIOD = 10_000_000
START = 1_700_000_000_000_000_000
DEADLINE_S = 20.0


@pytest.fixture
def context():
    context = Context()
    domain = int(os.environ.get("ROS_DOMAIN_ID") or random.randrange(100, 200))
    rclpy.init(context=context, domain_id=domain)
    yield context
    rclpy.try_shutdown(context=context)


class Graph:
    """A fusion node and a probe that talks to it."""

    def __init__(self, context, **parameters):
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        self.node = FusionNode(context=context, parameter_overrides=overrides)
        self.probe = Node("probe", context=context)
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self.executor.add_node(self.probe)
        self.received = defaultdict(list)
        for kind, topic, profile in (
            (Skeleton3D, "skeleton", qos.SKELETONS),
            (MarkerArray, "skeleton_markers", qos.SKELETONS),
            (TFMessage, "/tf", qos.SKELETONS),
            (DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS),
        ):
            self.probe.create_subscription(kind, topic, self.received[topic].append, profile)
        self.out = {}
        for camera in CAMERAS:
            for kind, name in ((Pose2D, "keyframe"), (PoseUpdate2D, "update")):
                topic = f"{camera}/{name}"
                self.out[topic] = self.probe.create_publisher(kind, topic, qos.POSES)
        heard = [self.node.count_subscribers, self.probe.count_publishers]
        self.wait(
            lambda: all(publisher.get_subscription_count() for publisher in self.out.values())
        )
        self.wait(lambda: heard[1]("skeleton") and heard[0]("skeleton_markers") and heard[0]("/tf"))

    def wait(self, condition):
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < deadline, "nothing came in time"
            self.executor.spin_once(timeout_sec=0.1)

    def close(self):
        self.executor.shutdown()
        self.node.destroy_node()
        self.probe.destroy_node()


@pytest.fixture
def graph(context):
    graphs = []

    def make(**parameters):
        graphs.append(Graph(context, **parameters))
        return graphs[-1]

    yield make
    for graph in graphs:
        graph.close()


EVERY_ONE = {"marker_rate_hz": 0.0, "frame_rate_hz": 0.0}
RIG = load_rig(share_path("config", "dhp19_rig.yaml"), CAMERAS)
XYZ = SimulatedPoses(RIG, 1).truth(0)


def keypoints(camera, shift=0.0):
    uv = RIG.cameras[camera].project(XYZ) + shift
    covariance = np.tile(np.float32([4, 0, 4]), (13, 1))
    return Keypoints(uv.astype("f4"), covariance, np.full(13, 0.8, "f4"))


def keyframe(camera, number=1, t_ns=0):
    record = Keyframe(camera, number, t_ns, keypoints(camera, 5.0), b"", "test")
    return keyframe_to_msg(record, START + t_ns, f"{camera}_optical_frame", "none", b"")


def update(camera, step, number=1):
    t_ns = step * PERIOD
    base = keypoints(camera, 5.0).uv  # the keyframe is five pixels off: only the sum is right
    record = Update(camera, number, step, t_ns, base, keypoints(camera), 0.03, 1000)
    return update_to_msg(record, START + t_ns, f"{camera}_optical_frame")


def stamp_ns(header):
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec


def send_keyframes(graph):
    for camera in CAMERAS:
        graph.out[f"{camera}/keyframe"].publish(keyframe(camera))


def send(graph, steps):
    for step in steps:
        for camera in CAMERAS:
            graph.out[f"{camera}/update"].publish(update(camera, step))


def test_skeletons_markers_and_frames(graph):
    graph = graph(**EVERY_ONE)
    send_keyframes(graph)
    send(graph, range(1, 21))
    for topic in ("skeleton", "skeleton_markers", "/tf"):
        graph.wait(lambda topic=topic: len(graph.received[topic]) >= 20)
    skeletons = graph.received["skeleton"]
    assert [stamp_ns(s.header) for s in skeletons] == [START + k * PERIOD for k in range(1, 21)]
    last = skeletons[-1]
    assert last.header.frame_id == "world"
    assert np.abs(np.array(last.position).reshape(13, 3) - XYZ).max() < 1e-4
    assert np.array(last.views).tolist() == [2] * 13
    assert np.array(last.confidence) == pytest.approx([0.8] * 13, abs=0.05)
    assert np.array(last.reprojection_error).max() < 0.05
    covariance = np.array(last.covariance).reshape(13, 3, 3)
    assert np.linalg.eigvalsh(covariance).min() > 0
    limbs, joints = graph.received["skeleton_markers"][-1].markers
    assert (limbs.type, joints.type) == (Marker.LINE_LIST, Marker.SPHERE_LIST)
    assert [len(limbs.points), len(limbs.colors)] == [2 * len(LIMBS)] * 2
    assert [len(joints.points), len(joints.colors)] == [13, 13]
    assert [joints.points[4].x, joints.points[4].z] == pytest.approx(XYZ[4, [0, 2]], abs=1e-4)
    assert joints.colors[0].g > joints.colors[0].r
    frames = {t.child_frame_id: t for t in graph.received["/tf"][-1].transforms}
    assert set(frames) == {"body_person", *(f"person_{joint}" for joint in JOINTS)}
    head = frames["person_head"]
    assert (head.header.frame_id, stamp_ns(head.header)) == ("world", START + 20 * PERIOD)
    place = head.transform.translation
    assert [place.x, place.y, place.z] == pytest.approx(XYZ[0], abs=1e-4)
    place = frames["body_person"].transform.translation
    assert [place.x, place.y, place.z] == pytest.approx(XYZ[[5, 6]].mean(axis=0), abs=1e-4)


def test_ellipsoids_on_demand(graph):
    graph = graph(**EVERY_ONE, show_covariance=True, body_id="")
    send_keyframes(graph)
    send(graph, range(1, 11))
    graph.wait(lambda: len(graph.received["skeleton_markers"]) >= 10)
    markers = graph.received["skeleton_markers"][-1].markers
    ellipsoids = [m for m in markers if m.ns == "covariance"]
    assert [m.id for m in ellipsoids] == list(range(13))
    covariance = np.array(graph.received["skeleton"][-1].covariance).reshape(13, 3, 3)
    for marker, matrix in zip(ellipsoids, covariance, strict=True):
        assert (marker.type, marker.action) == (Marker.SPHERE, Marker.ADD)
        axes = [marker.scale.x, marker.scale.y, marker.scale.z]
        assert axes == pytest.approx(2 * np.sqrt(7.815 * np.linalg.eigvalsh(matrix)), rel=1e-3)
    graph.wait(lambda: graph.received["/tf"])
    assert not any(
        t.child_frame_id.startswith("body") for t in graph.received["/tf"][-1].transforms
    )


def test_a_late_keyframe_corrects_the_update_of_its_time(graph):
    graph = graph()
    send_keyframes(graph)
    send(graph, range(1, 8))
    graph.wait(lambda: len(graph.received["skeleton"]) >= 7)
    for camera in CAMERAS:
        graph.out[f"{camera}/keyframe"].publish(keyframe(camera, 2, 4 * PERIOD))
    send(graph, range(8, 10))
    graph.wait(lambda: len(graph.received["skeleton"]) >= 9)
    graph.wait(lambda: graph.node._fusion.report("cam3").counters["corrected"] == 1)
    last = graph.received["skeleton"][-1]
    # The keyframe is five pixels off, so that it must be seen in what follows.
    assert np.abs(np.array(last.position).reshape(13, 3) - XYZ).max() > 1e-3


def test_predicted_to_now(graph):
    graph = graph(predict_to_now=True)
    now_ns = graph.node.get_clock().now().nanoseconds
    for camera in CAMERAS:
        message = keyframe(camera)
        graph.out[f"{camera}/keyframe"].publish(message)
    for camera in CAMERAS:
        message = update(camera, 1)
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(now_ns - 1000, 10**9)
        graph.out[f"{camera}/update"].publish(message)
    graph.wait(lambda: graph.received["skeleton"])
    ahead_ns = stamp_ns(graph.received["skeleton"][0].header) - now_ns
    # Where sending took longer than 0.2 s, the skeleton stays at the time of its measurements.
    assert 0 < ahead_ns < 200_000_000 or ahead_ns == -1000


def test_updates_that_come_before_their_keyframe_are_kept(graph):
    graph = graph()
    send(graph, range(1, 4))
    send_keyframes(graph)
    graph.wait(lambda: len(graph.received["skeleton"]) >= 3)
    stamps = [stamp_ns(s.header) for s in graph.received["skeleton"]]
    assert stamps == [START + k * PERIOD for k in (1, 2, 3)]


def test_one_camera_gives_skeletons_without_joints_and_a_report(graph):
    graph = graph(**EVERY_ONE)
    graph.out["cam2/keyframe"].publish(keyframe("cam2"))
    for step in range(1, 21):
        graph.out["cam2/update"].publish(update("cam2", step))
    graph.wait(lambda: len(graph.received["skeleton"]) >= 20)
    last = graph.received["skeleton"][-1]
    assert np.array(last.confidence).tolist() == [0.0] * 13
    assert np.isnan(last.position).all()
    graph.wait(lambda: len(graph.received["skeleton_markers"]) >= 20)
    assert [m.action for m in graph.received["skeleton_markers"][-1].markers] == [Marker.DELETE] * 2
    graph.wait(lambda: len(graph.received["/diagnostics"]) >= 2)
    status = {s.name: s for report in graph.received["/diagnostics"] for s in report.status}
    assert status["fusion_node: camera cam3"].level == DiagnosticStatus.ERROR
    assert status["fusion_node: camera cam2"].level == DiagnosticStatus.OK
    values = {v.key: v.value for v in status["fusion_node: camera cam2"].values}
    assert values["updates"] == "20"
    assert "fusion_node: skeleton" in status


def test_markers_and_frames_come_at_the_rates_that_eyes_and_tf_need(graph):
    graph = graph()
    send_keyframes(graph)
    send(graph, range(1, 42))
    graph.wait(lambda: len(graph.received["skeleton"]) >= 41)
    graph.wait(lambda: len(graph.received["skeleton_markers"]) >= 11)
    graph.wait(lambda: len(graph.received["/tf"]) >= 21)
    stamps = [stamp_ns(t.transforms[0].header) - START for t in graph.received["/tf"]]
    assert np.diff(stamps).tolist() == [2 * PERIOD] * 20
    assert len(graph.received["skeleton_markers"]) == 11


def test_keyframes_alone(graph):
    graph = graph(keyframes_only=True, **{"fusion.period_ns": 100_000_000})
    for number in range(1, 4):
        for camera in CAMERAS:
            message = keyframe(camera, number, number * 100_000_000)
            graph.out[f"{camera}/keyframe"].publish(message)
    graph.wait(lambda: len(graph.received["skeleton"]) >= 3)
    assert np.array(graph.received["skeleton"][-1].views).tolist() == [2] * 13


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"cameras": ["cam2", "cam9"]}, CalibrationError, "no calibration for cam9"),
        ({"rig": "/nowhere/rig.yaml"}, CalibrationError, "/nowhere/rig.yaml"),
        ({"device": "tpu"}, ConfigError, "device must be one of auto, cpu, cuda, got 'tpu'"),
        ({"fusion.period_ns": 0}, ConfigError, "period_ns must be greater than 0, got 0"),
        ({"fusion.min_confidence": 2.0}, ConfigError, "min_confidence must be"),
        ({"cameras": ["cam2", "cam2"]}, ConfigError, "different names"),
    ],
)
def test_bad_parameters_are_refused(context, parameters, error, message):
    overrides = [Parameter(name, value=value) for name, value in parameters.items()]
    with pytest.raises(error, match=message):
        FusionNode(context=context, parameter_overrides=overrides)
