"""Convolutions with fewer multiplications against the convolutions that they stand for."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hybrid_pose_ros.native.library import library
from hybrid_pose_ros.runtime.interpolated_conv import InterpolatedConv
from hybrid_pose_ros.runtime.keyframe_engine import make_keyframe_engine
from hybrid_pose_ros.runtime.winograd_conv import WinogradConv, suits_winograd

needs_kernels = pytest.mark.skipif(library() is None, reason="the C++ kernels are not built here")


def layer(inputs, outputs, seed=0):
    torch.manual_seed(seed)
    return nn.Conv2d(inputs, outputs, 3, padding=1).requires_grad_(False)


@pytest.mark.parametrize("size", [(2, 2), (2, 5), (3, 4), (16, 24)])
def test_interpolation_and_convolution_change_places(size):
    conv, x = layer(5, 7), torch.randn(2, 5, *size)
    expected = conv(F.interpolate(x, scale_factor=2, mode="bilinear"))
    got = InterpolatedConv(conv)(x)
    assert got.shape == expected.shape
    assert (got - expected).abs().max() < 2e-6


@needs_kernels
@pytest.mark.parametrize("size", [(16, 16), (20, 44), (128, 16), (8, 16), (18, 16)])
def test_winograd_is_the_convolution(size):
    """The last two sizes go the usual way."""
    conv, x = layer(48, 32), torch.randn(1, 48, *size)
    for slope in (1.0, 0.1):
        expected = F.leaky_relu(conv(x), slope)
        got = WinogradConv(conv, slope)(x)
        assert got.shape == expected.shape
        assert (got - expected).abs().max() < 3e-5


@needs_kernels
def test_winograd_cuts_a_large_map_into_chunks(monkeypatch):
    conv, x = layer(16, 16), torch.randn(1, 16, 44, 32)
    whole = WinogradConv(conv, 0.1)(x)
    monkeypatch.setattr("hybrid_pose_ros.runtime.winograd_conv.CHUNK_BYTES", 4 * 36 * 8 * 32 * 3)
    assert (WinogradConv(conv, 0.1)(x) - whole).abs().max() < 1e-5


@needs_kernels
def test_only_what_suits_becomes_winograd():
    assert suits_winograd(layer(16, 32))
    assert not suits_winograd(layer(20, 32))
    assert not suits_winograd(layer(32, 13))
    assert not suits_winograd(nn.Conv2d(16, 16, 3, stride=2, padding=1))
    assert not suits_winograd(nn.Conv2d(16, 16, 5, padding=2))


@needs_kernels
def test_landmarks_of_a_keyframe_stay_where_they_are(lively):
    network = lively("paper/hybrid_cnn_snn", {"input_size": 64})
    engine = make_keyframe_engine(network, "cpu", "winograd")
    x = np.random.default_rng(3).poisson(0.3, (20, 64, 64)).astype("f4")
    ours, _ = engine.run(x)
    with torch.inference_mode():
        expected = network.keyframe(torch.from_numpy(x)[None])[0].numpy()
    assert np.abs(ours - expected).max() <= 1e-4 * max(1.0, np.abs(expected).max())
    for mine, theirs in zip(ours, expected, strict=True):
        assert theirs.flat[mine.argmax()] >= theirs.max() - 1e-4 * max(1.0, np.abs(theirs).max())
