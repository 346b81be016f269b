"""LIF neurons: hand-computed traces, and the fast path against spikingjelly's own."""

import math

import pytest
import torch
from spikingjelly.activation_based import neuron

from hybrid_pose_ros.models.lif import Lif


def test_a_membrane_follows_the_three_equations_by_hand():
    lif = Lif(tau=2.0)
    lif.v = torch.full((1, 1, 1, 1), 0.5)
    spikes = lif(torch.tensor([1.0, 1.5, 0.0, 3.0]).view(4, 1, 1, 1, 1)).flatten()
    # h: 0.75 | 0.75+0.375=1.125 -> spike, v 0.125 | 0.0625 | 0.0625+1.46875=1.53125 -> spike
    assert spikes.tolist() == [0.0, 1.0, 0.0, 1.0]
    assert lif.v.item() == pytest.approx(0.53125)


def test_a_membrane_exactly_at_the_threshold_fires():
    lif = Lif(tau=2.0)
    lif.v = torch.ones(1, 1, 1, 1)
    assert lif(torch.ones(1, 1, 1, 1, 1)).item() == 1.0
    assert lif.v.item() == 0.0


def test_the_surrogate_gradient_at_the_threshold_is_its_peak():
    lif = Lif(tau=2.0)
    x = torch.tensor([2.0, 3.0]).view(1, 1, 1, 1, 2).requires_grad_()
    lif(x).sum().backward()  # h = 1 and 1.5; dh/dx = 1/tau
    expected = [0.5, 0.5 / (1.0 + (math.pi * 0.5) ** 2)]
    assert x.grad.flatten().tolist() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("channels_last", [False, True])
def test_sequence_states_and_gradients_equal_spikingjelly(channels_last):
    torch.manual_seed(0)
    x = 2 * torch.randn(7, 2, 3, 4, 5)
    if channels_last:
        x = x.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    v = torch.rand(2, 3, 4, 5)
    weight = torch.randn(7, 2, 3, 4, 5)
    results = []
    for forward in (Lif.multi_step_forward, neuron.LIFNode.multi_step_forward):
        lif = Lif(tau=3.0)
        xs, vs = x.clone().requires_grad_(), v.clone().requires_grad_()
        lif.v = vs
        spikes = forward(lif, xs)
        ((spikes * weight).sum() + lif.v.sum()).backward()
        results.append((spikes.detach(), lif.v.detach(), xs.grad, vs.grad))
    ours, reference = results
    assert torch.equal(ours[0], reference[0])
    assert ours[0].sum() > 0
    for a, b in zip(ours[1:], reference[1:], strict=True):
        assert torch.allclose(a, b, atol=1e-6)
