"""Video files that browsers play, and the demo's video with its still picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np

from hybrid_pose_ros.pose.camera import Camera
from hybrid_pose_ros.view.dashboard import Dashboard
from hybrid_pose_ros.view.demo_frame import DemoFrame

__all__ = ["DemoFrame", "VideoWriter", "render_demo", "write_png"]


_BT601, _STUDIO_RANGE = 6, 1  # what cv2.COLOR_BGR2YUV_I420 makes, as FFmpeg numbers it


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")


def write_png(path: Path, image: np.ndarray) -> None:
    """Writes a BGR picture; the file appears only when it is complete."""
    path = Path(path)
    ok, data = cv2.imencode(".png", image)
    if not ok:
        raise ValueError(f"a picture of shape {image.shape} cannot be written as PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        temporary.write_bytes(data.tobytes())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class VideoWriter:
    """H.264 (yuv420p, mp4) writer; the file appears at `path` only when the block ends well.

    Args:
        path: of the file; its folder is made if missing.
        fps: pictures per second.
        size: (width, height) in pixels, both even.
        quality: x264's constant rate factor, smaller is better and larger.
    """

    def __init__(self, path: Path, fps: float, size: tuple[int, int], quality: int = 23) -> None:
        if size[0] % 2 or size[1] % 2 or min(size) <= 0:
            raise ValueError(f"a video's width and height must be even and positive, got {size}")
        self.path, self.size, self.frames = Path(path), size, 0
        self._fps = Fraction(fps).limit_denominator(1001)
        self._quality = quality
        self._temporary = _temporary(self.path)
        self._container: Any = None

    def __enter__(self) -> VideoWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The index comes first, so that a browser can start before it has read everything.
        layout = {"movflags": "+faststart"}
        self._container = av.open(str(self._temporary), "w", format="mp4", options=layout)
        try:
            options = {"preset": "superfast", "crf": str(self._quality)}
            self._stream = self._container.add_stream("libx264", rate=self._fps, options=options)
            self._stream.width, self._stream.height = self.size
            self._stream.pix_fmt = "yuv420p"
            # Told, because players take the colours of an HD video for BT.709 otherwise.
            self._stream.codec_context.colorspace = _BT601
            self._stream.codec_context.color_range = _STUDIO_RANGE
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def write(self, image: np.ndarray) -> None:
        """Appends one (height, width, 3) uint8 BGR picture."""
        width, height = self.size
        if image.shape != (height, width, 3) or image.dtype != np.uint8:
            raise ValueError(f"expected a {height} x {width} x 3 uint8 picture, got {image.shape}")
        planes = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = self.frames
        frame.time_base = 1 / self._fps
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
            self._container.close()
            if kind is None:
                self._temporary.replace(self.path)
        finally:
            self._temporary.unlink(missing_ok=True)


def render_demo(
    frames: Iterable[DemoFrame],
    out_video: Path,
    out_still: Path,
    still_at: float,
    progress: Callable[[int], None] | None = None,
    *,
    cameras: Sequence[Camera] = (),
    fps: float = 25.0,
    title: str = "hybrid_pose_ros",
) -> int:
    """Writes the demo's video and one picture of it.

    Args:
        frames: one per picture of the video, in time order.
        out_video: an .mp4 file.
        out_still: a .png file.
        still_at: the first frame at or after this time (seconds), else the last, is the still.
        progress: called with the number of pictures done after each.
        cameras: the rig, shown in the 3D scene.
        fps: pictures per second.
        title: in the title bar.

    Returns:
        The number of pictures.

    Raises:
        ValueError: if there is no frame; nothing is written then.
    """
    dashboard = Dashboard(cameras, title)
    still: np.ndarray | None = None
    with VideoWriter(out_video, fps, dashboard.size) as video:
        for frame in frames:
            image = dashboard.compose(frame)
            video.write(image)
            if still is None and frame.t_s >= still_at:
                still = image
            if progress is not None:
                progress(video.frames)
        if video.frames == 0:
            raise ValueError("there is no frame to make a video of")
    write_png(out_still, image if still is None else still)
    return video.frames
