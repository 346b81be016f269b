"""The demo's picture: every camera's events with its 2D skeleton, beside the 3D skeleton."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.view import canvas
from hybrid_pose_ros.view.chart import RollingChart
from hybrid_pose_ros.view.demo_frame import CameraView, DemoFrame
from hybrid_pose_ros.view.overlay import draw_keypoints, draw_truth, event_image
from hybrid_pose_ros.view.scene3d import Scene3D
from hybrid_pose_ros.view.viewport import Viewport

_GAP, _TOP, _VIEW, _CHART = 12, 80, 520, 60  # pixels: margin, title bar, pictures, charts
_CAMERA_WIDTH, _SCENE_WIDTH = 392, 448


class Dashboard:
    """Composes pictures of one size; keeps what must be steady from one to the next.

    Args:
        cameras: the rig: sensor sizes, and the frustums in the 3D scene.
        title: in the title bar.
        subtitle: below the title.
        size: (width, height) of the pictures.
    """

    def __init__(
        self,
        cameras: Sequence[Camera] = (),
        title: str = "hybrid_pose_ros",
        subtitle: str = "",
        size: tuple[int, int] = (1280, 720),
    ) -> None:
        self.size, self.title, self.subtitle = size, title, subtitle
        self._rig = {camera.name: camera for camera in cameras}
        self._ports: dict[str, Viewport] = {}
        self._rates: dict[str, tuple[RollingChart, int]] = {}
        self._error = RollingChart("3D error, mm", canvas.TEXT, 50.0)
        self._scene: Scene3D | None = None
        self._base: np.ndarray | None = None
        self._tile_width: dict[str, int] = {}

    def compose(self, frame: DemoFrame) -> np.ndarray:
        """(height, width, 3) uint8 BGR of one moment."""
        width = self.size[0]
        if self._base is None:
            self._base = self._unchanging(len(frame.cameras))
        image = self._base.copy()
        self._tiles(image, frame)
        x = _GAP
        count = max(len(frame.cameras), 1)
        space = (width - _SCENE_WIDTH - _GAP * (count + 2)) // count
        panel = (min(_CAMERA_WIDTH, space), _VIEW)
        for name, view in frame.cameras.items():
            self._camera(image, x, panel, frame, name, view)
            x += panel[0] + _GAP
        self._skeleton(image, x, width - _GAP - x, frame)
        return image

    def _unchanging(self, cameras: int) -> np.ndarray:
        """Title and legend on the background; drawn once, text is dear."""
        image = canvas.new_canvas(self.size[1], self.size[0])
        canvas.text(image, (_GAP, 38), self.title, 24, bold=True)
        subtitle = self.subtitle or f"{cameras} event cameras to one 3D skeleton"
        canvas.text(image, (_GAP, 62), subtitle, 14, canvas.MUTED)
        _legend(image, self.size[1] - 16)
        return image

    def _tiles(self, image: np.ndarray, frame: DemoFrame) -> None:
        tiles = {"time": f"{frame.t_s:.2f} s"}
        tiles |= {k: v for k, v in frame.captions.items() if k not in frame.cameras}
        x = image.shape[1] - _GAP
        for label, value in reversed(tiles.items()):
            needed = max(canvas.text_width(label, 13), canvas.text_width(value, 20, True)) + 26
            wide = max(self._tile_width.get(label, 84), needed)
            self._tile_width[label] = wide
            x -= wide
            cv2.line(image, (x, 22), (x, 62), canvas.RULE, 1)
            canvas.text(image, (x + 12, 32), label, 13, canvas.MUTED)
            canvas.text(image, (x + 12, 58), value, 20, bold=True)

    def _camera(
        self,
        image: np.ndarray,
        x: int,
        panel: tuple[int, int],
        frame: DemoFrame,
        name: str,
        view: CameraView,
    ) -> None:
        events, keypoints, truth = view
        sensor = self._sensor(frame, name)
        port = self._ports.setdefault(name, Viewport(sensor, panel))
        port.follow(_visible(keypoints) if truth is None else truth)
        part = image[_TOP : _TOP + _VIEW, x : x + panel[0]]
        part[:] = port.view(event_image(events, *sensor))
        if truth is not None:
            draw_truth(part, port.place(truth))
        if keypoints is not None:
            covariance = np.asarray(keypoints.covariance) * port.scale**2
            placed = Keypoints(port.place(keypoints.uv), covariance, keypoints.confidence)
            draw_keypoints(part, placed)
        cv2.rectangle(part, (0, 0), (panel[0] - 1, _VIEW - 1), canvas.RULE, 1)
        canvas.text(part, (12, 28), name, 17, bold=True)
        caption = frame.captions.get(name, "" if keypoints is not None else "no pose yet")
        canvas.text(part, (panel[0] - 12, 28), caption, 15, canvas.MUTED, align="right")
        self._event_rate(image, (x, _TOP + _VIEW + 8, panel[0], _CHART), frame.t_s, name, events)

    def _sensor(self, frame: DemoFrame, name: str) -> tuple[int, int]:
        if name in frame.sizes:
            return frame.sizes[name]
        if name in self._rig:
            return self._rig[name].width, self._rig[name].height
        raise KeyError(f"the sensor size of {name} is neither in the rig nor in the frame's sizes")

    def _event_rate(
        self,
        image: np.ndarray,
        box: tuple[int, int, int, int],
        t_s: float,
        name: str,
        events: np.ndarray,
    ) -> None:
        """Counts each event once, however the windows of successive frames overlap."""
        chart, seen = self._rates.get(name, (None, -1))
        if chart is None:
            chart = RollingChart("events per ms", canvas.OFF, 100.0)
            new, elapsed = 0, 0.0
        else:
            new, elapsed = int((events["t"] > seen).sum()), t_s - chart.last_t_s
        chart.add(t_s, new / elapsed / 1000.0 if elapsed > 0.0 else float("nan"))
        newest = int(events["t"].max()) if len(events) else seen
        self._rates[name] = (chart, max(seen, newest))
        chart.draw(image, box)

    def _skeleton(self, image: np.ndarray, x: int, width: int, frame: DemoFrame) -> None:
        if self._scene is None:
            self._scene = Scene3D(width, _VIEW, tuple(self._rig.values()))
        scene = self._scene.draw(frame.t_s, frame.xyz, frame.confidence, frame.truth_xyz)
        part = image[_TOP : _TOP + _VIEW, x : x + width]
        part[:] = scene
        cv2.rectangle(part, (0, 0), (width - 1, _VIEW - 1), canvas.RULE, 1)
        canvas.text(part, (12, 28), "3D", 17, bold=True)
        if frame.xyz is None:
            canvas.text(part, (width - 12, 28), "no skeleton yet", 15, canvas.MUTED, align="right")
        error = float("nan")
        if frame.xyz is not None and frame.truth_xyz is not None:
            distance = np.linalg.norm(frame.xyz - frame.truth_xyz, axis=1)
            known = distance[np.isfinite(distance)]
            error = 1e3 * float(known.mean()) if len(known) else error
        self._error.add(frame.t_s, error)
        self._error.draw(image, (x, _TOP + _VIEW + 8, width, _CHART))


def _visible(keypoints: Keypoints | None) -> np.ndarray | None:
    return None if keypoints is None else keypoints.uv[keypoints.confidence > 0]


def _legend(image: np.ndarray, y: int) -> None:
    x = _GAP
    for label, colour in (
        ("left limbs", canvas.LEFT),
        ("right limbs", canvas.RIGHT),
        ("truth", canvas.TRUTH),
        ("brighter (ON)", canvas.ON),
        ("darker (OFF)", canvas.OFF),
    ):
        canvas.line(image, (x + 3, y - 5), (x + 15, y - 5), colour, 5)
        x += 26 + canvas.text(image, (x + 24, y), label, 13, canvas.MUTED) + 14
    note = "the fainter a limb, the less certain"
    canvas.text(image, (image.shape[1] - _GAP, y), note, 13, canvas.MUTED, align="right")
