import h5py
import numpy as np
import pytest

from hybrid_pose_ros.cli.main import main
from hybrid_pose_ros.data.bag import open_recording
from hybrid_pose_ros.data.truth import read_truth
from hybrid_pose_ros.errors import ConfigError, RecordingError
from hybrid_pose_ros.events.decoder import PacketDecoder
from hybrid_pose_ros.events.types import EVENT_DTYPE
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.simulator.dhp19_file import write_dhp19_h5
from hybrid_pose_ros.simulator.recording import EPOCH_NS, PACKET_NS, write_bag
from hybrid_pose_ros.simulator.sensor import SensorModel
from hybrid_pose_ros.simulator.simulate import simulate

RIG = load_rig(share_path("config", "dhp19_rig.yaml"))
PAIR = [RIG.cameras["cam2"], RIG.cameras["cam3"]]


@pytest.fixture(scope="module")
def knee():
    return simulate(13, 8, 5, 1.2, PAIR)


def test_events_are_sorted_inside_the_sensor_and_the_time(knee):
    assert list(knee.cameras) == ["cam2", "cam3"]
    for events in knee.cameras.values():
        assert events.dtype == EVENT_DTYPE
        assert np.all(np.diff(events["t"]) >= 0)
        assert 0 <= events["t"][0] < events["t"][-1] < 1_200_000_000
        assert events["x"].max() < 346
        assert events["y"].max() < 260
        assert 0.4 < events["p"].mean() < 0.6


def test_event_rates_are_those_of_a_davis():
    for movement, low, high in (
        (8, 20e3, 150e3),
        (9, 30e3, 150e3),
        (21, 60e3, 180e3),
        ("stand", 1e3, 20e3),
    ):
        recording = simulate(13, movement, 5, 1.0, PAIR[:1])
        assert low < len(recording.cameras["cam2"]) < high


def share_near(events: np.ndarray, uv: np.ndarray) -> tuple[float, float]:
    """Share of the events in the box around joints (n, k, 2), and the box's share of the sensor."""
    low, high = uv.reshape(-1, 2).min(axis=0) - 15, uv.reshape(-1, 2).max(axis=0) + 15
    x, y = events["x"], events["y"]
    near = (x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1])
    return float(near.mean()), float(np.prod(high - low) / (346 * 260))


def test_truth_lies_in_the_picture_among_the_events(knee):
    np.testing.assert_array_equal(knee.truth_t_ns, np.arange(121) * 10_000_000)
    for camera in PAIR:
        uv = camera.project(knee.truth_xyz)
        assert np.all((uv > 0) & (uv < [346, 260]))
        events = knee.cameras[camera.name]
        # The whole body answers a knee that rises, and only noise lies beside it.
        inside, area = share_near(events, uv)
        assert inside > 0.9
        assert area < 0.5
        # The leg that rises makes far more events than its part of the picture.
        inside, area = share_near(events, uv[:, [5, 9, 11]])
        assert inside > 3.0 * area


def test_the_same_seed_gives_the_same_events_whatever_the_other_cameras(knee):
    again = simulate(13, 8, 5, 1.2, PAIR[1:])
    np.testing.assert_array_equal(again.cameras["cam3"], knee.cameras["cam3"])
    other = simulate(13, 8, 6, 0.3, PAIR[1:])
    assert len(other.cameras["cam3"]) != np.sum(knee.cameras["cam3"]["t"] < 300_000_000)


def test_a_higher_threshold_gives_fewer_events(knee):
    dull = SensorModel(threshold_on=0.4, threshold_off=0.4)
    assert len(simulate(13, 8, 5, 1.2, PAIR[:1], dull).cameras["cam2"]) < 0.5 * len(
        knee.cameras["cam2"]
    )


def test_progress_rises_to_one():
    shares = []
    simulate(13, "stand", 0, 0.1, PAIR, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subject": 50}, "subject 50"),
        ({"movement": "8,99"}, "'99'"),
        ({"seconds": 0.0}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"cameras": []}, "cameras"),
        ({"cameras": [PAIR[0], PAIR[0]]}, "different names"),
    ],
)
def test_bad_input_is_named(change, message):
    good = {"subject": 1, "movement": 1, "seed": 0, "seconds": 0.1, "cameras": PAIR}
    with pytest.raises(ConfigError, match=message):
        simulate(**{**good, **change})


