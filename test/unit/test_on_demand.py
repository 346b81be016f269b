"""Keyframes on demand through the whole estimator: whoever drives it, the same answers."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.events.types import EVENT_DTYPE, DecodedPacket
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.runtime.config import ON_DEMAND, EstimatorConfig
from hybrid_pose_ros.runtime.estimator import Estimator
from hybrid_pose_ros.runtime.keyframe_policy import PolicyConfig, expected_drift
from hybrid_pose_ros.runtime.keyframe_stage import KeyframeStage
from hybrid_pose_ros.runtime.update_stage import UpdateStage

CAMERA, CROP = "cam", Crop(0, 0, 64, 64)
CROPS = {CAMERA: CROP}
MS = 1_000_000
END = 700 * MS
SMALL = LiteConfig(input_size=32, cnn_widths=(4, 4, 8, 8), snn_widths=(8, 8, 8))
# An untrained network jumps about: a threshold that it reaches now and then.
POLICY = PolicyConfig(30.0, moved_weight=0.3, unsure_px=25.0, max_interval_ms=200)
CONFIG = EstimatorConfig(keyframes=ON_DEMAND, policy=POLICY)
REGULAR = range(5 * MS, END, 5 * MS)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = LiteHybrid(SMALL).eval()
    for name in model.snn.BLOCKS:
        getattr(model.snn, name).conv.weight.data *= 8
    return model


def make_events(seed=0):
    rng = np.random.default_rng(seed)
    events = np.zeros(14_000, EVENT_DTYPE)
    events["t"] = np.sort(rng.integers(0, END, events.size))
    events["x"], events["y"] = rng.integers(0, 64, (2, events.size))
    events["p"] = rng.integers(0, 2, events.size)
    return events


EVENTS = make_events()


def packets(cuts, end_ns=END):
    edges = [0, *sorted(cuts), end_ns + 1]
    index = np.searchsorted(EVENTS["t"], edges)
    return [
        DecodedPacket(EVENTS[a:b], min(t, end_ns))
        for a, b, t in zip(index[:-1], index[1:], edges[1:], strict=True)
    ]


def run(model, cuts=REGULAR, config=CONFIG, delay_bins=0):
    estimator = Estimator(model, CROPS, config, delay_bins=delay_bins, keyframe_engine="torch")
    keyframes, updates = {}, []
    for packet in packets(cuts):
        new, found = estimator.add_packet(CAMERA, packet)
        keyframes |= {keyframe.number: keyframe for keyframe in new}
        updates += found
    return keyframes, updates


def test_a_keyframe_comes_when_the_pose_has_drifted_or_the_longest_interval_is_over(model):
    keyframes, updates = run(model)
    times = [keyframe.t_ns // MS for keyframe in keyframes.values()]
    assert times[0] == 100 and len(set(np.diff(times))) > 1
    assert np.diff(times).min() >= POLICY.min_interval_ms and max(np.diff(times)) <= 200
    for update in updates:
        before = keyframes[update.keyframe]
        drift = expected_drift(before.keypoints, update.keypoints, CROP.width, POLICY)
        age_ms = (update.t_ns - before.t_ns) // MS
        due = age_ms >= 200 or (drift >= POLICY.drift_px and age_ms >= POLICY.min_interval_ms)
        assert due == (update.t_ns // MS in times) or update.t_ns == END


def test_the_number_of_a_keyframe_is_its_bin(model):
    for number, keyframe in run(model)[0].items():
        assert keyframe.t_ns == number * 10 * MS


def test_a_pose_depends_on_its_keyframe_and_the_bins_since_alone(model):
    keyframes, updates = run(model)
    fixed = EstimatorConfig(max_delay_bins=60)
    for number in list(keyframes)[:3]:
        stage = UpdateStage(model, CROPS, fixed)
        stage.add_keyframe(CAMERA, keyframes[number])
        alone = {u.t_ns: u for p in packets(REGULAR) for u in stage.add_packet(CAMERA, p)}
        mine = [update for update in updates if update.keyframe == number]
        assert mine
        for update in mine:
            assert np.array_equal(update.keypoints.uv, alone[update.t_ns].keypoints.uv)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, END - 1), min_size=8, max_size=40))
def test_packets_may_be_cut_anywhere(model, cuts):
    cuts = [*cuts, *range(100 * MS, END, 100 * MS)]  # the buffers' horizon bounds a packet
    (expected, first), (got, second) = run(model), run(model, cuts)
    assert got.keys() == expected.keys()
    assert [(u.keyframe, u.t_ns) for u in first] == [(u.keyframe, u.t_ns) for u in second]
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.keypoints.uv, b.keypoints.uv)


@pytest.mark.parametrize("delay_bins", [0, 4])
def test_two_processes_that_pass_requests_do_what_the_estimator_does(model, delay_bins):
    expected_keyframes, expected = run(model, delay_bins=delay_bins)
    cnn, snn = (
        KeyframeStage(model, CROPS, CONFIG, engine="torch"),
        UpdateStage(model, CROPS, CONFIG),
    )
    keyframes, updates, held = [], [], []
    for packet in packets(range(10 * MS, END, 10 * MS)):  # one bin each
        cnn.buffer_packet(CAMERA, packet)
        updates += snn.add_packet(CAMERA, packet)
        for t_ns in snn.take_requests(CAMERA):
            cnn.request(CAMERA, t_ns)
        while (keyframe := cnn.next_keyframe(CAMERA)) is not None:
            keyframes.append(keyframe)
            held.append((len(updates) + delay_bins, keyframe))
        bin_done = packet.t_end_ns // (10 * MS)
        for keyframe in [k for _, k in held if k.t_ns // (10 * MS) + delay_bins <= bin_done]:
            snn.add_keyframe(CAMERA, keyframe)
        held = [h for h in held if h[1].t_ns // (10 * MS) + delay_bins > bin_done]
    assert [k.t_ns for k in keyframes] == [k.t_ns for k in expected_keyframes.values()]
    assert [(u.keyframe, u.t_ns) for u in updates] == [(u.keyframe, u.t_ns) for u in expected]
    for a, b in zip(updates, expected, strict=True):
        assert np.array_equal(a.keypoints.uv, b.keypoints.uv)
    assert snn.counters(CAMERA)["requests"] == len(keyframes)


def test_a_cnn_that_nobody_asks_keeps_the_fixed_rate(model):
    stage = KeyframeStage(model, CROPS, CONFIG, engine="torch")
    found = [k for packet in packets(REGULAR) for k in stage.add_packet(CAMERA, packet)]
    assert [k.t_ns // MS for k in found] == [100, 200, 300, 400, 500, 600, 700]
    assert [k.number for k in found] == [10, 20, 30, 40, 50, 60, 70]
    assert stage.counters(CAMERA)["unasked"] == 7


def test_an_snn_that_gets_no_answer_goes_on_and_asks_again(model):
    stage = UpdateStage(model, CROPS, CONFIG)
    first = KeyframeStage(model, CROPS, CONFIG, engine="torch")
    asked, updates = [], []
    for packet in packets(REGULAR):
        for keyframe in first.add_packet(CAMERA, packet)[:1]:
            if keyframe.number == 10:
                stage.add_keyframe(CAMERA, keyframe)
        updates += stage.add_packet(CAMERA, packet)
        asked += stage.take_requests(CAMERA)
    assert [u.t_ns // MS for u in updates] == list(range(110, 701, 10))
    assert len(asked) >= 3 and np.diff(asked)[1:].min() >= POLICY.patience_ms * MS


def test_a_restarted_clock_asks_anew(model):
    estimator = Estimator(model, CROPS, CONFIG, keyframe_engine="torch")
    later = EVENTS.copy()
    later["t"] += 60_000 * MS
    found = []
    for offset, events in ((60_000 * MS, later), (0, EVENTS)):
        cuts = [offset + cut for cut in REGULAR]
        for part, cut in zip(
            np.split(events, np.searchsorted(events["t"], cuts)), cuts, strict=False
        ):
            found += estimator.add_packet(CAMERA, DecodedPacket(part, cut))[0]
    again = [k.t_ns // MS for k in found if k.t_ns < 60_000 * MS]
    assert again[0] == 100 and len(again) > 2


def test_a_network_without_a_cnn_keeps_its_own_rate(model):
    alone = build("lite/snn", {"input_size": 32, "snn_widths": (8, 8, 8)}).eval()
    fixed = dataclasses.replace(CONFIG, keyframes="fixed")
    assert [k.t_ns for k in run(alone)[0].values()] == [
        k.t_ns for k in run(alone, config=fixed)[0].values()
    ]
