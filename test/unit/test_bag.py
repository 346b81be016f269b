"""Bags: written and read again, all or nothing; what is wrong is named."""

from __future__ import annotations

import random
import re
import shutil

import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg

from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.data.bag_writer import BagWriter
from hybrid_pose_ros.data.cdr import build_event_packet
from hybrid_pose_ros.data.convert import convert
from hybrid_pose_ros.data.event_file import open_events
from hybrid_pose_ros.data.statistics import summarise
from hybrid_pose_ros.data.truth import TRUTH_TOPIC, read_truth
from hybrid_pose_ros.data.typestore import (
    EVENT_ARRAY,
    EVENT_PACKET,
    SKELETON_3D,
    header,
    message_types,
)
from hybrid_pose_ros.errors import RecordingError
from hybrid_pose_ros.events.encoder import encode_evt3
from hybrid_pose_ros.events.plain_packets import encode_mono
from hybrid_pose_ros.events.types import EVENT_DTYPE

EPOCH_NS = 1_700_000_000_000_000_000
STEP_NS = 5_000_000
KINDS = [("mcap", False), ("mcap", True), ("sqlite3", False), ("sqlite3", True)]


def payload(n: int) -> bytes:
    events = np.zeros(3, EVENT_DTYPE)
    events["t"] = n * STEP_NS + np.array([0, 1000, 2000])
    events["x"], events["y"] = [1, 2, 300], [4, 4, 200]
    return encode_evt3(events, (n + 1) * STEP_NS)


def packet(n: int, camera: str, data: bytes | None = None, **changes) -> bytes:
    fields = {"stamp_ns": EPOCH_NS + n * STEP_NS, "frame_id": camera, "width": 346}
    data = payload(n) if data is None else data
    return build_event_packet(data, **{**fields, "height": 260, "seq": n, **changes})


def skeleton(n: int) -> dict:
    return {
        "header": header(EPOCH_NS + n * STEP_NS, "world"),
        "position": np.arange(39, dtype=np.float32) + n,
        "velocity": np.zeros(39, np.float32),
        "covariance": np.zeros(117, np.float32),
        "confidence": np.ones(13, np.float32),
        "views": np.full(13, 2, np.uint8),
        "reprojection_error": np.zeros(13, np.float32),
    }


def write(path, storage="mcap", compress=False, packets=40, camera_type=EVENT_PACKET):
    with BagWriter(path, storage, compress) as bag:
        for camera in ("cam2", "cam3"):
            bag.add_topic(f"/{camera}/events", camera_type)
        bag.add_topic(TRUTH_TOPIC, SKELETON_3D)
        for n in range(packets):
            t_ns = EPOCH_NS + n * STEP_NS
            bag.write("/cam2/events", packet(n, "cam2"), t_ns)
            bag.write("/cam3/events", packet(n, "cam3"), t_ns + 1)
            bag.write(TRUTH_TOPIC, skeleton(n), t_ns + 2)
    return path


@pytest.mark.parametrize(("storage", "compress"), KINDS)
def test_round_trip(tmp_path, storage, compress):
    path = write(tmp_path / "deeper" / "walk", storage, compress)
    with open_recording(path) as recording:
        assert list(recording.cameras) == ["/cam2/events", "/cam3/events"]
        camera = recording.cameras["/cam3/events"]
        assert (camera.width, camera.height, camera.encoding) == (346, 260, "evt3")
        assert (camera.frame_id, camera.packets) == ("cam3", 40)
        assert recording.topics[TRUTH_TOPIC] == SKELETON_3D
        assert recording.start_ns == EPOCH_NS
        records = list(recording.packets())
        assert [record.topic for record in records] == list(recording.cameras) * 40
        assert bytes(records[7].payload) == payload(3)
        assert records[7].log_time_ns == EPOCH_NS + 3 * STEP_NS + 1
        assert records[7].stamp_ns == EPOCH_NS + 3 * STEP_NS
        assert records[7].raw == packet(3, "cam3")
        assert {record.seq for record in recording.packets(["/cam2/events"])} == set(range(40))
        start_ns = EPOCH_NS + 10 * STEP_NS
        some = recording.packets(["/cam2/events"], start_ns, start_ns + 2 * STEP_NS)
        assert [record.seq for record in some] == [10, 11]
    with open_events(path) as source:
        found = summarise(source)["/cam2/events"]
        assert (found["events"], found["gaps"], found["faults"]) == (120, 0, {})
    t_ns, xyz = read_truth(path)
    assert t_ns.tolist() == [EPOCH_NS + n * STEP_NS for n in range(40)]
    assert xyz.shape == (40, 13, 3)
    assert xyz[5, 2].tolist() == [11, 12, 13]
    assert [p.name for p in path.parent.iterdir()] == ["walk"]  # nothing temporary is left


