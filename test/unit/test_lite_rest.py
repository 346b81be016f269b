"""Resting potentials: closed forms, what a keyframe says of them, and how earlier weights go on."""

import pytest
import torch
from torch import nn

from hybrid_pose_ros.models.checkpoint import save_checkpoint
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
from hybrid_pose_ros.models.lite.initialiser import RestingPotential
from hybrid_pose_ros.models.lite.spiking_unet import SpikingBlock
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.train.parts import go_on_from

SMALL = {
    "input_size": 32, "cnn_widths": (8, 8, 8, 8), "snn_widths": (8, 8, 8),
    "motion": True, "carry": True,
}  # fmt: skip


def events(*lead, channels):
    torch.manual_seed(4)
    return torch.poisson(torch.ones(*lead, channels, 32, 32))


def resting(gain=1.0):
    torch.manual_seed(5)
    model = LiteHybrid(LiteConfig.from_dict(LiteConfig().asdict() | SMALL | {"rest": True})).eval()
    for module in model.cnn.modules():
        if isinstance(module, nn.BatchNorm2d):  # so that features are about 1
            nn.init.normal_(module.bias, 0.3, 0.3)
            nn.init.normal_(module.weight, 4.0, 0.1)
    for initialiser in model.initialisers:
        nn.init.normal_(initialiser.conv.weight, std=gain)
    return model


@torch.inference_mode()
def test_without_events_a_membrane_leaks_to_where_it_rests():
    block = SpikingBlock(nn.Conv2d(1, 8, 1, bias=False), tau=3.0).eval()
    block.rest, block.lif.v = torch.full((1, 8, 2, 2), 0.9), torch.zeros(1, 8, 2, 2)
    spikes = block(torch.zeros(5, 1, 2, 2), steps=5)
    assert not spikes.any()
    torch.testing.assert_close(block.lif.v, torch.full((1, 8, 2, 2), 0.9 * (1 - (2 / 3) ** 5)))


@torch.inference_mode()
def test_a_resting_potential_is_a_lower_threshold():
    """u = v - r obeys the equation without r; it fires at 1 - r and falls by 1."""
    block = SpikingBlock(nn.Conv2d(1, 8, 1, bias=False), tau=3.0).eval()
    rest, start = torch.rand(1, 8, 4, 4) * 0.8, torch.rand(1, 8, 4, 4)
    block.rest, block.lif.v = rest, start
    x = torch.poisson(torch.full((6, 1, 4, 4), 2.0))
    spikes = block(x, steps=6)
    u, currents = start - rest, block.norm(block.conv(x))
    for current, fired in zip(currents, spikes, strict=True):
        u = u + (current - u) / 3.0
        expected = (u >= 1 - rest).float()
        assert torch.equal(fired, expected[0])
        u = u - expected
    assert 0 < spikes.mean() < 1
    torch.testing.assert_close(block.lif.v, u + rest)


@torch.inference_mode()
def test_a_keyframe_sets_both_where_membranes_are_and_where_they_rest():
    model = resting()
    model.keyframe(events(2, channels=20))
    blocks = len(model.snn.BLOCKS)
    membranes, rests, velocity = model.states[:blocks], model.states[blocks:-1], model.states[-1]
    assert model.snn.RESTING == model.snn.BLOCKS[3:] == ("r1", "r2", "u1", "u2")
    assert all(not state.any() for state in (*membranes[:3], velocity))
    for membrane, rest in zip(membranes[3:], rests, strict=True):
        assert torch.equal(membrane, rest) and rest.abs().max() > 0.1
    before = [rest.clone() for rest in rests]
    model.rollout(events(4, 2, channels=2))
    assert all(torch.equal(a, b) for a, b in zip(model.states[blocks:-1], before, strict=True))
    assert not torch.equal(model.states[blocks - 1], before[-1])
    model.reset(2)
    assert not any(state.any() for state in model.states)


@torch.inference_mode()
def test_what_a_keyframe_says_lasts_longer_than_its_membranes():
    """The same bins after two keyframes, the heatmaps set equal: states must still tell."""
    bins, differences = events(24, 1, channels=2), {}
    for rest in (False, True):
        model = resting(gain=3.0)
        outputs = []
        for scale in (1, 4):
            model.keyframe(scale * events(1, channels=20))
            if not rest:
                states = model.states
                model.set_states([*states[:7], *(torch.zeros_like(s) for s in states[7:])])
            model.output = torch.zeros(1, 13, 16, 16)
            outputs.append(model.snn(bins))
        differences[rest] = (outputs[0] - outputs[1])[-6:].abs().mean()
    assert differences[True] > 3 * differences[False]


def test_coarser_features_are_repeated():
    to_rest = RestingPotential(3, 5, repeats=2)
    assert not to_rest(torch.rand(1, 3, 4, 4)).any()
    nn.init.normal_(to_rest.conv.weight)
    out = to_rest(torch.rand(1, 3, 4, 4))
    assert out.shape == (1, 5, 8, 8)
    assert torch.equal(out[..., ::2, ::2], out[..., 1::2, 1::2])
    assert RestingPotential(3, 5)(torch.rand(1, 3, 4, 4)).shape == (1, 5, 4, 4)


def test_initialisers_that_rest_are_cheaper():
    usual, ours = (build("lite/hybrid_cnn_snn", {"rest": rest}) for rest in (False, True))
    cnn = build("lite/cnn").macs_per_keyframe
    residuals, ups = 2 * 16 * 16 * 96 * 64, 16 * 16 * 96 * 32 + 32 * 32 * 48 * 16
    assert ours.macs_per_keyframe - cnn == residuals + ups
    assert usual.macs_per_keyframe - cnn > 3 * (residuals + ups)
    assert ours.macs_per_step == usual.macs_per_step


@torch.inference_mode()
def test_weights_without_rest_go_on_with_resting_potentials_of_zero(tmp_path):
    torch.manual_seed(6)
    earlier = build("lite/hybrid_cnn_snn", SMALL).eval()
    save_checkpoint(earlier, tmp_path / "earlier.safetensors")
    model = build("lite/hybrid_cnn_snn", SMALL | {"rest": True}).eval()
    assert go_on_from(model, tmp_path / "earlier.safetensors") == ["rest False (now True)"]
    x, bins = events(1, channels=20), events(5, 1, channels=2)
    heatmaps = [network.keyframe(x) for network in (earlier, model)]
    assert torch.equal(*heatmaps)
    zero = [torch.zeros_like(state) for state in earlier.states]
    earlier.set_states(zero)  # membranes of a keyframe that says nothing of them
    assert torch.equal(earlier.rollout(bins), model.rollout(bins))


def test_what_a_keyframe_says_is_learnt():
    model = resting(gain=0.0).train()
    model.keyframe(events(2, channels=20))
    model.rollout(20 * events(5, 2, channels=2)).square().mean().backward()
    for initialiser in model.initialisers:
        assert initialiser.conv.weight.grad.abs().max() > 0


@pytest.mark.parametrize("kind", ["cnn", "snn", "rnn", "hybrid_cnn_rnn"])
def test_other_networks_have_no_resting_potentials(kind):
    with_it, without = (build(f"lite/{kind}", SMALL | {"rest": rest}) for rest in (True, False))
    assert with_it.state_shapes() == without.state_shapes()
    assert with_it.keyframe_parts() == list(range(len(with_it.state_shapes())))