def test_a_camera_that_looks_away_is_named():
    camera = PAIR[0]
    turned = camera.projection.copy()
    turned[0] += 5000.0 * turned[2]  # the picture's middle far to the side
    blind = type(camera)("blind", 346, 260, turned, "blind", camera.crop)
    with pytest.raises(ConfigError, match="'blind' does not see the person"):
        simulate(1, 1, 0, 0.1, [blind])


def test_a_bag_gives_back_events_and_truth(knee, tmp_path):
    path = tmp_path / "knee"
    write_bag(knee, path)
    decoders = {f"/{c.name}/events": PacketDecoder("evt3", c.width, c.height) for c in PAIR}
    found = {topic: [] for topic in decoders}
    with open_recording(path) as recording:
        for packet in recording.packets():
            decoded = decoders[packet.topic].decode(packet.payload, packet.time_base_ns)
            assert not decoded.faults
            assert packet.stamp_ns == EPOCH_NS + decoded.t_end_ns
            assert decoded.t_end_ns == (packet.seq + 1) * PACKET_NS
            found[packet.topic].append(decoded.events)
    for topic, parts in found.items():
        events, truth = np.concatenate(parts), knee.cameras[topic.split("/")[1]]
        np.testing.assert_array_equal(events["t"], truth["t"] // 1000 * 1000)
        for column in ("x", "y", "p"):
            np.testing.assert_array_equal(events[column], truth[column])
    t_ns, xyz = read_truth(path)
    np.testing.assert_array_equal(t_ns, EPOCH_NS + knee.truth_t_ns)
    np.testing.assert_allclose(xyz, knee.truth_xyz, atol=1e-6)


def test_h5_has_the_layout_of_dhp19(knee, tmp_path):
    events_path, labels_path = write_dhp19_h5(knee, tmp_path)
    assert events_path.name == "S13_session1_mov8_events.h5"
    with h5py.File(events_path) as file:
        for name, events in knee.cameras.items():
            group = file[f"{name}_events"]
            np.testing.assert_array_equal(group["t"][:], events["t"] // 1000)
            np.testing.assert_array_equal(group["x"][:], events["x"] + 1)
            np.testing.assert_array_equal(group["y"][:], events["y"] + 1)
            np.testing.assert_array_equal(group["p"][:], events["p"])
            index = file[f"{name}_ms_to_idx"][:]
            assert group["t"][index[500]] >= 500_000 > group["t"][index[500] - 1]
        assert len(file["cam0_events/t"]) == 0
    with h5py.File(labels_path) as file:
        poses = file["XYZ/3d_poses"][:]
        assert poses.shape == (121, 3, 13)
        np.testing.assert_allclose(poses[7].T / 1000, knee.truth_xyz[7])
        np.testing.assert_array_equal(file["XYZ/timestamps"][:3], [0, 10_000, 20_000])
    with pytest.raises(RecordingError, match="exists already"):
        write_dhp19_h5(knee, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [events_path.name, labels_path.name]


def test_command_line_writes_a_bag(tmp_path, capsys):
    out = tmp_path / "demo"
    args = ["--movement", "8,27", "--seconds", "0.4", "--cameras", "2", "--out", str(out)]
    assert main(["simulate", *args, "--preview"]) == 0
    printed = capsys.readouterr().out
    assert "cam2" in printed
    assert (tmp_path / "demo_preview.mp4").stat().st_size > 1000
    assert len(read_truth(out)[0]) == 41
    assert main(["simulate", *args]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--movement", "34"),
        ("--subject", "50"),
        ("--cameras", "9"),
        ("--seconds", "-1"),
        ("--seed", "-1"),
    ],
)
def test_command_line_refuses_bad_values(tmp_path, capsys, option, value):
    assert main(["simulate", option, value, "--out", str(tmp_path / "x")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not list(tmp_path.iterdir())
