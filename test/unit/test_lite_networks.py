"""The lite family: one interface, budgets, and what its settings change."""

import numpy as np
import pytest
import torch

from hybrid_pose_ros.errors import ConfigError
from hybrid_pose_ros.models.presets import KINDS, PRESETS, build, figures, name_of

SMALL = {"input_size": 32, "cnn_widths": (8, 8, 8, 8), "snn_widths": (8, 8, 8),
         "rnn_widths": (8, 8, 8)}  # fmt: skip


def small(kind, **settings):
    torch.manual_seed(0)
    model = build(f"lite/{kind}", SMALL | settings)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.weight, 4.0, 0.1)
    return model.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_every_network_meets_the_budget_of_the_family(kind):
    row = figures(f"lite/{kind}")
    assert row["macs_per_keyframe"] <= 1e9
    assert row["macs_per_step"] <= 0.2e9
    assert row["states_bytes_fp16"] <= 1_000_000
    assert (row["input_size"], row["heatmap_size"]) == (128, 64)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"head": "coarse", "cnn_step": "rerun"},
        {"residual_blocks": 0},
        {"residual_blocks": 2, "rest": True},
    ],
)
@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_rollouts_equal_steps_and_states_go_round(kind, settings):
    model = small(kind, **settings)
    key, bins = torch.rand(2, 20, 32, 32), torch.poisson(torch.full((3, 2, 2, 32, 32), 0.5))
    model.reset(2)
    model.keyframe(key)
    start, output = [s.clone() for s in model.states], model.output.clone()
    assert [tuple(s.shape[1:]) for s in start] == model.state_shapes()
    steps = torch.stack([model.step(x) for x in bins])
    assert steps.shape == (3, 2, 13, 16, 16)
    assert all(s.shape[0] == 2 for s in model.spikes)
    model.set_states(start)
    model.output = output
    assert torch.allclose(model.rollout(bins), steps, atol=1e-6)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cnn"])
def test_bins_change_the_output_and_its_gradient_reaches_every_step_weight(kind):
    model = small(kind).train()
    model.reset(1)
    model.keyframe(torch.poisson(torch.ones(1, 20, 32, 32)))
    bins = torch.poisson(torch.full((4, 1, 2, 32, 32), 2.0))
    outputs = model.rollout(bins)
    assert (outputs[-1] - outputs[0]).abs().max() > 0
    outputs.square().mean().backward()
    part = model.snn if kind.endswith("snn") else model.rnn
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in part.parameters())
    assert all(p.grad.abs().max() > 0 for n, p in part.named_parameters() if "conv.weight" in n)


@torch.inference_mode()
def test_a_hybrid_starts_from_its_keyframe_and_not_from_before():
    model, key = small("hybrid_cnn_rnn"), torch.rand(1, 20, 32, 32)
    counts = torch.poisson(torch.ones(1, 2, 32, 32))
    model.keyframe(key)
    first = model.step(counts)
    for _ in range(3):
        model.step(counts)
    model.keyframe(key)
    assert torch.equal(model.step(counts), first)
    model.keyframe(2 * key)
    assert not torch.equal(model.step(counts), first)


def test_a_coarse_head_and_no_residual_blocks_are_cheaper():
    fine = build("lite/snn").macs_per_step
    u2, smaller_head = 64 * 64 * 16 * 64 * 4, 13 * (64 * 64 * 32 - 32 * 32 * 64)
    assert build("lite/snn", {"head": "coarse"}).macs_per_step == fine - u2 - smaller_head
    residual = 2 * 64 * 64 * 9 * 16 * 16
    assert build("lite/snn", {"residual_blocks": 0}).macs_per_step == fine - residual
    assert build("lite/snn", {"residual_blocks": 2}).macs_per_step == fine + residual


def test_weights_of_the_parts_fit_the_hybrid():
    hybrid = small("hybrid_cnn_snn").state_dict()
    for kind in ("cnn", "snn"):
        for name, value in small(kind).state_dict().items():
            assert hybrid[name].shape == value.shape


def test_presets_are_named_and_checked():
    assert len(PRESETS) == 10
    assert name_of(small("rnn")) == "lite/rnn"
    with pytest.raises(ConfigError, match="unknown network 'lite/gnn'; choose one of paper/cnn"):
        build("lite/gnn")
    with pytest.raises(ConfigError, match=r"tau must be > 1 bin, got 1\.0"):
        build("lite/snn", {"tau": 1.0})
    with pytest.raises(ConfigError, match="head must be one of"):
        build("lite/snn", {"head": "middle"})


def test_snn_and_rnn_answer_a_keyframe_with_what_they_said_last():
    model = small("rnn")
    with pytest.raises(ValueError, match="a rnn needs a reset before it"):
        model.keyframe(torch.zeros(1, 20, 32, 32))
    model.reset(1)
    with torch.inference_mode():
        said = model.step(torch.ones(1, 2, 32, 32))
    assert torch.equal(model.keyframe(torch.ones(1, 20, 32, 32)), said)
    assert np.prod(said.shape) == 13 * 16 * 16


@pytest.mark.parametrize("name", ["d1", "u1"])
def test_a_block_with_still_norms_is_one_convolution_with_the_same_gradients(name):
    block = getattr(small("snn").snn, name).double()
    torch.nn.init.normal_(block.norm.running_mean)
    torch.nn.init.uniform_(block.norm.running_var, 0.5, 2.0)
    torch.nn.init.normal_(block.norm.bias)
    x = torch.rand(2, block.conv.in_channels, 8, 8, dtype=torch.double)
    wanted = torch.rand_like(block.norm(block.conv(x)))
    parameters = [block.conv.weight, block.norm.weight, block.norm.bias]
    found = []
    for driven in (block._driven, lambda x: block.norm(block.conv(x))):
        given = x.clone().requires_grad_()
        out = driven(given)
        grads = torch.autograd.grad((out * wanted).sum(), [given, *parameters])
        found.append([out, *grads])
    for fused, plain in zip(*found, strict=True):
        torch.testing.assert_close(fused, plain)
