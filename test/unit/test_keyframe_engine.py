"""Keyframe engines against the network's own keyframe."""

import importlib.util

import numpy as np
import pytest
import torch

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.native.library import library
from hybrid_pose_ros.runtime.keyframe_engine import make_keyframe_engine
from hybrid_pose_ros.runtime.state_transport import pack, unpack

needs_kernels = pytest.mark.skipif(library() is None, reason="the C++ kernels are not built here")
KINDS = [
    "torch",
    pytest.param("winograd", marks=needs_kernels),
    pytest.param(
        "openvino",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed"
        ),
    ),
]
TOLERANCE = 1e-4


def counts_of(network, seed=0):
    side = network.config.input_size
    return np.random.default_rng(seed).poisson(0.3, (20, side, side)).astype("f4")


@pytest.mark.parametrize("engine_kind", KINDS)
@pytest.mark.parametrize(
    "name",
    ["lite/hybrid_cnn_snn", "lite/hybrid_cnn_rnn", "lite/cnn", "paper/hybrid_cnn_snn", "paper/cnn"],
)
def test_heatmaps_and_states_are_the_networks_own(lively, name, engine_kind):
    network = lively(name, {"input_size": 64})
    engine = make_keyframe_engine(network, "cpu", engine_kind)
    answers = []
    for seed in (0, 1):
        x = counts_of(network, seed)
        answers.append(engine.run(x))
        with torch.inference_mode():
            heatmaps = network.keyframe(torch.from_numpy(x)[None])[0].numpy()
        ours, states = answers[-1]
        scale = max(1.0, np.abs(heatmaps).max())
        assert np.abs(ours - heatmaps).max() <= TOLERANCE * scale
        assert [state.shape for state in states] == network.state_shapes()
        for state, expected in zip(states, network.states, strict=True):
            scale = max(1.0, float(expected.abs().max()))
            assert np.abs(state - expected[0].numpy()).max() <= TOLERANCE * scale
    # An answer is not overwritten by the next one.
    again = engine.run(counts_of(network, 0))
    assert np.array_equal(again[0], answers[0][0])
    assert not np.array_equal(answers[0][0], answers[1][0])


@pytest.mark.parametrize("engine_kind", KINDS)
def test_parts_make_all_states_of_a_network_whose_membranes_rest(lively, engine_kind):
    settings = {"input_size": 64, "motion": True, "carry": True, "rest": True}
    network = lively("lite/hybrid_cnn_snn", settings)
    for initialiser in network.initialisers:
        torch.nn.init.normal_(initialiser.conv.weight)
    x = counts_of(network)
    with torch.inference_mode():
        network.keyframe(torch.from_numpy(x)[None])
    expected = [state[0].numpy() for state in network.states]
    heatmaps, parts = make_keyframe_engine(network, "cpu", engine_kind).run(x)
    assert len(parts) == 5 and len(expected) == 12
    data = pack(heatmaps, parts)
    assert len(data) == 2 * sum(array.size for array in (heatmaps, *parts))
    states = unpack(data, network)[1]
    assert [state.shape for state in states] == network.state_shapes()
    for state, wanted in zip(states, expected, strict=True):
        scale = max(1.0, np.abs(wanted).max())
        assert np.abs(state - wanted).max() <= 1e-3 * scale  # half precision
    assert all(np.abs(state).max() > 0.1 for state in states[3:11])
    assert all(not state.any() for state in (*states[:3], states[11]))
    with pytest.raises(ValueError, match="this network's"):
        unpack(data[:-2], network)


@pytest.mark.parametrize("engine_kind", KINDS)
def test_the_first_velocities_are_the_networks_own(lively, engine_kind):
    network = lively("lite/hybrid_cnn_snn", {"input_size": 64, "motion": True})
    torch.nn.init.normal_(network.first_motion.weight)
    network.sharpness.fill_(1.7)
    x = counts_of(network)
    with torch.inference_mode():
        network.keyframe(torch.from_numpy(x)[None])
    expected = network.states[-1][0].numpy()
    assert np.abs(expected).max() > 0.1
    velocity = make_keyframe_engine(network, "cpu", engine_kind).run(x)[1][-1]
    assert velocity.shape == expected.shape == (26, 1, 1)
    assert np.abs(velocity - expected).max() <= TOLERANCE * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize("engine_kind", KINDS)
def test_bad_counts_are_named(engine_kind):
    engine = make_keyframe_engine(build("lite/cnn", {"input_size": 32}), "cpu", engine_kind)
    with pytest.raises(ValueError, match=r"expected counts \(20, 32, 32\), got \(2, 32, 32\)"):
        engine.run(np.zeros((2, 32, 32), np.float32))
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="finite and >= 0, got"):
            engine.run(np.full((20, 32, 32), bad, np.float32))


def test_what_cannot_run_is_named(monkeypatch):
    network = build("lite/cnn", {"input_size": 32})
    with pytest.raises(ConfigError, match="one of auto, torch, openvino, winograd, got 'magic'"):
        make_keyframe_engine(network, "cpu", "magic")
    with pytest.raises(ConfigError, match="lite/snn has no keyframes"):
        make_keyframe_engine(build("lite/snn", {"input_size": 32}))
    with pytest.raises(ConfigError, match="runs on the cpu, got device 'cuda'"):
        make_keyframe_engine(network, "cuda", "openvino")
    with pytest.raises(ConfigError, match="'winograd' runs on the cpu, got device 'cuda'"):
        make_keyframe_engine(network, "cuda", "winograd")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="is not installed"):
        make_keyframe_engine(network, "cpu", "openvino")
    assert type(make_keyframe_engine(network)).__name__ == "TorchKeyframeEngine"


def test_without_kernels_winograd_is_not_to_be_had(monkeypatch):
    monkeypatch.setattr("hybrid_pose_ros.runtime.keyframe_engine.library", lambda: None)
    network = build("paper/cnn", {"input_size": 32})
    with pytest.raises(ConfigError, match="was not built here; install a C"):
        make_keyframe_engine(network, "cpu", "winograd")
    assert type(make_keyframe_engine(network)).__name__ != "WinogradKeyframeEngine"
