"""One person, one performance, several event cameras: events of each camera and the true joints."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.performance import Performance, check_seconds, perform_movement
from hybrid_pose_ros.simulator.recording import SimulatedRecording
from hybrid_pose_ros.simulator.sensor import DAVIS346, SensorModel
from hybrid_pose_ros.simulator.view import CameraRun, entropy_of

TRUTH_PERIOD_NS = 10_000_000
FRAME_RATE = 300.0  # most pictures a second; slow motion needs fewer


def simulate(
    subject: int,
    movement: int | str,
    seed: int,
    seconds: float,
    cameras: Sequence[Camera],
    sensor: SensorModel = DAVIS346,
    progress: Callable[[float], None] | None = None,
    frame_rate: float = FRAME_RATE,
) -> SimulatedRecording:
    """Simulate a person doing one of our movements, see `perform_movement` and `record`."""
    performance = perform_movement(subject, movement, seed, seconds)
    return record(performance, seed, cameras, sensor, progress, frame_rate)


def record(
    performance: Performance,
    seed: int,
    cameras: Sequence[Camera],
    sensor: SensorModel = DAVIS346,
    progress: Callable[[float], None] | None = None,
    frame_rate: float = FRAME_RATE,
) -> SimulatedRecording:
    """Put a person in front of event cameras.

    Each camera's events depend only on the arguments and on that camera, not on the others.

    Args:
        performance: the person and the motion.
        seed: varies pixel thresholds, noise and backdrop.
        cameras: at least one, with different names.
        sensor: properties of all sensors.
        progress: called with the share done, 0..1.
        frame_rate: most pictures a second that are rendered.

    Raises:
        ConfigError: no cameras, or a camera that does not see the person.
    """
    seconds = performance.seconds
    check_seconds(seconds)
    names = [camera.name for camera in cameras]
    if not names or len(set(names)) != len(names):
        raise ConfigError(f"cameras must be one or more with different names, got {names}")
    truth_t = np.arange(int(seconds * 1e9) // TRUTH_PERIOD_NS + 1) * TRUTH_PERIOD_NS
    truth = markers_of(performance.bones(truth_t * 1e-9))
    for camera in cameras:
        check_in_view(camera, truth)
    events = {}
    for i, camera in enumerate(cameras):
        run = camera_run(performance, camera, sensor, seed, frame_rate)
        chunks = []
        for share, chunk in run.chunks(seconds):
            chunks.append(chunk)
            if progress is not None:
                progress((i + share) / len(names))
        events[camera.name] = np.concatenate(chunks)
    return SimulatedRecording(
        cameras=events,
        calibration={camera.name: camera for camera in cameras},
        truth_t_ns=truth_t,
        truth_xyz=truth,
        stem=performance.stem,
        seconds=seconds,
    )


def camera_run(
    performance: Performance,
    camera: Camera,
    sensor: SensorModel,
    seed: int,
    frame_rate: float = FRAME_RATE,
) -> CameraRun:
    """One camera about to see a performance; always the same for the same arguments."""
    return CameraRun(
        camera, performance, sensor, entropy_of(seed, performance.person, camera), frame_rate
    )


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
