"""Windows in batches give what the streaming estimator gives, and the variants what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hybrid_pose_ros.eval.camera_events import CameraEvents
from hybrid_pose_ros.eval.contenders import compare, extrapolated, held, left_out
from hybrid_pose_ros.eval.poses import Poses
from hybrid_pose_ros.eval.scene import KEYFRAME_NS, Grid
from hybrid_pose_ros.eval.sequences import SequenceEngine, Start
from hybrid_pose_ros.events.types import EVENT_DTYPE, DecodedPacket
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.pose.heatmap import decode_heatmaps
from hybrid_pose_ros.pose.rig import load_rig
from hybrid_pose_ros.resources import share_path
from hybrid_pose_ros.runtime.estimator import Estimator

SMALL = {"input_size": 32, "cnn_widths": [8, 8, 8, 8], "snn_widths": [8, 8, 8]}
END_NS = 700_000_000


@pytest.fixture(scope="module")
def view() -> CameraEvents:
    rng = np.random.default_rng(3)
    events = np.zeros(60_000, EVENT_DTYPE)
    events["t"] = np.sort(rng.integers(0, END_NS, len(events)))
    events["x"], events["y"] = rng.integers(0, 346, len(events)), rng.integers(0, 260, len(events))
    events["p"] = rng.integers(0, 2, len(events))
    rig = load_rig(share_path("config", "dhp19_rig.yaml"), ["cam2"])
    return CameraEvents(events, rig.cameras["cam2"])


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "carry"])
def hybrid(request):
    torch.set_num_threads(1)
    torch.manual_seed(1)
    settings = {**SMALL, "motion": request.param, "carry": request.param, "delays": [0, 1, 3]}
    settings["lead"] = 1.5 if request.param else 0.0
    network = build("lite/hybrid_cnn_snn", settings).eval()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "conv" in name or "head" in name:
                weight *= 6.0  # neurons fire, and heatmaps have peaks
    return network


def grid(bin_ms: int = 10) -> Grid:
    starts = np.array([2, 3, 4], np.int64) * KEYFRAME_NS
    return Grid(starts, np.array([True, False, False]), bin_ms * 1_000_000, 2 * KEYFRAME_NS)


def test_windows_are_what_the_estimator_streams(view, hybrid):
    estimator = Estimator(hybrid, {"cam2": view.camera.crop}, engine="torch")
    keyframes, updates = [], []
    for t_ns in range(0, END_NS, 10_000_000):
        packet = DecodedPacket(view.between(t_ns, t_ns + 10_000_000), t_ns + 10_000_000)
        for kept, new in zip(
            (keyframes, updates), estimator.add_packet("cam2", packet), strict=True
        ):
            kept.extend(new)
    poses, firing = SequenceEngine(hybrid, batch=2).roll(view, grid(), Start.live(hybrid))
    streamed = {(u.keyframe, u.step): u for u in updates}
    same = []
    for window, number in enumerate((2, 3, 4)):
        keyframe = next(k for k in keyframes if k.number == number)
        if not hybrid.carries:  # otherwise it is joined with what was known
            np.testing.assert_allclose(poses.uv[window, 0], keyframe.keypoints.uv, atol=0.05)
        for step in range(1, 11):
            pose = streamed[number, step].keypoints
            same.append(np.isclose(poses.uv[window, step], pose.uv, atol=0.3).all(1))
    # Handed-over states have 16 bits: of two equal peaks the other may win.
    assert np.mean(same) > 0.97
    assert np.isnan(poses.uv[1, 11:]).all() and np.isfinite(poses.uv[0]).all()
    expected = sum(streamed[n, 1].synaptic_operations for n in (2, 3, 4))
    assert firing is not None and firing.windows.tolist() == [3] * 10 + [1] * 10
    assert firing.operations[:, 0].sum() == pytest.approx(expected, rel=0.02)


def test_a_start_without_a_keyframe_is_a_reset(view, hybrid):
    poses, _ = SequenceEngine(hybrid).roll(view, grid(), Start(False, False))
    with torch.inference_mode():
        hybrid.reset(1)
        counts = view.bins(hybrid.config, grid().starts_ns[1:2], 10_000_000)
        heatmaps = hybrid.step(torch.from_numpy(counts))[0].numpy()
    maps, crop = np.ascontiguousarray(heatmaps), view.camera.crop
    ahead = None if hybrid.velocities is None else 1.5 * hybrid.velocities[0, 0].numpy()
    expected = decode_heatmaps(maps, crop, ahead=ahead)
    if ahead is not None:
        assert np.abs(expected.uv - decode_heatmaps(maps, crop).uv).max() > 0.1
    np.testing.assert_allclose(poses.uv[1, 1], expected.uv, atol=0.02)
    assert np.isnan(poses.uv[:, 0]).all()


def test_states_and_output_matter_each(view, hybrid):
    engine = SequenceEngine(hybrid)
    full, _ = engine.roll(view, grid(), Start())
    no_states, _ = engine.roll(view, grid(), Start(states=False))
    no_output, _ = engine.roll(view, grid(), Start(output=False))
    np.testing.assert_array_equal(no_states.uv[:, 0], full.uv[:, 0])
    assert not np.allclose(no_states.uv[0, 2:], full.uv[0, 2:])
    assert np.isnan(no_output.uv[:, 0]).all()
    assert not np.allclose(no_output.uv[0, 1:], full.uv[0, 1:])


def test_bins_of_5_ms_have_twice_the_steps(view, hybrid):
    fine = grid(5)
    poses, firing = SequenceEngine(hybrid).roll(view, fine, Start())
    assert poses.uv.shape == (3, 41, 13, 2) and firing is not None
    assert fine.times_ns[0, 20] == 3 * KEYFRAME_NS


def table(times_ns: np.ndarray) -> Poses:
    """Poses that move evenly: 3 px per 100 ms."""
    poses = Poses.empty(len(times_ns))
    poses.uv[:] = 50 + 3 * (times_ns / KEYFRAME_NS)[:, None, None]
    poses.confidence[:] = 1
    return poses


def test_extrapolation_of_even_motion_is_exact_and_holding_lags():
    windows = grid()
    times = np.arange(1, 5, dtype=np.int64) * KEYFRAME_NS
    ahead = extrapolated(table(times), times, windows)
    exact = 50 + 3 * windows.times_ns / KEYFRAME_NS
    wanted = windows.wanted
    np.testing.assert_allclose(ahead.uv[wanted][:, 0, 0], exact[wanted], rtol=1e-6)
    first = table(windows.starts_ns)
    kept = held(first[:, None], windows)
    np.testing.assert_allclose(kept.uv[0, :, 4, 1], 56.0)
    assert np.isnan(kept.uv[~wanted]).all() and np.isnan(ahead.uv[~wanted]).all()


def test_contenders_of_one_hybrid(view, hybrid):
    networks = {"lite/hybrid_cnn_snn": hybrid}
    found = {contender.label: poses for contender, poses, _ in compare(networks, view, grid(), 8)}
    assert list(found)[:3] == ["lite/cnn", "lite/held", "lite/extrapolated"]
    assert len(found) == 7 + hybrid.carries
    full = found["lite/hybrid_cnn_snn" + (" (no carry)" if hybrid.carries else "")]
    np.testing.assert_allclose(found["lite/held"].uv[:, 5], full.uv[:, 0], atol=0.05)
    # The next window's keyframe is what the CNN says 100 ms later.
    np.testing.assert_allclose(found["lite/cnn"].uv[0, 10], full.uv[1, 0], atol=0.05)
    lines = left_out(networks)
    assert len(lines) == 4 and "lite/hybrid_cnn_snn stands for it" in lines[0]


def test_alone_a_network_is_judged_from_nothing_and_warm(view):
    torch.manual_seed(2)
    networks = {"lite/rnn": build("lite/rnn", {"input_size": 32, "rnn_widths": [4, 4, 4]}).eval()}
    found = {c.label: (c, poses, firing) for c, poses, firing in compare(networks, view, grid(), 8)}
    assert list(found) == ["lite/rnn", "lite/rnn (warm)"]
    contender, poses, firing = found["lite/rnn"]
    assert firing is None and np.isnan(poses.uv[:, 0]).all()
    assert contender.macs_per_s == networks["lite/rnn"].macs_per_step * 100
    assert np.isfinite(found["lite/rnn (warm)"][1].uv[:, 0]).all()
