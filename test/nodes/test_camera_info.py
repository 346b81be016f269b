"""Calibration from live CameraInfo and TF, with real publishers."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from geometry_msgs.msg import TransformStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage

from hybrid_pose_ros.data.camera_info import camera_info_fields, camera_pose
from hybrid_pose_ros.errors import CalibrationError
from hybrid_pose_ros.nodes import qos
from hybrid_pose_ros.nodes.camera_info import camera_of, wait_for_rig
from hybrid_pose_ros.nodes.camera_params import rig_of
from hybrid_pose_ros.nodes.overlay_node import OverlayNode
from hybrid_pose_ros.pose.distortion import Distortion
from hybrid_pose_ros.pose.frames import FrameTree
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path

K = [340.0, 0.0, 160.0, 0.0, 341.0, 130.0, 0.0, 0.0, 1.0]
RIG_IN_MAP = (Rotation.from_rotvec([0.0, 0.0, 0.7]), np.array([1.0, 2.0, 0.5]))
CAMERA_IN_RIG = (Rotation.from_rotvec([-1.9, 0.3, -0.2]), np.array([0.1, -2.0, 1.8]))


def info(camera="cam2", **changes):
    made = CameraInfo(width=346, height=260, k=K, distortion_model="plumb_bob")
    made.d = [-0.2, 0.05, 0.001, 0.0, 0.0]
    made.header.frame_id = f"{camera}_optical"
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def transform(parent, child, pose):
    made = TransformStamped(child_frame_id=child)
    made.header.frame_id = parent
    shift, turn = made.transform.translation, made.transform.rotation
    shift.x, shift.y, shift.z = pose[1].tolist()
    turn.x, turn.y, turn.z, turn.w = pose[0].as_quat().tolist()
    return made


class System(Node):
    """A driver and a state publisher: infos again and again or latched, one static transform."""

    def __init__(self, context, cameras, world="map", latched=False, connected=True):
        super().__init__("system", context=context)
        profile = qos.LATCHED if latched else 10
        self._infos = {
            name: self.create_publisher(CameraInfo, f"{name}/camera_info", profile)
            for name in cameras
        }
        self._static = self.create_publisher(TFMessage, "/tf_static", qos.LATCHED)
        self._tf = self.create_publisher(TFMessage, "/tf", 10)
        frames = [transform("rig", f"{name}_optical", CAMERA_IN_RIG) for name in cameras]
        self._static.publish(TFMessage(transforms=frames))
        self._moving = TFMessage(transforms=[transform(world, "rig", RIG_IN_MAP)])
        self._connected = connected
        self._tell()
        if not latched:
            self.create_timer(0.05, self._tell)
        self.create_timer(0.05, self._move)

    def _tell(self):
        for name, publisher in self._infos.items():
            publisher.publish(info(name))

    def _move(self):
        if self._connected:
            self._tf.publish(self._moving)


@pytest.fixture
def system(bench):
    """system(...): a `System` that is spun in the background."""
    started = []

    def start(*cameras, **options):
        node = System(bench.context, cameras, **options)
        executor = SingleThreadedExecutor(context=bench.context)
        executor.add_node(node)
        thread = threading.Thread(target=executor.spin, daemon=True)
        thread.start()
        started.append((node, executor, thread))
        return node

    yield start
    for node, executor, thread in started:
        executor.shutdown()
        thread.join(timeout=10)
        node.destroy_node()


def expected_projection():
    turn = RIG_IN_MAP[0] * CAMERA_IN_RIG[0]
    center = RIG_IN_MAP[0].apply(CAMERA_IN_RIG[1]) + RIG_IN_MAP[1]
    inverse = turn.inv().as_matrix()
    return np.reshape(K, (3, 3)) @ np.column_stack([inverse, -inverse @ center])


@pytest.mark.parametrize("latched", [False, True])
def test_rig_of_the_running_system(bench, system, latched):
    system("cam2", "cam3", latched=latched)
    node = Node("asks", context=bench.context)
    rig = wait_for_rig(node, ("cam3", "cam2"), "map", deadline_s=20.0)
    assert rig.world_frame == "map"
    assert list(rig.cameras) == ["cam3", "cam2"]
    camera = rig.cameras["cam2"]
    assert camera.projection == pytest.approx(expected_projection(), abs=1e-9)
    assert (camera.width, camera.height, camera.frame_id) == (346, 260, "cam2_optical")
    assert camera.distortion == Distortion("plumb_bob", (-0.2, 0.05, 0.001, 0.0, 0.0))
    assert not list(node.subscriptions)  # it listens no longer
    node.destroy_node()


def test_a_node_starts_with_it(bench, system):
    system("cam2", world="world")
    node = bench.start(OverlayNode, cameras=["cam2"], rig="camera_info")
    assert node._rig.cameras["cam2"].frame_id == "cam2_optical"
    node = Node("asks", context=bench.context)
    assert rig_of("camera_info:world", ("cam2",), node).world_frame == "world"
    node.destroy_node()


def test_what_is_missing_is_said_after_the_deadline(bench, system):
    system("cam2", connected=False)
    node = Node("asks", context=bench.context)
    begun = time.monotonic()
    with pytest.raises(CalibrationError, match=r"no calibration on /cam3/camera_info within 1 s"):
        wait_for_rig(node, ("cam2", "cam3"), "map", deadline_s=1.0)
    assert time.monotonic() - begun >= 1.0
    with pytest.raises(
        CalibrationError, match="'map' and 'cam2_optical'; it has cam2_optical, rig"
    ):
        wait_for_rig(node, ("cam2",), "map", deadline_s=2.0)
    node.destroy_node()


def tree():
    made, pose = FrameTree(), np.eye(4)
    pose[:3, :3], pose[:3, 3] = CAMERA_IN_RIG[0].as_matrix(), CAMERA_IN_RIG[1]
    made.set("world", "cam2_optical", pose)
    return made


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": [0.0] * 9}, "k is zero, so the camera is not calibrated"),
        ({"width": 0}, "width must be a positive whole number of pixels, got 0"),
        ({"distortion_model": "thin_prism"}, "distortion model 'thin_prism' is not known"),
        ({"d": [0.1]}, "plumb_bob needs 4 or 5 or 8 finite coefficients"),
        ({"binning_x": 2}, "region of interest or binning"),
        ({"k": [np.nan] * 9}, "k must be 3 rows of 3 finite numbers"),
    ],
)
def test_what_is_no_calibration_is_named(changes, message):
    with pytest.raises(CalibrationError, match="camera_info of cam2") as error:
        camera_of("cam2", info(**changes), tree(), "world")
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["cam0", "cam1", "cam2", "cam3"])
def test_what_the_simulator_announces_is_the_rig(name):
    camera = load_rig(share_path("config", "dhp19_rig.yaml")).cameras[name]
    told = CameraInfo(**camera_info_fields(camera))
    told.header.frame_id = camera.frame_id
    position, xyzw = camera_pose(camera)
    pose, made = np.eye(4), FrameTree()
    pose[:3, :3], pose[:3, 3] = Rotation.from_quat(xyzw).as_matrix(), position
    made.set("world", camera.frame_id, pose)
    again = camera_of(name, told, made, "world")
    assert again.projection == pytest.approx(camera.projection, abs=1e-9)


def test_infos_without_a_lens_or_a_frame():
    plain = info(distortion_model="", d=[])
    assert camera_of("cam2", plain, tree(), "world").distortion is None
    zero = info(d=[0.0] * 5)
    assert camera_of("cam2", zero, tree(), "world").distortion is None
    nameless = info()
    nameless.header.frame_id = ""
    with pytest.raises(CalibrationError, match="no frame_id"):
        camera_of("cam2", nameless, tree(), "world")
