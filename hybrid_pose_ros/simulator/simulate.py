"""One person, one motion, several event cameras: events of each camera and the true joints."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.simulator.bones import bones_of
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.motion import make_motion
from hybrid_pose_ros.simulator.movements.catalogue import find_movement
from hybrid_pose_ros.simulator.recording import SimulatedRecording
from hybrid_pose_ros.simulator.sensor import DAVIS346, SensorModel
from hybrid_pose_ros.simulator.subjects import Subject, find_subject
from hybrid_pose_ros.simulator.view import CameraRun

TRUTH_PERIOD_NS = 10_000_000


def simulate(
    subject: int,
    movement: int | str,
    seed: int,
    seconds: float,
    cameras: Sequence[Camera],
    sensor: SensorModel = DAVIS346,
    progress: Callable[[float], None] | None = None,
    frame_rate: float = 300.0,
) -> SimulatedRecording:
    """Simulate a person in front of event cameras.

    Each camera's events depend only on the arguments and on that camera, not on the others.

    Args:
        subject: 1..17 or above 100, see `subjects.find_subject`.
        movement: 1..33, a name, or several separated by commas, done one after the other.
        seed: varies rhythm, sway, pixel thresholds, noise and backdrop.
        seconds: length of the recording.
        cameras: at least one, with different names.
        sensor: properties of all sensors.
        progress: called with the share done, 0..1.
        frame_rate: most pictures a second that are rendered; slow motion needs fewer.

    Raises:
        ConfigError: for an unknown subject or movement, no length, no cameras, or a camera that
            does not see the person.
    """
    person = find_subject(subject)
    parts = tuple(find_movement(key) for key in str(movement).split(","))
    if not 0.0 < seconds <= 3600.0:
        raise ConfigError(f"seconds must be above 0 and at most 3600, got {seconds}")
    names = [camera.name for camera in cameras]
    if not names or len(set(names)) != len(names):
        raise ConfigError(f"cameras must be one or more with different names, got {names}")
    motion = make_motion(parts, person.number, seed, seconds)
    truth_t = np.arange(int(seconds * 1e9) // TRUTH_PERIOD_NS + 1) * TRUTH_PERIOD_NS
    truth = markers_of(bones_of(motion(truth_t * 1e-9), person))
    events = {}
    for i, camera in enumerate(cameras):
        check_in_view(camera, truth)
        run = CameraRun(camera, person, motion, sensor, _entropy(seed, person, camera), frame_rate)
        chunks = []
        for share, chunk in run.chunks(seconds):
            chunks.append(chunk)
            if progress is not None:
                progress((i + share) / len(names))
        events[camera.name] = np.concatenate(chunks)
    return SimulatedRecording(
        cameras=events,
        sizes={camera.name: (camera.width, camera.height) for camera in cameras},
        truth_t_ns=truth_t,
        truth_xyz=truth,
        subject=person,
        movements=parts,
        seed=seed,
        seconds=seconds,
    )


def _entropy(seed: int, person: Subject, camera: Camera) -> list[int]:
    return [seed, person.number, zlib.crc32(camera.name.encode())]


def check_in_view(camera: Camera, truth: np.ndarray) -> None:
    """Refuse a camera that sees less than a tenth of the joints of (n, 13, 3).

    Raises:
        ConfigError: names the camera and where the person stands in its picture.
    """
    uv, size = camera.project(truth), np.array([camera.width, camera.height])
    inside = np.all((uv >= 0) & (uv < size), axis=-1)  # False behind the camera, where uv is NaN
    if inside.mean() < 0.1:
        middle = np.median(truth.reshape(-1, 3), axis=0)
        u, v = camera.project(middle)
        raise ConfigError(
            f"camera '{camera.name}' does not see the person: the middle of the body is at pixel "
            f"({u:.0f}, {v:.0f}), {camera.depth(middle):.1f} m in front, of {camera.width} x "
            f"{camera.height}; the person stands within 0.5 m of the world's origin, check the rig"
        )
