"""The EVT3 and EVT2 decoders against an independent one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.events.decoder import PacketDecoder
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.events.types import EVENT_DTYPE

expelliarmus = pytest.importorskip("expelliarmus")

SHARED = Path(
    os.environ.get("HYBRID_POSE_SHARED", Path(__file__).resolve().parents[2].parent / "shared")
)
REAL = SHARED / "data" / "event_packets" / "test_data_evt3_trigger"
HEADER = b"% evt 3.0\n% format EVT3;height=720;width=1280\n"


def by_the_book(words: np.ndarray) -> np.ndarray:
    """EVT3 word by word as its specification tells, slowly; columns t (us), x, y, p."""
    high = low = y = base = polarity = wraps = 0
    found = []
    for word in words.tolist():
        code, value = word >> 12, word & 0xFFF
        if code == 0x8:
            wraps += value < high
            high = value
        elif code == 0x6:
            low = value
        elif code == 0x0:
            y = value & 0x7FF
        elif code == 0x3:
            base, polarity = value & 0x7FF, value >> 11
        elif code == 0x2:
            found.append((wraps << 24 | high << 12 | low, value & 0x7FF, y, value >> 11))
        elif code in (0x4, 0x5):
            bits = 12 if code == 0x4 else 8
            time = wraps << 24 | high << 12 | low
            found += [(time, base + k, y, polarity) for k in range(bits) if value >> k & 1]
            base += bits
    return np.array(found)


def assert_same(payload: bytes, folder: Path, encoding: str = "evt3") -> None:
    """Both decoders find the same events in one payload."""
    path = folder / "events.raw"
    path.write_bytes(HEADER + payload)
    theirs = expelliarmus.Wizard(encoding=encoding).read(path)
    ours = PacketDecoder(encoding, 1280, 720).decode(payload, 0)
    assert ours.faults == {}
    assert len(ours.events) == len(theirs) > 1000
    for name in "xyp":
        assert np.array_equal(ours.events[name], theirs[name])
    if encoding == "evt2":
        assert np.array_equal(ours.events["t"] // 1000, theirs["t"])
    else:
        # This reader counts TIME_HIGH twice, by itself and by the roll-over of TIME_LOW.
        assert np.array_equal(ours.events["t"] // 1000 % 4096, theirs["t"] % 4096)
        book = by_the_book(np.frombuffer(payload, "<u2"))
        assert np.array_equal(ours.events["t"], book[:, 0] * 1000)
        assert np.array_equal(ours.events["x"], book[:, 1])


def test_made_up_events(tmp_path):
    rng = np.random.default_rng(1)
    events = np.zeros(20_000, EVENT_DTYPE)
    events["t"] = np.sort(rng.integers(0, 3_000, len(events))) * 10_000
    events["x"], events["y"] = rng.integers(0, 1280, len(events)), rng.integers(0, 20, len(events))
    events["p"] = rng.integers(0, 2, len(events))
    order = np.lexsort((events["x"], events["p"], events["y"], events["t"]))
    events = events[order]
    keep = np.append(True, events[1:] != events[:-1])  # no pixel twice at once
    assert_same(encode_evt3(events[keep], 31_000_000), tmp_path)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no recording {REAL}; set HYBRID_POSE_SHARED")
def test_a_real_recording(tmp_path):
    with open_recording(REAL) as recording:
        payload = b"".join(bytes(record.payload) for record in recording.packets())
    words = np.frombuffer(payload, "<u2")
    assert_same(words[words >> 12 != 0xA].tobytes(), tmp_path)  # it knows no triggers


def test_evt2(tmp_path):
    rng = np.random.default_rng(2)
    times = np.sort(rng.integers(0, 1_000_000, 5000))
    x, y, p = rng.integers(0, 640, 5000), rng.integers(0, 480, 5000), rng.integers(0, 2, 5000)
    words = np.stack([8 << 28 | times >> 6, p << 28 | (times & 63) << 22 | x << 11 | y], axis=1)
    assert_same(words.astype("<u4").tobytes(), tmp_path, "evt2")