def test_another_reader_understands_it(tmp_path):
    path = write(tmp_path / "walk", compress=True)
    with AnyReader([path]) as reader:  # takes the definitions from the file
        connection = next(c for c in reader.connections if c.topic == "/cam2/events")
        _, _, raw = next(reader.messages([connection]))
        message = reader.deserialize(raw, connection.msgtype)
        qos = connection.ext.offered_qos_profiles[0]
    assert message.events.tobytes() == payload(0)
    assert (message.header.frame_id, message.width, message.encoding) == ("cam2", 346, "evt3")
    assert (qos.reliability.name, qos.depth) == ("BEST_EFFORT", 1000)
    assert "RIHS01_" in (path / "metadata.yaml").read_text()


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_storage_file_by_itself(tmp_path, storage):
    path = write(tmp_path / "walk", storage)
    file = next(p for p in path.iterdir() if p.suffix in (".mcap", ".db3"))
    alone = shutil.copy(file, tmp_path / f"alone{file.suffix}")
    (path / "metadata.yaml").unlink()
    for given in (alone, file, path):
        with open_recording(given) as recording:
            assert len(list(recording.packets())) == 80


def test_older_type_name(tmp_path):
    path = write(tmp_path / "old", camera_type=EVENT_ARRAY)
    with open_recording(path) as recording:
        assert len(list(recording.packets())) == 80


def test_message_objects(tmp_path):
    store = message_types()
    message = store.deserialize_cdr(packet(1, "cam2"), EVENT_PACKET)
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/cam2/events", EVENT_PACKET)
        bag.write("/cam2/events", message, 1)
        with pytest.raises(RecordingError, match=r"/cam9/events.*/cam2/events"):
            bag.write("/cam9/events", message, 2)
        with pytest.raises(RecordingError, match="added"):
            bag.add_topic("/cam2/events", EVENT_PACKET)
        with pytest.raises(RecordingError, match="odd_msgs/msg/Odd"):
            bag.add_topic("/odd", "odd_msgs/msg/Odd")
    with open_recording(tmp_path / "bag") as recording:
        assert [bytes(record.payload) for record in recording.packets()] == [payload(1)]


def test_nothing_is_left_of_a_failure(tmp_path):
    with pytest.raises(KeyError), BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/cam2/events", EVENT_PACKET)
        bag.write("/cam2/events", packet(0, "cam2"), 1)
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_writer_refuses(tmp_path):
    with pytest.raises(RecordingError, match=r"tape.*mcap"):
        BagWriter(tmp_path / "bag", "tape")
    (tmp_path / "bag").mkdir()
    with pytest.raises(RecordingError, match="exists"):
        BagWriter(tmp_path / "bag")
    (tmp_path / "file").touch()
    with pytest.raises(RecordingError, match="file"), BagWriter(tmp_path / "file" / "bag"):
        pass


def test_missing_things_are_named(tmp_path):
    with pytest.raises(RecordingError, match="nowhere does not exist"):
        open_recording(tmp_path / "nowhere")
    with pytest.raises(RecordingError, match=r"metadata\.yaml"):
        open_recording(tmp_path)
    (tmp_path / "events.txt").touch()
    with pytest.raises(RecordingError, match=r"events\.txt is not a recording"):
        open_recording(tmp_path / "events.txt")
    path = write(tmp_path / "walk", packets=1)
    with open_recording(path) as recording:
        with pytest.raises(RecordingError, match=r"no topic /cam7/events; it has /cam2/events"):
            list(recording.packets(["/cam7/events"]))
        with pytest.raises(RecordingError, match=r"Skeleton3D, not event_camera_msgs"):
            list(recording.packets([TRUTH_TOPIC]))
        with pytest.raises(RecordingError, match="/cam7/events"):
            recording.require_camera("/cam7/events")
        assert recording.require_camera("/cam2/events").width == 346
    with pytest.raises(RecordingError, match=r"no ground truth \(/truth\).*hybrid_pose simulate"):
        read_truth(path, "/truth")
    with pytest.raises(RecordingError, match=r"EventPacket, not hybrid_pose_ros/msg/Skeleton3D"):
        read_truth(path, "/cam2/events")


