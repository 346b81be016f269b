"""sim_node: what real cameras would publish, and the truth."""

from __future__ import annotations

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from event_camera_msgs.msg import EventPacket
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage

from hybrid_pose_ros.errors import UserError
from hybrid_pose_ros.events.decoder import PacketDecoder
from hybrid_pose_ros.msg import Skeleton3D
from hybrid_pose_ros.nodes import qos
from hybrid_pose_ros.nodes.convert import stamp_to_ns
from hybrid_pose_ros.nodes.sim_node import SimNode
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path

PACKET_NS = 10_000_000


@pytest.fixture
def live(bench):
    bench.listen(EventPacket, "cam2/events", qos.EVENTS)
    bench.listen(EventPacket, "cam3/events", qos.EVENTS)
    bench.listen(Skeleton3D, "ground_truth/skeleton", qos.SKELETONS)
    bench.listen(TFMessage, "/tf", qos.SKELETONS)
    bench.listen(DiagnosticArray, "/diagnostics")
    node = bench.start(SimNode, simulation__movements=["9"], workers=1, ahead_s=0.3)
    got = bench.received
    bench.spin_until(lambda: len(got["cam3/events"]) > 60 and got["/diagnostics"])
    return node, bench


def test_it_looks_like_real_cameras_with_their_truth(live):
    _, bench = live
    got = bench.received
    for name in ("cam2", "cam3"):
        decoder, times = PacketDecoder("evt3", 346, 260), []
        for packet in got[f"{name}/events"]:
            assert packet.header.frame_id == f"{name}_optical_frame"
            assert (packet.encoding, packet.width, packet.height) == ("evt3", 346, 260)
            decoded = decoder.decode(bytes(packet.events), packet.time_base)
            assert not decoded.faults
            assert decoded.t_end_ns == (packet.seq + 1) * PACKET_NS
            times.append(stamp_to_ns(packet.header.stamp) - decoded.t_end_ns)
        assert np.all(np.diff(times) >= 0)  # the stamps never hurry
        seqs = [packet.seq for packet in got[f"{name}/events"]]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
    stamps = {stamp_to_ns(packet.header.stamp) for packet in got["cam2/events"]}
    poses = [skeleton for skeleton in got["ground_truth/skeleton"]]
    assert len(stamps & {stamp_to_ns(pose.header.stamp) for pose in poses}) > 40
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), ["cam2"])
    uv = rig.cameras["cam2"].project(np.array(poses[-1].position).reshape(13, 3))
    assert np.all((uv > 0) & (uv < [346, 260]))
    assert np.abs(np.array(poses[-1].velocity)).max() < 20.0
    assert {frame.child_frame_id for frame in got["/tf"][-1].transforms} >= {"truth_head"}
    # Calibration waits for late listeners.
    bench.listen(CameraInfo, "cam2/camera_info", qos.LATCHED)
    bench.listen(TFMessage, "/tf_static", qos.LATCHED)
    got = bench.received
    bench.spin_until(lambda: got["cam2/camera_info"] and got["/tf_static"])
    camera = load_rig(share_path("config", "dhp19_rig.yaml"), ["cam2"]).cameras["cam2"]
    info = got["cam2/camera_info"][0]
    np.testing.assert_allclose(np.array(info.k).reshape(3, 3), camera.intrinsics)
    frames = {frame.child_frame_id: frame for frame in got["/tf_static"][0].transforms}
    place = frames["cam2_optical_frame"].transform.translation
    np.testing.assert_allclose([place.x, place.y, place.z], camera.center)


def test_it_says_when_it_cannot_keep_up(bench):
    bench.listen(DiagnosticArray, "/diagnostics")
    bench.start(SimNode, simulation__movements=["9"], workers=1, ahead_s=0.1, rate=100.0)
    statuses = bench.received["/diagnostics"]
    bench.spin_until(lambda: any(m.status[0].level == DiagnosticStatus.WARN for m in statuses))
    text = next(m.status[0].message for m in statuses if m.status[0].level != DiagnosticStatus.OK)
    assert "cannot keep up" in text
    assert "of real time instead of 100.00" in text


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"simulation__movements": ["99"]}, "unknown movement '99'"),
        ({"simulation__subject": 50}, "unknown subject 50"),
        ({"simulation__sensor": "eye"}, "unknown sensor 'eye'"),
        ({"simulation__motion": "/nowhere.bvh"}, "cannot read the motion file"),
        ({"rate": 0.0}, "rate must be in"),
        ({"cameras": ["cam2", "cam2"]}, "different names"),
    ],
)
def test_bad_parameters_are_named(bench, parameters, message):
    with pytest.raises(UserError, match=message):
        bench.start(SimNode, **parameters)
