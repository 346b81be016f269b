"""One camera watching one person: renders pictures as often as the motion needs, makes events."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import numpy as np

from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.simulator.body import body_of
from hybrid_pose_ros.simulator.lens import LensRenderer
from hybrid_pose_ros.simulator.markers import markers_of
from hybrid_pose_ros.simulator.noise import NoiseSource
from hybrid_pose_ros.simulator.performance import Performance
from hybrid_pose_ros.simulator.render import Renderer
from hybrid_pose_ros.simulator.scene import Optics, backdrop
from hybrid_pose_ros.simulator.sensor import EventSensor, SensorModel
from hybrid_pose_ros.simulator.subjects import Subject

_CHUNK_NS = 1_000_000_000
WARM_NS = 100_000_000  # simulated before time 0 so that the pixels have a past
_STEP_PX = 0.7  # motion of the fastest joint between two pictures
_SLOWEST_HZ = 60.0
_BUFFER = 400_000


def entropy_of(seed: int, person: Subject, camera: Camera) -> list[int]:
    """What seeds everything random about one camera that sees one person."""
    return [seed, person.number, zlib.crc32(camera.name.encode())]


def generators(entropy: list[int]) -> tuple[np.random.Generator, ...]:
    """Generators of the pixels, the noise and the scene."""
    return tuple(np.random.default_rng(entropy).spawn(3))


def set_up(camera: Camera, person: Subject, rng: np.random.Generator) -> Renderer | LensRenderer:
    """What draws the person in front of a random wall, as the camera sees it."""

    def make(seen: Camera) -> Renderer:
        optics = Optics.of(seen)
        return Renderer(optics, person, backdrop(optics, (seen.height, seen.width), rng))

    return make(camera) if camera.distortion is None else LensRenderer(camera, make)


class CameraRun:
    """The state of one camera during a simulation.

    Args:
        camera: name, size and projection.
        performance: the person and what it does.
        model: the sensor.
        entropy: seeds of pixels, noise and backdrop.
        frame_rate: most pictures a second.
    """

    def __init__(
        self,
        camera: Camera,
        performance: Performance,
        model: SensorModel,
        entropy: list[int],
        frame_rate: float,
    ) -> None:
        self._camera = camera
        self._person, self._bones = performance.person, performance.bones
        self._rate = frame_rate
        pixels, noise, scene = generators(entropy)
        self._renderer = set_up(camera, self._person, scene)
        self._draw(np.array([-WARM_NS]), lambda t_ns: None)
        self._sensor = EventSensor(model, self._renderer.image, -WARM_NS, pixels)
        self._noise = NoiseSource(model, self._renderer.image, noise)

    def chunks(
        self, seconds: float, chunk_ns: int = _CHUNK_NS
    ) -> Iterator[tuple[float, np.ndarray]]:
        """Yield (share done, sorted events of the next piece of time) from time 0 on."""
        end = int(seconds * 1e9)
        self._sense(-WARM_NS, 0)
        for start in range(0, end, chunk_ns):
            stop = min(end, start + chunk_ns)
            events = np.concatenate([self._sense(start, stop), self._noise.between(start, stop)])
            # Stamps lie in start..stop; the very last instant belongs to the next piece.
            events["t"] = np.minimum(events["t"], stop - 1)
            yield stop / end, events[np.argsort(events["t"], kind="stable")]

    def picture(self, t_ns: int) -> np.ndarray:
        """(h, w) radiance of the scene at a time; overwritten by whatever is drawn next."""
        self._draw(np.array([t_ns]), lambda t_ns: None)
        return self._renderer.image

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
        body = body_of(self._bones(times_ns * 1e-9), self._person)
        for t_ns, parts in zip(times_ns, body.parts, strict=True):
            self._renderer.draw(parts, body.materials)
            then(t_ns)

    def _picture_times(self, t0_ns: int, t1_ns: int) -> np.ndarray:
        """Times in (t0, t1] at which to render: denser while something moves fast."""
        count = max(1, round((t1_ns - t0_ns) * 1e-9 * self._rate))
        grid = t0_ns + np.round(np.arange(count + 1) * ((t1_ns - t0_ns) / count)).astype(np.int64)
        points = markers_of(self._bones(grid * 1e-9))
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
