"""A simulated recording and the rosbag2 that a pair of real cameras would have left of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hybrid_pose_ros.data.bag_writer import BagWriter
from hybrid_pose_ros.data.camera_info import CAMERA_INFO, TF, camera_info_fields, camera_pose
from hybrid_pose_ros.data.cdr import build_event_packet
from hybrid_pose_ros.data.truth import TRUTH_PREFIX, TRUTH_TOPIC
from hybrid_pose_ros.data.typestore import EVENT_PACKET, SKELETON_3D, header, make_message
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.skeleton import JOINTS, NUM_JOINTS

PACKET_NS = 10_000_000
# Bags need a wall clock; a fixed one keeps equal simulations equal to the byte.
EPOCH_NS = 1_700_000_000 * 10**9
_NO_TURN = np.array([0.0, 0.0, 0.0, 1.0])


@dataclass(frozen=True)
class SimulatedRecording:
    """What a simulation yields.

    Attributes:
        cameras: name -> events (EVENT_DTYPE), sorted, from time 0.
        calibration: name -> camera.
        truth_t_ns: (n,) every 10 ms from 0.
        truth_xyz: (n, 13, 3) metres in the world.
        stem: beginning of a file name, such as S13_session4_mov2.
        seconds: the length.
    """

    cameras: dict[str, np.ndarray]
    calibration: dict[str, Camera]
    truth_t_ns: np.ndarray
    truth_xyz: np.ndarray
    stem: str
    seconds: float


def write_bag(
    recording: SimulatedRecording,
    path: str | Path,
    start_ns: int = EPOCH_NS,
    world_frame: str = "world",
    compress: bool = False,
) -> None:
    """Write the recording as a rosbag2 folder (mcap).

    Topics: /<camera>/events, EVT3 packets of 10 ms whose stamp is the ROS time of their end;
    /<camera>/camera_info and /tf_static once, as latched topics are; every 10 ms
    /ground_truth/skeleton, and on /tf a frame truth_<joint> of every joint.

    Args:
        recording: what to write.
        path: folder of the bag; must not exist yet.
        start_ns: ROS time of sensor time 0, which all cameras share.
        world_frame: frame of the skeletons.
        compress: with zstd.

    Raises:
        RecordingError: if the folder exists or cannot be written.
    """
    with BagWriter(path, compress=compress) as bag:
        for name in recording.cameras:
            bag.add_topic(f"/{name}/events", EVENT_PACKET)
            bag.add_topic(f"/{name}/camera_info", CAMERA_INFO, latched=True)
        bag.add_topic(TRUTH_TOPIC, SKELETON_3D)
        bag.add_topic("/tf", TF)
        bag.add_topic("/tf_static", TF, latched=True)
        messages = [
            *_calibration(recording, start_ns, world_frame),
            *_packets(recording, start_ns),
            *_truth(recording, start_ns, world_frame),
        ]
        for t_ns, topic, message in sorted(messages, key=lambda item: item[0]):
            bag.write(topic, message, t_ns)


def _calibration(
    recording: SimulatedRecording, start_ns: int, world_frame: str
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """(log time, topic, message) of what the cameras are and where they stand."""
    frames = []
    for name, camera in recording.calibration.items():
        info: dict[str, Any] = {
            "header": header(start_ns, camera.frame_id),
            **camera_info_fields(camera),
            "binning_x": 0,
            "binning_y": 0,
            "roi": dict.fromkeys(("x_offset", "y_offset", "height", "width"), 0),
        }
        info["roi"]["do_rectify"] = False
        yield start_ns, f"/{name}/camera_info", info
        frames.append(_frame(start_ns, world_frame, camera.frame_id, *camera_pose(camera)))
    yield start_ns, "/tf_static", {"transforms": frames}


def _frame(
    t_ns: int, parent: str, child: str, place: np.ndarray, turn: np.ndarray = _NO_TURN
) -> Any:
    """A TransformStamped; turn: quaternion x, y, z, w."""
    return make_message(
        "geometry_msgs/msg/TransformStamped",
        {
            "header": header(t_ns, parent),
            "child_frame_id": child,
            "transform": {
                "translation": dict(zip("xyz", map(float, place), strict=True)),
                "rotation": dict(zip("xyzw", map(float, turn), strict=True)),
            },
        },
    )


def _packets(recording: SimulatedRecording, start_ns: int) -> Iterator[tuple[int, str, bytes]]:
    """(log time, topic, message) of all event packets, camera by camera."""
    ends = np.arange(1, int(np.ceil(recording.seconds * 1e9 / PACKET_NS)) + 1) * PACKET_NS
    for name, events in recording.cameras.items():
        camera = recording.calibration[name]
        cuts = np.concatenate([[0], np.searchsorted(events["t"], ends)])
        for seq, end in enumerate(ends.tolist()):
            message = build_event_packet(
                encode_evt3(events[cuts[seq] : cuts[seq + 1]], end),
                stamp_ns=start_ns + end,
                frame_id=camera.frame_id,
                width=camera.width,
                height=camera.height,
                seq=seq,
            )
            yield start_ns + end, f"/{name}/events", message


def _truth(
    recording: SimulatedRecording, start_ns: int, frame: str
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """(log time, topic, message) of the true skeletons."""
    xyz, t_s = recording.truth_xyz, recording.truth_t_ns * 1e-9
    velocity = np.gradient(xyz, t_s, axis=0) if len(t_s) > 1 else np.zeros_like(xyz)
    for t_ns, position, speed in zip(recording.truth_t_ns.tolist(), xyz, velocity, strict=True):
        message = {
            "header": header(start_ns + t_ns, frame),
            "position": position.ravel().astype(np.float32),
            "velocity": speed.ravel().astype(np.float32),
            "covariance": np.zeros(9 * NUM_JOINTS, np.float32),
            "confidence": np.ones(NUM_JOINTS, np.float32),
            "views": np.full(NUM_JOINTS, len(recording.cameras), np.uint8),
            "reprojection_error": np.zeros(NUM_JOINTS, np.float32),
        }
        yield start_ns + t_ns, TRUTH_TOPIC, message
        frames = [
            _frame(start_ns + t_ns, frame, TRUTH_PREFIX + joint, place)
            for joint, place in zip(JOINTS, position, strict=True)
        ]
        yield start_ns + t_ns, "/tf", {"transforms": frames}