def test_unknown_type(tmp_path):
    store = message_types()
    odd = "odd_msgs/msg/Odd"
    plain = get_types_from_msg("uint8 x", odd)
    with Writer(tmp_path / "odd", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        store_with_odd = type(store)()
        store_with_odd.register(plain)
        connection = writer.add_connection("/cam2/events", odd, typestore=store_with_odd)
        writer.write(connection, 1, b"\0\1\0\0\7")
    with open_recording(tmp_path / "odd") as recording:
        assert recording.cameras == {}
        assert list(recording.packets()) == []
        for read in (lambda: recording.packets(["/cam2/events"]),
                     lambda: recording.messages("/cam2/events")):  # fmt: skip
            with pytest.raises(RecordingError, match=r"/cam2/events.*odd_msgs/msg/Odd"):
                list(read())
    with pytest.raises(RecordingError, match=r"no event packets.*odd_msgs/msg/Odd"):
        open_events(tmp_path / "odd")


def test_unknown_encoding(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/cam2/events", EVENT_PACKET)
        bag.write("/cam2/events", packet(0, "cam2", encoding="evt21"), 1)
    with (
        open_events(tmp_path / "bag") as source,
        pytest.raises(RecordingError, match=r"'evt21' is not known.*evt3"),
    ):
        summarise(source)


def test_empty_camera(tmp_path):
    with BagWriter(tmp_path / "bag") as bag:
        bag.add_topic("/cam2/events", EVENT_PACKET)
    with open_recording(tmp_path / "bag") as recording:
        assert recording.cameras == {}
        with pytest.raises(RecordingError, match=r"/cam2/events .*holds no packet"):
            recording.require_camera("/cam2/events")


@pytest.mark.parametrize(("storage", "compress"), KINDS)
def test_damaged_files(tmp_path, storage, compress):
    path = write(tmp_path / "walk", storage, compress, packets=8)
    file = next(p for p in path.iterdir() if p.suffix in (".mcap", ".db3"))
    whole, rng, refused = file.read_bytes(), random.Random(3), 0
    for n in range(24):
        damaged = bytearray(whole)
        if n % 3 == 0:
            del damaged[rng.randrange(len(whole)) :]
        for _ in range(n % 3):
            at = rng.randrange(len(damaged))
            damaged[at : at + 8] = rng.randbytes(8)
        file.write_bytes(damaged)
        try:
            with open_events(path) as source:
                summarise(source)
        except RecordingError as error:
            refused += 1
            assert str(path) in str(error)
    assert refused >= 5  # of an .mcap whose index alone is damaged, all is read


def test_folders_that_are_no_recording(tmp_path):
    with pytest.raises(RecordingError, match=r"holds no recording.*\.mcap or \.db3"):
        open_recording(tmp_path)
    for name in ("a.mcap", "b.mcap"):
        (tmp_path / name).touch()
    with pytest.raises(RecordingError, match=r"2 storage files.*give one of them"):
        open_recording(tmp_path)


def test_cut_short_names_the_file_and_the_remedy(tmp_path):
    path = write(tmp_path / "walk")
    file = path / "walk.mcap"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(RecordingError, match=r"walk cannot be read.*damaged.*convert --partial"):
        open_recording(path)


@pytest.mark.parametrize("compress", [False, True])
def test_an_unclosed_mcap_is_read_up_to_its_end(tmp_path, compress):
    path, whole, rng = tmp_path / "walk", [], np.random.default_rng(0)
    with BagWriter(path, "mcap", compress) as bag:
        bag.add_topic("/cam2/events", EVENT_PACKET)
        for n in range(60):
            events = np.zeros(20_000, EVENT_DTYPE)
            events["t"] = n * STEP_NS + np.arange(len(events))
            events["x"], events["y"] = rng.integers(0, 346, 20_000), rng.integers(0, 260, 20_000)
            base_ns, data = encode_mono(events)
            message = packet(n, "cam2", encoding="mono", time_base_ns=base_ns, data=data)
            bag.write("/cam2/events", message, EPOCH_NS + n)
            whole.append(events)
    file = path / "walk.mcap"
    content = file.read_bytes()
    (path / "metadata.yaml").unlink()
    for share in (0.5, 0.9):
        size, found = int(len(content) * share), []
        file.write_bytes(content[:size])
        with open_events(path) as source, pytest.raises(RecordingError) as error:
            for chunk in source.chunks():
                found.append(chunk.events)
        told = re.search(r"from byte (\d+) on .* The (\d+) events before it", str(error.value))
        assert int(told[1]) <= size and int(told[2]) == sum(map(len, found))
        assert 60 * (share - 0.2) < len(found) <= 60 * share + 1
        assert all((a == b).all() for a, b in zip(found, whole, strict=False))
        done = convert(path, tmp_path / "saved.npz", partial=True, force=True)
        assert done.events == sum(map(len, found)) and "was not closed" in done.damage
    file.write_bytes(content[:-9])  # only the index is damaged
    with open_events(path) as source:
        assert sum(len(chunk.events) for chunk in source.chunks()) == 60 * 20_000
