"""Convolutions with fewer multiplications against the convolutions that they stand for."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.native.library import INSTRUCTION_SETS, library
from hybrid_pose_ros.runtime.convolver import Convolver
from hybrid_pose_ros.runtime.counts_conv import CountsConv, suits_counts
from hybrid_pose_ros.runtime.keyframe_engine import make_keyframe_engine
from hybrid_pose_ros.runtime.winograd_conv import WinogradConv, suits_winograd

FIXTURE = Path(__file__).parents[1] / "data/fixture"
SPEC = importlib.util.spec_from_file_location("convolutions_fixture_gen", FIXTURE / "gen.py")
gen = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(gen)
pytestmark = pytest.mark.skipif(library() is None, reason="the C++ kernels are not built here")


def layer(inputs, outputs, size=3, seed=0):
    torch.manual_seed(seed)
    return nn.Conv2d(inputs, outputs, size, padding=size // 2).requires_grad_(False)


def counts(*shape, share=0.05, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.poisson(share, shape).astype("f4"))


@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("sides", [(16, 16), (20, 44), (128, 16), (8, 16), (17, 16)])
def test_winograd_is_the_convolution(size, sides):
    """The last two sizes of the map go the usual way."""
    conv, x = layer(48, 32, size), torch.randn(1, 48, *sides)
    for slope in (1.0, 0.1):
        expected = F.leaky_relu(conv(x), slope)
        got = WinogradConv(conv, slope, Convolver())(x)
        assert got.shape == expected.shape
        assert (got - expected).abs().max() < 3e-5


@pytest.mark.parametrize("sides", [(8, 8), (8, 22), (64, 10), (4, 9), (7, 9)])
def test_winograd_interpolates_on_its_way(sides):
    conv, x = layer(32, 16), torch.randn(1, 32, *sides)
    expected = conv(F.interpolate(x, scale_factor=2, mode="bilinear"))
    got = WinogradConv(conv, 1.0, Convolver(), doubled=True)(x)
    assert got.shape == expected.shape
    assert (got - expected).abs().max() < 3e-5


@pytest.mark.parametrize("sides", [(16, 20), (8, 8)])
def test_winograd_concatenates_on_its_way(sides):
    conv, x, second = layer(48, 16), torch.randn(1, 16, *sides), torch.randn(1, 32, *sides)
    got = WinogradConv(conv, 1.0, Convolver())(x, second)
    assert (got - conv(torch.cat([x, second], 1))).abs().max() < 3e-5


@pytest.mark.parametrize("outputs", [1, 13, 16, 40])
def test_any_number_of_outputs(outputs):
    conv, x = layer(320, outputs), torch.randn(1, 320, 16, 16)  # more than a cache holds
    got = WinogradConv(conv, 1.0, Convolver())(x)
    assert got.shape == (1, outputs, 16, 16)
    assert (got - conv(x)).abs().max() < 5e-5


@pytest.mark.parametrize("size", [1, 3, 5, 7])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 2.0])
def test_counts_one_by_one_are_the_convolution(size, share):
    """With a share of 2 nearly nothing is zero, which goes the usual way."""
    conv, x = layer(20, 32, size), counts(1, 20, 40, 24, share=share)
    for given in (x, x.contiguous(memory_format=torch.channels_last)):
        got = CountsConv(conv, 0.1, Convolver())(given)
        assert (got - F.leaky_relu(conv(x), 0.1)).abs().max() < 2e-5


@pytest.mark.parametrize("at", [(0, 0), (0, 23), (39, 0), (39, 23), (31, 5), (32, 5)])
def test_counts_at_borders(at):
    conv, x = layer(3, 16, 7), torch.zeros(1, 3, 40, 24)
    x[0, 1, at[0], at[1]] = 3.0
    assert (CountsConv(conv, 1.0, Convolver())(x) - conv(x)).abs().max() < 2e-6


@pytest.mark.parametrize("sides", [(16, 16), (64, 48)])
def test_threads_change_nothing(sides):
    x, second = torch.randn(1, 32, *sides), torch.randn(1, 32, *sides)
    events = counts(1, 20, 70, 16)
    for size in (3, 5, 7):
        results = [WinogradConv(layer(64, 64, size), 0.1, Convolver(n))(x, second) for n in (1, 3)]
        assert torch.equal(*results)
        results = [CountsConv(layer(20, 16, size), 0.1, Convolver(n))(events) for n in (1, 3)]
        assert torch.equal(*results)


def test_every_instruction_set_gives_the_same():
    x, events = torch.randn(1, 32, 16, 16), counts(1, 20, 16, 16)
    for name in INSTRUCTION_SETS:
        convolver = Convolver(1, name)
        for size in (3, 5, 7):
            conv = layer(32, 32, size)
            assert (WinogradConv(conv, 1.0, convolver)(x) - conv(x)).abs().max() < 3e-5
            conv = layer(20, 16, size)
            assert (CountsConv(conv, 1.0, convolver)(events) - conv(events)).abs().max() < 2e-5


def test_only_what_suits_is_replaced():
    assert suits_winograd(layer(16, 13))
    assert suits_winograd(layer(16, 16, 5)) and suits_winograd(layer(16, 16, 7))
    assert not suits_winograd(layer(20, 32))
    assert not suits_winograd(layer(16, 16, 9))
    assert not suits_winograd(nn.Conv2d(16, 16, 3, stride=2, padding=1))
    assert not suits_winograd(nn.Conv2d(16, 16, 3))
    assert not suits_winograd(nn.Conv2d(16, 16, 3, padding=1, groups=16))
    assert suits_counts(layer(20, 32, 7))
    assert not suits_counts(layer(20, 13, 7))
    assert not suits_counts(nn.Conv2d(20, 16, 4, padding=2))
    assert not suits_counts(nn.Conv2d(20, 16, 3, padding=1, dilation=2))


def test_landmarks_of_a_keyframe_stay_where_they_are(lively):
    network = lively("paper/hybrid_cnn_snn", {"input_size": 64})
    engine = make_keyframe_engine(network, "cpu", "winograd")
    for rate in (0.05, 0.3):  # counts one by one, and a dense first layer
        x = np.random.default_rng(3).poisson(rate, (20, 64, 64)).astype("f4")
        ours, _ = engine.run(x)
        with torch.inference_mode():
            expected = network.keyframe(torch.from_numpy(x)[None])[0].numpy()
        scale = max(1.0, np.abs(expected).max())
        assert np.abs(ours - expected).max() <= 1e-4 * scale
        for mine, theirs in zip(ours, expected, strict=True):
            assert theirs.flat[mine.argmax()] >= theirs.max() - 1e-4 * scale


@pytest.mark.parametrize("threads", [1, 2])
def test_the_published_keyframe(threads):
    """Reference numbers of the published code: heatmaps, landmarks and first membranes."""
    network = build("paper/hybrid_cnn_snn").eval()
    weights = gen.state_dict("hybrid_cnn_snn")
    network.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()})
    reference = np.load(FIXTURE / "hybrid_cnn_snn.npz")
    engine = make_keyframe_engine(network, "cpu", "winograd", threads)
    heatmaps, states = engine.run(gen.cnn_input(0))
    assert np.abs(heatmaps[:, ::8, ::8] - reference["cnn_out"]).max() <= 5e-5
    rows, columns = np.divmod(heatmaps.reshape(13, -1).argmax(1), heatmaps.shape[2])
    assert np.array_equal([columns, rows], reference["cnn_landmarks"])
    for state, expected in zip(states, reference["vinit_sample"], strict=True):
        at = gen.sample_index(state.size)
        assert np.abs(state.reshape(-1)[at] - expected).max() <= 5e-5
