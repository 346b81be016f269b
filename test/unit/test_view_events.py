"""A recording's events become pictures: each event once, in its time and place."""

from __future__ import annotations

import argparse

import av
import cv2
import h5py
import numpy as np
import pytest

from hybrid_pose_ros.cli import events_view, main
from hybrid_pose_ros.data.bag_writer import BagWriter
from hybrid_pose_ros.data.cdr import build_event_packet
from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.data.typestore import EVENT_PACKET
from hybrid_pose_ros.errors import ConfigError, RecordingError
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.events.types import empty_events
from hybrid_pose_ros.view.event_film import event_frames, render_events

EPOCH_NS = 1_700_000_000_000_000_000
TOPICS = ["/left/events", "/right/events"]


@pytest.fixture
def bag(tmp_path):
    """0.4 s of two 64 x 48 cameras, 5 ms a packet, whose clocks differ by 3 s.

    An event every millisecond at x = its millisecond modulo 64; y = 10 left, 20 right.
    """
    path = tmp_path / "walk"
    with BagWriter(path) as writer:
        for topic in TOPICS:
            writer.add_topic(topic, EVENT_PACKET)
        for seq in range(80):
            for topic, y, offset_ns in zip(TOPICS, (10, 20), (0, 3_000_000_000), strict=True):
                end_ns = (seq + 1) * 5_000_000
                ms = np.arange(seq * 5, seq * 5 + 5)
                events = empty_events(5)
                events["t"], events["x"], events["y"] = ms * 1_000_000 + offset_ns, ms % 64, y
                packet = build_event_packet(
                    encode_evt3(events, end_ns + offset_ns),
                    stamp_ns=EPOCH_NS + end_ns,
                    frame_id="",
                    width=64,
                    height=48,
                    seq=seq,
                )
                writer.write(topic, packet, EPOCH_NS + end_ns)
    return path


def test_each_event_is_in_one_picture_in_its_time(bag):
    with open_events(bag) as source:
        frames = list(event_frames(source, TOPICS, 25.0, 20.0))
    assert [frame.t_s for frame in frames] == pytest.approx(np.arange(10) * 0.04)
    for k, frame in enumerate(frames):
        for topic, y in zip(TOPICS, (10, 20), strict=True):
            ms = np.arange(40 * k, 40 * k + 40)
            assert frame.events[topic]["x"].tolist() == (ms % 64).tolist()
            assert set(frame.events[topic]["y"].tolist()) == {y}


def test_seconds_end_the_video(bag, tmp_path):
    out = tmp_path / "view.mp4"
    assert render_events(bag, out, None, seconds=0.2) == 5
    with av.open(str(out)) as container:
        frames = [f.to_ndarray(format="bgr24") for f in container.decode(video=0)]
    height, width = frames[0].shape[:2]
    assert len(frames) == 5 and width % 2 == height % 2 == 0 and 1000 < width <= 1280


def test_picture_of_one_topic(bag, tmp_path, capsys):
    parser = argparse.ArgumentParser()
    events_view.add_arguments(parser)
    out = tmp_path / "view.png"
    args = parser.parse_args([str(bag), "--out", str(out), "--topic", TOPICS[1]])
    assert events_view.run(args) == 0
    assert "10 moments" in capsys.readouterr().out
    picture = cv2.imread(str(out))
    scale = (picture.shape[0] - 16) / 48
    row = picture[8 + int(20.5 * scale)].max(1) > 100  # the events' row; the first 40 ms win a tie
    assert 0.9 * 40 * scale < row.sum() < 1.1 * 40 * scale
    assert not (picture[8 + int(30.5 * scale)].max(1) > 100).any()


def test_a_film_is_replaced_when_told_so(bag, tmp_path):
    out = tmp_path / "view.png"
    words = ["events", "view", str(bag), "--out", str(out), "--seconds", "0.1"]
    assert main.main(words) == 0
    before = out.read_bytes()
    assert main.main([*words, "--topic", TOPICS[0]]) == 2
    assert out.read_bytes() == before
    assert main.main([*words, "--topic", TOPICS[0], "--force"]) == 0
    assert out.read_bytes() != before


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"out": "view.gif"}, ConfigError, r"view\.gif.*\.mp4"),
        ({"seconds": 0.0}, ConfigError, "--seconds 0"),
        ({"seconds": float("inf")}, ConfigError, "--seconds inf"),
        ({"seconds": float("nan")}, ConfigError, "--seconds nan"),
        ({"topics": ["/up/events"]}, RecordingError, "/up/events.*/left/events"),
        ({"path": "nowhere.mcap"}, RecordingError, "nowhere.mcap"),
    ],
)
def test_bad_input_is_told_and_nothing_written(bag, tmp_path, change, error, words):
    folder = tmp_path / "out"
    folder.mkdir()
    given = {"path": bag, "out": "view.mp4", "topics": None, "seconds": 1.0, **change}
    given["out"] = folder / given["out"]
    with pytest.raises(error, match=words):
        render_events(**given)
    assert not list(folder.iterdir())


def test_pictures_of_files_without_packets(tmp_path):
    """Cameras of one clock: no stamps are needed, and large chunks still come in time."""
    path, n = tmp_path / "S1_session1_mov1_events.h5", 200_000
    with h5py.File(path, "w") as file:
        for camera, y in ((2, 11), (3, 21)):
            group = file.create_group(f"cam{camera}_events")
            group["t"] = np.arange(n) * 5  # 1 s
            group["x"], group["y"] = np.arange(n) // 200 % 346 + 1, np.full(n, y)
            group["p"] = np.zeros(n)
    with open_events(path) as source:
        frames = list(event_frames(source, list(source.streams), 25.0, 20.0))
    assert len(frames) == 25
    for frame in frames:
        for camera, y in ((2, 10), (3, 20)):
            events = frame.events[f"/cam{camera}/events"]
            assert len(events) == n / 25
            assert (events["t"] // 40_000_000 == round(frame.t_s * 25)).all()
            assert (events["y"] == y).all()
    out = tmp_path / "view.png"
    assert render_events(path, out, ["/cam3/events"], seconds=0.5) == 12
    assert cv2.imread(str(out)) is not None


def test_damaged_file_is_shown_up_to_the_damage(tmp_path):
    path = tmp_path / "a.raw"
    words = np.repeat(np.arange(2000), 2) + 0x80000000  # a time word every 64 us
    words[1::2] = 0x10000000 | 5 << 11 | 7
    path.write_bytes(b"% format EVT2;height=48;width=64\n% end\n" + words.astype("<u4").tobytes())
    out = tmp_path / "view.mp4"
    assert render_events(path, out) == 4
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(RecordingError, match=r"damaged at byte .*1999 events before it"):
        render_events(path, tmp_path / "again.mp4")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.raw", "view.mp4"]
    assert render_events(path, out, partial=True) == 4
