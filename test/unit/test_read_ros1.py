"""rosbag1 and the older messages, written by another library's generic serialiser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.data.dvs_message import CDR, ROS1, parse_dvs_array
from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.data.packet_file import open_packets
from hybrid_pose_ros.data.ros1 import parse_ros1_packet
from hybrid_pose_ros.errors import EncodingError, RecordingError
from hybrid_pose_ros.events.decoder import PacketDecoder
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.events.types import EVENT_DTYPE

ARRAY, EVENT = "dvs_msgs/msg/EventArray", "dvs_msgs/msg/Event"
PACKET = "event_camera_msgs/msg/EventPacket"
EPOCH_NS = 1_700_000_000_000_000_000
TOPIC = "/cam/events"


def store_of(kind):
    store = get_typestore(kind)
    event = "uint16 x\nuint16 y\n{} ts\nbool polarity\n"
    time = "time" if kind == Stores.ROS1_NOETIC else "builtin_interfaces/Time"
    array = "std_msgs/Header header\nuint32 height\nuint32 width\nEvent[] events\n"
    store.register(get_types_from_msg(event.format(time), EVENT))
    store.register(get_types_from_msg(array, ARRAY))
    packet = (
        "std_msgs/Header header\nuint32 height\nuint32 width\nuint64 seq\nuint64 time_base\n"
        "string encoding\nbool is_bigendian\nuint8[] events\n"
    )
    store.register(get_types_from_msg(packet, PACKET))
    return store


STORES = {ROS1: store_of(Stores.ROS1_NOETIC), CDR: store_of(Stores.ROS2_JAZZY)}


def make_events(n, start_ns=EPOCH_NS, seed=0):
    rng = np.random.default_rng(seed)
    events = np.zeros(n, EVENT_DTYPE)
    events["t"] = start_ns + np.sort(rng.integers(0, 10**9, n))
    events["x"], events["y"] = rng.integers(0, 346, n), rng.integers(0, 260, n)
    events["p"] = rng.integers(0, 2, n)
    return events


def header(kind, seq, stamp_ns, frame_id):
    types = STORES[kind].types
    time = types["builtin_interfaces/msg/Time"](*divmod(stamp_ns, 10**9))
    fields = {"stamp": time, "frame_id": frame_id} | ({"seq": seq} if kind == ROS1 else {})
    return types["std_msgs/msg/Header"](**fields)


def serialise(kind, message, name):
    store = STORES[kind]
    serialise_it = store.serialize_ros1 if kind == ROS1 else store.serialize_cdr
    return bytes(serialise_it(message, name))


def array_message(kind, events, seq=0, frame_id="cam"):
    types = STORES[kind].types
    listed = [
        types[EVENT](
            x=x, y=y, polarity=bool(p), ts=types["builtin_interfaces/msg/Time"](*divmod(t, 10**9))
        )
        for t, x, y, p in events.tolist()
    ]
    stamp_ns = EPOCH_NS + seq
    message = types[ARRAY](
        header=header(kind, seq, stamp_ns, frame_id), height=260, width=346, events=listed
    )
    return serialise(kind, message, ARRAY)


def packet_message(kind, payload, seq, frame_id="cam"):
    message = STORES[kind].types[PACKET](
        header=header(kind, seq, EPOCH_NS + seq, frame_id), height=260, width=346, seq=seq,
        time_base=5, encoding="evt3", is_bigendian=False, events=np.frombuffer(payload, np.uint8),
    )  # fmt: skip
    return serialise(kind, message, PACKET)


def write(path, kind, msgtype, messages):
    if kind == ROS1:
        writer = Writer1(path)
        writer.set_compression(Writer1.CompressionFormat.LZ4)
    else:
        writer = Writer2(path, version=9, storage_plugin=StoragePlugin.MCAP)
    with writer:
        connection = writer.add_connection(TOPIC, msgtype, typestore=STORES[kind])
        for n, raw in enumerate(messages):
            writer.write(connection, EPOCH_NS + n * 10**9, raw)
    return path


def read(path):
    with open_events(path) as source:
        chunks = list(source.chunks())
        assert source.share > 0.99
        return np.concatenate([c.events for c in chunks]), chunks, source.streams[TOPIC]


@pytest.mark.parametrize("kind", [ROS1, CDR])
def test_event_arrays(tmp_path, kind):
    parts = [make_events(n, EPOCH_NS + i * 10**9, i) for i, n in enumerate((700, 0, 1, 2))]
    raws = [array_message(kind, part, seq) for seq, part in enumerate(parts)]
    path = write(tmp_path / "walk", kind, ARRAY, raws)
    events, chunks, info = read(path)
    assert (events == np.concatenate(parts)).all()
    assert (info.width, info.height, info.encoding, info.frame_id) == (346, 260, kind, "cam")
    assert [chunk.stamp_ns for chunk in chunks] == [EPOCH_NS + n for n in range(4)]
    assert not any(chunk.faults or chunk.losses for chunk in chunks)
    with open_packets(path) as packets:  # what inference and replay take
        decoder, found = PacketDecoder("mono", 346, 260), []
        for record in packets.packets():
            found.append(decoder.decode(record.payload, record.time_base_ns).events)
    assert (np.concatenate(found) == events).all()


@pytest.mark.parametrize("kind", [ROS1, CDR])
def test_event_packets_with_a_gap(tmp_path, kind):
    parts = [make_events(50, n * 10**9, n) for n in (0, 1, 2, 5)]
    for part in parts:
        part["t"] -= part["t"] % 1000
    raws = [
        packet_message(kind, encode_evt3(part, int(part["t"][-1])), seq)
        for part, seq in zip(parts, (0, 1, 2, 5), strict=True)
    ]
    path = write(tmp_path / "walk.bag", kind, PACKET, raws)
    events, chunks, _ = read(path)
    assert (events == np.concatenate(parts)).all()
    assert chunks[3].losses == {"gaps": 1, "lost_packets": 2}
    with open_packets(path) as packets:
        records = list(packets.packets())
    assert [record.seq for record in records] == [0, 1, 2, 5]
    assert records[1].raw == packet_message(CDR, bytes(records[1].payload), 1)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([ROS1, CDR]), st.integers(0, 4), st.text("äx/", max_size=5), st.data())
def test_headers_and_damage(kind, n, frame_id, data):
    events = make_events(n)
    for raw, parse in (
        (array_message(kind, events, 7, frame_id), lambda raw: parse_dvs_array(raw, encoding=kind)),
        (packet_message(ROS1, b"12345", 7, frame_id), parse_ros1_packet),
    ):
        record = parse(raw)
        assert (record.frame_id, record.stamp_ns) == (frame_id, EPOCH_NS + 7)
        assert (record.width, record.height) == (346, 260)
        cut = data.draw(st.integers(0, len(raw) - 1))
        with pytest.raises(EncodingError, match=r"not a serialised|cut short"):
            parse(raw[:cut])
        mutated = bytearray(raw)
        mutated[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        try:
            record = parse(bytes(mutated))
            if record.encoding in (CDR, ROS1):
                PacketDecoder(record.encoding, 346, 260).decode(record.payload, 0)
        except EncodingError:
            pass


def test_only_events_of_a_rosbag1(tmp_path):
    path = write(tmp_path / "walk.bag", ROS1, ARRAY, [array_message(ROS1, make_events(3))])
    with open_recording(path) as recording:
        assert recording.ros1 and list(recording.event_arrays) == [TOPIC]
        with pytest.raises(RecordingError, match="rosbags-convert"):
            list(recording.messages(TOPIC))


def test_cut_short_bag(tmp_path):
    raws = [array_message(ROS1, make_events(300))] * 5
    path = write(tmp_path / "walk.bag", ROS1, ARRAY, raws)
    whole = path.read_bytes()
    for share in (0.001, 0.01, 0.5, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(RecordingError, match=r"walk\.bag"):
            read(path)
