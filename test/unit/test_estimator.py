"""The streaming estimator: what it says depends on events and keyframes, on nothing else."""

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
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.estimator import Estimator
from hybrid_pose_ros.runtime.keyframe_stage import KeyframeStage
from hybrid_pose_ros.runtime.update_stage import UpdateStage

CAMERA = "cam"
CROPS = {CAMERA: Crop(0, 0, 64, 64)}
CONFIG = EstimatorConfig()
MS = 1_000_000


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "carry"])
def model(request):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = LiteConfig(
        input_size=32, cnn_widths=(4, 4, 8, 8), snn_widths=(8, 8, 8),
        motion=request.param, carry=request.param, rest=request.param,
        delays=(0, 1, 7) if request.param else (0,),
    )  # fmt: skip
    model = LiteHybrid(config).eval()
    for initialiser in model.initialisers if request.param else ():
        torch.nn.init.normal_(initialiser.conv.weight)
        torch.nn.init.normal_(initialiser.conv.bias, std=0.3)
    for name in model.snn.BLOCKS:
        getattr(model.snn, name).conv.weight.data *= 8
    return model


def make_events(seconds=0.5, rate=20_000, seed=0):
    rng = np.random.default_rng(seed)
    events = np.zeros(int(seconds * rate), EVENT_DTYPE)
    events["t"] = np.sort(rng.integers(0, int(seconds * 1e9), events.size))
    events["x"], events["y"] = rng.integers(0, 64, (2, events.size))
    events["p"] = rng.integers(0, 2, events.size)
    return events


EVENTS = make_events()


def packets(events, cuts, end_ns):
    edges = [0, *sorted(cuts), end_ns + 1]
    index = np.searchsorted(events["t"], edges)
    return [
        DecodedPacket(events[a:b], min(t, end_ns))
        for a, b, t in zip(index[:-1], index[1:], edges[1:], strict=True)
    ]


def run(model, cuts, delay_bins=0, events=EVENTS, end_ns=500 * MS):
    # Compiling for OpenVINO takes longer than all the rest of a run.
    estimator = Estimator(model, CROPS, CONFIG, delay_bins=delay_bins, keyframe_engine="torch")
    updates = {}
    for packet in packets(events, cuts, end_ns):
        for update in estimator.add_packet(CAMERA, packet)[1]:
            updates[update.keyframe, update.t_ns] = update
    return updates


REGULAR = range(5 * MS, 500 * MS, 5 * MS)


def test_every_bin_after_the_first_keyframe_gets_one_update(model):
    updates = run(model, REGULAR)
    assert [t for _, t in sorted(updates)] == list(range(110 * MS, 501 * MS, 10 * MS))
    assert sorted({k for k, _ in updates}) == [1, 2, 3, 4]
    assert [u.step for u in updates.values()] == [*range(1, 11)] * 4


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 500 * MS - 1), max_size=40))
def test_packets_may_be_cut_anywhere(model, cuts):
    expected, got = run(model, REGULAR), run(model, cuts)
    assert got.keys() == expected.keys()
    for key, update in got.items():
        assert np.array_equal(update.keypoints.uv, expected[key].keypoints.uv)
        assert update.synaptic_operations == expected[key].synaptic_operations


@pytest.mark.parametrize(("earlier", "delay"), [(0, 1), (0, 7), (6, 12)])
def test_a_late_keyframe_gives_the_same_pose_as_one_in_time(model, earlier, delay):
    timely = run(model, REGULAR, delay_bins=earlier)
    late = run(model, REGULAR, delay_bins=delay)
    common = timely.keys() & late.keys()
    assert len(common) > 0
    for key in common:
        assert np.array_equal(timely[key].keypoints.uv, late[key].keypoints.uv)
    first = min(t for _, t in late)
    assert first == 110 * MS + delay * 10 * MS
    # Until the next keyframe comes into force, updates go on from the one before.
    assert max(u.step for u in late.values()) == 10 + delay


