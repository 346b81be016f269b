"""Videos and stills are complete, of the size asked for, or not there at all."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

from hybrid_pose_ros.events.types import empty_events
from hybrid_pose_ros.pose.keypoints import Keypoints
from hybrid_pose_ros.view import canvas
from hybrid_pose_ros.view.chart import RollingChart
from hybrid_pose_ros.view.dashboard import Dashboard
from hybrid_pose_ros.view.video import DemoFrame, VideoWriter, render_demo, write_png
from hybrid_pose_ros.view.viewport import Viewport


def pictures(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(stream)]
        return frames, stream.codec_context.name, stream.pix_fmt, float(stream.average_rate)


def demo_frames(count, fail_at=None):
    rng = np.random.default_rng(0)
    for k in range(count):
        if k == fail_at:
            raise RuntimeError("the source broke")
        events = empty_events(500)
        events["t"] = np.sort(rng.integers(0, 40_000_000, 500)) + k * 40_000_000
        events["x"], events["y"] = rng.integers(0, 346, 500), rng.integers(0, 260, 500)
        uv = rng.uniform(80, 180, (13, 2)).astype(np.float32)
        pose = Keypoints(uv, np.ones((13, 3), np.float32), np.ones(13, np.float32))
        views = {"cam2": (events, pose if k else None, uv), "cam3": (empty_events(), None, None)}
        xyz = rng.uniform(0, 1.7, (13, 3))
        yield DemoFrame(
            k / 25,
            views,
            xyz if k else None,
            truth_xyz=xyz,
            captions={"latency": "9 ms", "cam2": "4 px"},
            sizes={"cam2": (346, 260), "cam3": (640, 480)},
        )


def test_video_has_the_frames_size_rate_and_pictures_asked_for(tmp_path):
    path = tmp_path / "new" / "film.mp4"
    with VideoWriter(path, 30, (64, 48)) as video:
        for k in range(7):
            video.write(np.full((48, 64, 3), (40 + 25 * k, 90, 160), np.uint8))
        assert not path.exists()
    frames, codec, layout, rate = pictures(path)
    assert (len(frames), codec, layout, rate) == (7, "h264", "yuv420p", 30.0)
    for k, frame in enumerate(frames):
        assert frame.shape == (48, 64, 3)
        assert np.abs(frame.mean((0, 1)) - (40 + 25 * k, 90, 160)).max() < 6
    assert [p.name for p in path.parent.iterdir()] == ["film.mp4"]
    assert path.read_bytes().index(b"moov") < path.read_bytes().index(b"mdat")


@pytest.mark.parametrize("written", [0, 3])
def test_an_exception_leaves_nothing_half_written(tmp_path, written):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"the film of yesterday")
    with pytest.raises(KeyboardInterrupt), VideoWriter(path, 25, (64, 48)) as video:
        for _ in range(written):
            video.write(np.zeros((48, 64, 3), np.uint8))
        raise KeyboardInterrupt
    assert [p.name for p in tmp_path.iterdir()] == ["film.mp4"]
    assert path.read_bytes() == b"the film of yesterday"


def test_wrong_pictures_and_odd_sizes_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"even.*63"):
        VideoWriter(tmp_path / "a.mp4", 25, (63, 48))
    with (
        pytest.raises(ValueError, match="48 x 64"),
        VideoWriter(tmp_path / "a.mp4", 25, (64, 48)) as video,
    ):
        video.write(np.zeros((64, 48, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_png_is_the_picture(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    write_png(tmp_path / "new" / "a.png", image)
    assert (cv2.imread(str(tmp_path / "new" / "a.png")) == image).all()
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.png"]


def test_demo_writes_video_and_still(tmp_path):
    video, still, told = tmp_path / "demo.mp4", tmp_path / "demo.png", []
    count = render_demo(demo_frames(6), video, still, still_at=0.08, progress=told.append)
    frames = pictures(video)[0]
    assert count == len(frames) == 6 and told == [1, 2, 3, 4, 5, 6]
    assert all(frame.shape == (720, 1280, 3) for frame in frames)
    picture = cv2.imread(str(still)).astype(int)
    distance = [np.abs(picture - frame).mean() for frame in frames]
    assert np.argmin(distance) == 2  # 0.08 s


def test_still_after_the_end_is_the_last_picture(tmp_path):
    render_demo(demo_frames(3), tmp_path / "a.mp4", tmp_path / "a.png", still_at=99.0)
    picture, frames = (
        cv2.imread(str(tmp_path / "a.png")).astype(int),
        pictures(tmp_path / "a.mp4")[0],
    )
    assert np.argmin([np.abs(picture - frame).mean() for frame in frames]) == 2


@pytest.mark.parametrize("frames", [demo_frames(5, fail_at=3), demo_frames(0)])
def test_demo_that_breaks_writes_nothing(tmp_path, frames):
    with pytest.raises((RuntimeError, ValueError)):
        render_demo(frames, tmp_path / "a.mp4", tmp_path / "a.png", still_at=0.0)
    assert not list(tmp_path.iterdir())


def test_dashboard_needs_the_sensor_size():
    with pytest.raises(KeyError, match="cam7"):
        Dashboard().compose(DemoFrame(0.0, {"cam7": (empty_events(), None, None)}))


@pytest.mark.parametrize("count", [0, 1, 4])
def test_dashboard_has_room_for_any_number_of_cameras(count):
    views = {f"cam{k}": (empty_events(), None, None) for k in range(count)}
    frame = DemoFrame(0.0, views, sizes=dict.fromkeys(views, (346, 260)))
    assert Dashboard().compose(frame).shape == (720, 1280, 3)


def test_viewport_keeps_pixel_centres():
    port = Viewport((346, 260), (392, 520))
    port.follow(np.tile([173.0, 100.0], (13, 1)))
    image = np.zeros((260, 346, 3), np.uint8)
    image[100, 173] = 255
    shown = np.argwhere(port.view(image)[..., 0] > 128)
    np.testing.assert_allclose(shown.mean(0)[::-1], port.place([173.0, 100.0]), atol=1e-9)
    assert abs(port.place([173.0, 100.0])[0] - 196) <= 1.5


def test_viewport_stays_on_the_sensor():
    port = Viewport((346, 260), (392, 520))
    port.follow(np.tile([2.0, 100.0], (13, 1)))
    assert port.place([0.0, 0.0])[0] == pytest.approx(0.5)
    port.follow(np.full((13, 2), np.nan))
    assert port.place([0.0, 0.0])[0] == pytest.approx(0.5)


def test_chart_forgets_and_survives_gaps():
    chart = RollingChart("value", (0, 255, 0), 10.0, span_s=1.0)
    image = canvas.new_canvas(60, 100, (0, 0, 0))
    chart.add(0.0, 9.0)
    for t in (2.0, 2.2, 2.25, 2.3, 2.5):
        chart.add(t, 10.0 if t != 2.25 else float("nan"))
    chart.draw(image, (0, 0, 100, 60))
    green = (image[24:55, :, 1] > 60).any(0)
    assert not green[:48].any()  # 0.0 s is more than a second old, 2.0 s is in the middle
    assert green[51:68].all() and not green[72:78].any() and green[82:97].all()
