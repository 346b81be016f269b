"""AEDAT 2.0 of DHP19: addresses put together bit by bit."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.errors import RecordingError

HEADER = (
    b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n"
    b"# AEChip: eu.seebetter.ini.chips.davis.DAVIS346B_4cam\r\n"
)
SINGLE = HEADER.replace(b"346B_4cam", b"240C")
WIDTH, HEIGHT = 346, 260


def dvs(x_raw, y_raw, on, camera):
    """Address of an event: x from the right, y from the bottom, as the sensor reads them out."""
    return y_raw << 22 | x_raw << 12 | on << 11 | camera


def write(path, words, header=HEADER):
    path.write_bytes(header + b"".join(struct.pack(">II", *word) for word in words))
    return path


def read(path):
    """All events by stream, and the chunks."""
    with open_events(path) as source:
        chunks = list(source.chunks())
        empty = {name: [] for name in source.streams}
    for chunk in chunks:
        empty[chunk.stream] += chunk.events.tolist()
    return empty, chunks


def test_cameras_times_and_orientation(tmp_path):
    words = [
        (dvs(0, 0, 1, 0), 10),
        (dvs(345, 259, 0, 1), 11),
        (0x80000000 | dvs(7, 7, 1, 2), 12),  # a sample of a frame
        (dvs(100, 50, 1, 3), 13),
        (0x400 | 2, 14),  # a signal from outside
        (dvs(101, 50, 0, 3), 15),
    ]
    found, chunks = read(write(tmp_path / "mov1.aedat", words))
    assert found == {
        "/cam0/events": [(10_000, 345, 259, 1)],
        "/cam1/events": [(11_000, 0, 0, 0)],
        "/cam2/events": [],
        "/cam3/events": [(13_000, 245, 209, 1), (15_000, 244, 209, 0)],
    }
    assert [(c.stream, c.triggers.tolist()) for c in chunks if len(c.triggers)] == [
        ("/cam2/events", [[14_000, 0, 1]])
    ]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 345), st.integers(0, 259), st.integers(0, 1), st.integers(0, 3),
            st.integers(0, 200_000_000),
        ),
        min_size=1,
        max_size=40,
    ),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_any_events_over_the_wrap_of_the_time(tmp_path_factory, events, start_us):
    t_us, words, known = start_us, [], {f"/cam{n}/events": [] for n in range(4)}
    wraps = {}
    for x, y, on, camera, step in events:
        t_us += step
        words.append((dvs(x, y, on, camera), t_us % 2**32))
        # each camera's time is unrolled from its own first event on
        wraps.setdefault(camera, t_us // 2**32 * 2**32)
        t_ns = (t_us - wraps[camera]) * 1000
        known[f"/cam{camera}/events"].append((t_ns, WIDTH - 1 - x, HEIGHT - 1 - y, on))
    found, chunks = read(write(tmp_path_factory.mktemp("a") / "a.aedat", words))
    assert found == known
    assert not any(chunk.faults for chunk in chunks)


def test_one_camera_and_other_sensor(tmp_path):
    path = write(tmp_path / "a.aedat", [(dvs(0, 0, 1, 0), 5), (dvs(240, 0, 1, 0), 6)], SINGLE)
    with open_events(path) as source:
        assert (source.streams["/events"].width, source.streams["/events"].height) == (240, 180)
    found, (chunk,) = read(path)
    assert found == {"/events": [(5000, 239, 179, 1)]}
    assert chunk.faults == {"coordinate": 1}


def test_faults_are_counted(tmp_path):
    words = [
        (dvs(1, 1, 1, 0), 1000), (dvs(1, 1, 1, 0), 900), (dvs(1, 1, 1, 9), 1000),
        (dvs(346, 1, 1, 0), 1001), (dvs(1, 260, 1, 0), 1002),
    ]  # fmt: skip
    found, (chunk,) = read(write(tmp_path / "a.aedat", words))
    assert [event[0] for event in found["/cam0/events"]] == [1_000_000, 1_000_000]
    assert chunk.faults == {"coordinate": 2, "time_backwards": 1, "camera": 1}


def test_many_blocks_are_one_stream(tmp_path):
    rng, n = np.random.default_rng(1), 300_000
    words = np.empty((n, 2), ">u4")
    camera = rng.integers(0, 4, n)
    words[:, 0] = (rng.integers(0, 260, n) << 22) | (rng.integers(0, 346, n) << 12) | camera
    words[:, 1] = np.arange(n)
    path = tmp_path / "a.aedat"
    path.write_bytes(HEADER + words.tobytes())
    with open_events(path) as source:
        chunks = list(source.chunks())
        chosen = np.concatenate([c.events["t"] for c in source.chunks(["/cam2/events"])])
    assert len(chunks) > 8
    assert (chosen == np.flatnonzero(camera == 2) * 1000).all()
    firsts = [int(chunk.events["t"][0]) for chunk in chunks]
    assert firsts == sorted(firsts)


def test_cut_short(tmp_path):
    path = write(tmp_path / "a.aedat", [(dvs(1, 1, 1, 0), n) for n in range(4)])
    path.write_bytes(path.read_bytes()[:-3])
    events = 0
    with open_events(path) as source, pytest.raises(RecordingError) as error:
        for chunk in source.chunks():
            events += len(chunk.events)
    assert events == 3
    assert f"damaged at byte {len(HEADER) + 24} (5 of 8 bytes" in str(error.value)
    assert "3 events before" in str(error.value)


def test_other_chips_are_refused(tmp_path):
    header = HEADER.replace(b"DAVIS346B_4cam", b"DVS128").replace(b"davis", b"dvs")
    with pytest.raises(RecordingError, match=r"DVS128.*DAVIS"):
        open_events(write(tmp_path / "a.aedat", [], header))
