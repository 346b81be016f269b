"""AEDAT 4: files built byte by byte, read here and by another library."""

from __future__ import annotations

import struct

import lz4.frame
import numpy as np
import pytest

from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.data.inflate import zstd
from hybrid_pose_ros.errors import RecordingError

INFO = (
    """<dv version="2.0"><node name="outInfo" path="/mainloop/Recorder/outInfo/">{}</node></dv>"""
)
STREAM = """<node name="{0}" path="/mainloop/Recorder/outInfo/{0}/">
<attr key="compression" type="string">{1}</attr>
<attr key="originalModuleName" type="string">capture</attr>
<attr key="originalOutputName" type="string">{2}</attr>
<attr key="typeDescription" type="string">events</attr>
<attr key="typeIdentifier" type="string">{3}</attr>
<node name="info" path="/mainloop/Recorder/outInfo/{0}/info/">
<attr key="sizeX" type="int">346</attr><attr key="sizeY" type="int">260</attr>
<attr key="source" type="string">{4}</attr></node></node>"""
KINDS = {"NONE": 0, "LZ4": 1, "LZ4_HIGH": 2, "ZSTD": 3, "ZSTD_HIGH": 4}
EVENT = np.dtype([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1"), ("pad", "V3")])


def sized(data):
    return struct.pack("<I", len(data)) + data


def header(compression, streams, position=-1):
    """An IOHeader: virtual table at 8, table at 24, text at 44."""
    text = INFO.format("".join(streams)).encode()
    data = struct.pack(
        "<I4sHHHHH6xiiqI", 24, b"IOHE", 10, 20, 4, 8, 16, 16, compression, position, 4
    )
    return b"#!AER-DAT4.0\r\n" + sized(data + struct.pack("<I", len(text)) + text + b"\0")


def events_payload(events):
    """An EventPacket: virtual table at 8, table at 16, elements from 32 on."""
    data = struct.pack("<I4sHHH2xiI4xI", 16, b"EVTS", 6, 8, 4, 8, 8, len(events))
    return sized(data + events.tobytes())


def trigger_payload(t_us, kind):
    """A TriggerPacket with one Trigger (virtual table at 32, table at 40)."""
    data = struct.pack("<I4sHHH2xiII", 16, b"TRIG", 6, 8, 4, 8, 4, 1)
    data += struct.pack("<I", 40 - 28) + struct.pack("<HHHH", 8, 20, 4, 12)
    return sized(data + struct.pack("<iqb", 8, t_us, kind))


def pack(data, compression):
    if compression.startswith("LZ4"):
        return lz4.frame.compress(data)
    return zstd.compress(data) if compression.startswith("ZSTD") else data


def make_events(n, seed=0, start_us=1_700_000_000_000_000):
    rng = np.random.default_rng(seed)
    events = np.zeros(n, EVENT)
    events["t"] = start_us + np.sort(rng.integers(0, 50_000, n))
    events["x"], events["y"] = rng.integers(0, 346, n), rng.integers(0, 260, n)
    events["p"] = rng.integers(0, 2, n)
    return events


def write(path, packets, compression="LZ4", streams=None):
    streams = streams or [STREAM.format(0, compression, "events", "EVTS", "DAVIS346_1")]
    data = header(KINDS[compression], streams)
    for number, payload in packets:
        payload = pack(payload, compression)
        data += struct.pack("<ii", number, len(payload)) + payload
    path.write_bytes(data)
    return path


def read(path, name="/events"):
    with open_events(path) as source:
        chunks = list(source.chunks([name]))
        assert source.share == 1.0
    return np.concatenate([chunk.events for chunk in chunks]), chunks


@pytest.mark.parametrize("compression", KINDS)
def test_as_another_library_reads_it(tmp_path, compression):
    aedat = pytest.importorskip("aedat")
    parts = [make_events(n, n, 1_700_000_000_000_000 + 50_000 * i) for i, n in enumerate((3, 5000))]
    path = write(tmp_path / "a.bin", [(0, events_payload(part)) for part in parts], compression)
    events, chunks = read(path)
    assert len(chunks) == 2 and not any(chunk.faults for chunk in chunks)
    decoder = aedat.Decoder(path)
    assert decoder.id_to_stream()[0]["width"] == 346
    known = np.concatenate([packet["events"] for packet in decoder])
    assert len(known) == 5003
    for ours, theirs, scale in (("t", "t", 1000), ("x", "x", 1), ("y", "y", 1), ("p", "on", 1)):
        assert (events[ours] == known[theirs].astype(np.int64) * scale).all()


def test_several_cameras_and_triggers(tmp_path):
    streams = [
        STREAM.format(0, "NONE", "events", "EVTS", "DAVIS346_1"),
        STREAM.format(1, "NONE", "frames", "FRME", "DAVIS346_1"),
        STREAM.format(2, "NONE", "triggers", "TRIG", "DAVIS346_2"),
        STREAM.format(3, "NONE", "events", "EVTS", "DAVIS346_2"),
    ]
    left, right = make_events(100, 1), make_events(50, 2)
    packets = [
        (0, events_payload(left)), (1, b"a frame"), (2, trigger_payload(7, 1)),
        (2, trigger_payload(9, 2)), (2, trigger_payload(10, 6)), (3, events_payload(right)),
    ]  # fmt: skip
    path = write(tmp_path / "a.aedat4", packets, "NONE", streams)
    with open_events(path) as source:
        assert list(source.streams) == ["/DAVIS346_1/events", "/DAVIS346_2/events"]
        assert source.streams["/DAVIS346_2/events"].height == 260
        assert source.kind == "AEDAT 4"
    assert len(read(path, "/DAVIS346_1/events")[0]) == 100
    events, chunks = read(path, "/DAVIS346_2/events")
    assert (events["t"] == right["t"] * 1000).all()
    edges = np.concatenate([chunk.triggers for chunk in chunks])
    assert edges.tolist() == [[7000, 0, 1], [9000, 0, 0]]  # the frame's mark is none


def test_what_lies_outside_of_the_sensor_is_dropped_and_counted(tmp_path):
    events = make_events(20)
    events["x"][3], events["y"][4], events["t"][5], events["x"][6] = 346, -1, -5, 345
    found, (chunk,) = read(write(tmp_path / "a.aedat4", [(0, events_payload(events))]))
    assert len(found) == 17
    assert chunk.faults == {"coordinate": 2, "time_range": 1}


def test_cut_short_at_any_byte(tmp_path):
    path = write(tmp_path / "a.aedat4", [(0, events_payload(make_events(10, n))) for n in range(3)])
    whole = path.read_bytes()
    start = len(header(1, [STREAM.format(0, "LZ4", "events", "EVTS", "DAVIS346_1")]))
    good = 0
    for length in range(1, len(whole), 7):
        path.write_bytes(whole[:length])
        try:
            good += len(read(path)[0]) % 10 == 0
        except RecordingError as error:
            assert str(path) in str(error)
            if length > start:
                assert "is damaged at byte" in str(error)
        except ValueError:  # no packet at all: nothing to put together
            assert length == start
    assert good <= 2  # only where a packet ends


def test_hostile_packets(tmp_path):
    """Packets whose numbers lie: an error that names the byte, never more."""
    plain = bytearray(events_payload(make_events(10)))
    for at in range(0, 36):
        for value in (0x00, 0x7F, 0x80, 0xFF):
            data = bytes(plain[:at]) + bytes([value]) + bytes(plain[at + 1 :])
            path = write(tmp_path / "a.aedat4", [(0, data)], "NONE")
            try:
                events, _ = read(path)
                assert len(events) <= 10
            except RecordingError as error:
                assert "damaged at byte" in str(error)


def test_no_events(tmp_path):
    stream = STREAM.format(0, "NONE", "frames", "FRME", "DAVIS346_1")
    path = write(tmp_path / "a.aedat4", [], "NONE", [stream])
    with pytest.raises(RecordingError, match=r"a\.aedat4 holds no events"):
        open_events(path)
