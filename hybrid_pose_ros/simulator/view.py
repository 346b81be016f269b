"""One camera watching one person: renders pictures as often as the motion needs, makes events."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.simulator.body import body_of
from hybrid_pose_ros.simulator.bones import bones_of
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.motion import Motion
from hybrid_pose_ros.simulator.noise import NoiseSource
from hybrid_pose_ros.simulator.render import Renderer
from hybrid_pose_ros.simulator.scene import Optics, backdrop
from hybrid_pose_ros.simulator.sensor import EventSensor, SensorModel
from hybrid_pose_ros.simulator.subjects import Subject

_CHUNK_NS = 1_000_000_000
_WARM_NS = 100_000_000  # simulated before time 0 so that the pixels have a past
_STEP_PX = 0.7  # motion of the fastest joint between two pictures
_SLOWEST_HZ = 60.0
_BUFFER = 400_000


class CameraRun:
    """The state of one camera during a simulation.

    Args:
        camera: name, size and projection.
        person: whose body.
        motion: what it does.
        model: the sensor.
        entropy: seeds of pixels, noise and backdrop.
        frame_rate: most pictures a second.
    """

    def __init__(
        self,
        camera: Camera,
        person: Subject,
        motion: Motion,
        model: SensorModel,
        entropy: list[int],
        frame_rate: float,
    ) -> None:
        self._camera = camera
        self._person, self._motion, self._rate = person, motion, frame_rate
        pixels, noise, scene = np.random.default_rng(entropy).spawn(3)
        reflectance, contrast = scene.uniform(0.14, 0.26), scene.uniform(0.1, 0.25)
        background = backdrop((camera.height, camera.width), scene, reflectance, contrast)
        self._renderer = Renderer(Optics.of(camera), person, background)
        self._draw(np.array([-_WARM_NS]), lambda t_ns: None)
        self._sensor = EventSensor(model, self._renderer.image, -_WARM_NS, pixels)
        self._noise = NoiseSource(model, camera.width, camera.height, noise)

    def chunks(self, seconds: float) -> Iterator[tuple[float, np.ndarray]]:
        """Yield (share done, sorted events of the next piece of time) from time 0 on."""
        end = int(seconds * 1e9)
        self._sense(-_WARM_NS, 0)
        for start in range(0, end, _CHUNK_NS):
            stop = min(end, start + _CHUNK_NS)
            events = np.concatenate([self._sense(start, stop), self._noise.between(start, stop)])
            # Stamps lie in start..stop; the very last instant belongs to the next piece.
            events["t"] = np.minimum(events["t"], stop - 1)
            yield stop / end, events[np.argsort(events["t"], kind="stable")]

    def _sense(self, start_ns: int, stop_ns: int) -> np.ndarray:
        """Events of the motion between two times, not sorted."""
        buffers, buffer, count = [], np.zeros(_BUFFER, EVENT_DTYPE), 0

        def see(t_ns: int) -> None:
            nonlocal buffer, count
            if count > _BUFFER // 2:
                buffers.append(buffer[:count])
                buffer, count = np.zeros(_BUFFER, EVENT_DTYPE), 0
            renderer = self._renderer
            count = self._sensor.see(renderer.image, renderer.changed, t_ns, buffer, count)

        self._draw(self._picture_times(start_ns, stop_ns), see)
        return np.concatenate([*buffers, buffer[:count]])

    def _draw(self, times_ns: np.ndarray, then: Callable[[int], None]) -> None:
        body = body_of(bones_of(self._motion(times_ns * 1e-9), self._person), self._person)
        for t_ns, parts in zip(times_ns, body.parts, strict=True):
            self._renderer.draw(parts, body.materials)
            then(t_ns)

    def _picture_times(self, t0_ns: int, t1_ns: int) -> np.ndarray:
        """Times in (t0, t1] at which to render: denser while something moves fast."""
        count = max(1, round((t1_ns - t0_ns) * 1e-9 * self._rate))
        grid = t0_ns + np.round(np.arange(count + 1) * ((t1_ns - t0_ns) / count)).astype(np.int64)
        points = markers_of(bones_of(self._motion(grid * 1e-9), self._person))
        uv = self._camera.project(points)
        moved = np.linalg.norm(np.diff(uv, axis=0), axis=-1)
        moved = np.nan_to_num(moved, nan=np.inf).max(axis=-1)  # NaN behind the camera
        most = max(1, int(self._rate / _SLOWEST_HZ))
        keep, travelled, skipped = [], 0.0, 0
        for i in range(count):
            travelled, skipped = travelled + moved[i], skipped + 1
            following = moved[i + 1] if i + 1 < count else np.inf
            if travelled + following > _STEP_PX or skipped >= most:
                keep.append(i + 1)
                travelled, skipped = 0.0, 0
        return grid[keep]