def test_a_keyframe_that_comes_live_catches_up_to_the_same_pose(model):
    """Fed late and at once, as the live node does, instead of by delay_bins."""
    expected = run(model, REGULAR)
    keys, updates = (
        KeyframeStage(model, CROPS, CONFIG, engine="torch"),
        UpdateStage(model, CROPS, CONFIG),
    )
    held, got = [], {}
    for i, packet in enumerate(packets(EVENTS, REGULAR, 500 * MS)):
        held += [(i + 13, k) for k in keys.add_packet(CAMERA, packet)]
        for _, keyframe in [h for h in held if h[0] <= i]:
            updates.add_keyframe(CAMERA, keyframe)
        held = [h for h in held if h[0] > i]
        got |= {(u.keyframe, u.t_ns): u for u in updates.add_packet(CAMERA, packet)}
    common = expected.keys() & got.keys()
    assert len(common) > 10
    for key in common:
        assert np.array_equal(expected[key].keypoints.uv, got[key].keypoints.uv)
    assert updates.counters(CAMERA)["catch_up_bins"] > 0


def test_what_is_carried_comes_from_the_keyframe_before(model):
    """Without the first keyframe the poses after the second one differ, if they are joined."""
    both, second = [], []
    keys = KeyframeStage(model, CROPS, CONFIG, engine="torch")
    stages = UpdateStage(model, CROPS, CONFIG), UpdateStage(model, CROPS, CONFIG)
    for packet in packets(EVENTS, REGULAR, 290 * MS):
        found = keys.add_packet(CAMERA, packet)
        for stage, kept, first in zip(stages, (both, second), (1, 2), strict=True):
            for keyframe in [k for k in found if k.number >= first]:
                stage.add_keyframe(CAMERA, keyframe)
            kept += [u for u in stage.add_packet(CAMERA, packet) if u.keyframe == 2]
    assert len(both) == len(second) >= 8
    same = [
        np.array_equal(a.keypoints.uv, b.keypoints.uv) for a, b in zip(both, second, strict=True)
    ]
    assert not any(same) if model.carries else all(same)


def test_bad_keyframes_are_refused_and_counted(model):
    keys, updates = (
        KeyframeStage(model, CROPS, CONFIG, engine="torch"),
        UpdateStage(model, CROPS, CONFIG),
    )
    found = []
    for packet in packets(EVENTS, REGULAR, 500 * MS):
        found += keys.add_packet(CAMERA, packet)
        updates.add_packet(CAMERA, packet)
    updates.add_keyframe(CAMERA, dataclasses.replace(found[0], model_id="other"))
    updates.add_keyframe(CAMERA, dataclasses.replace(found[0], state=found[0].state[:-1]))
    updates.add_keyframe(CAMERA, found[2])
    updates.add_keyframe(CAMERA, found[1])
    counters = updates.counters(CAMERA)
    assert counters["other_model"] == 1
    assert counters["keyframes_torn"] == 1
    assert counters["keyframes_outdated"] == 1
    assert counters["keyframes"] == 1


def test_a_keyframe_older_than_the_kept_bins_is_refused(model):
    short = EstimatorConfig(max_delay_bins=5)
    keys, updates = (
        KeyframeStage(model, CROPS, CONFIG, engine="torch"),
        UpdateStage(model, CROPS, short),
    )
    found = []
    for packet in packets(EVENTS, REGULAR, 500 * MS):
        found += keys.add_packet(CAMERA, packet)
        updates.add_packet(CAMERA, packet)
    updates.add_keyframe(CAMERA, found[0])
    assert updates.counters(CAMERA)["keyframes_too_late"] == 1


def test_a_restarted_sensor_clock_starts_the_camera_anew(model):
    estimator = Estimator(model, CROPS, CONFIG)
    later = EVENTS.copy()
    later["t"] += 60_000 * MS
    total = []
    for offset, events in ((60_000 * MS, later), (0, EVENTS)):
        cuts = [offset + c for c in REGULAR]
        index = np.searchsorted(events["t"], cuts)
        for part, cut in zip(np.split(events, index)[:-1], cuts, strict=True):
            total += estimator.add_packet(CAMERA, DecodedPacket(part, cut))[1]
    before = [u for u in total if u.t_ns > 60_000 * MS]
    after = [u for u in total if u.t_ns < 60_000 * MS]
    assert len(before) >= 38
    assert len(after) >= 37
    assert after[0].keyframe == 1


def test_an_overrun_cnn_skips_to_the_newest_keyframe(model):
    stage = KeyframeStage(model, CROPS, CONFIG, skip_overrun=True)
    numbers = [k.number for k in stage.add_packet(CAMERA, DecodedPacket(EVENTS, 500 * MS))]
    assert numbers == [5]
    assert stage.counters(CAMERA)["skipped"] == 4


def test_a_delay_beyond_the_memory_is_refused(model):
    with pytest.raises(ValueError, match=r"0\.\.49, got 50"):
        Estimator(model, CROPS, CONFIG, delay_bins=50)
