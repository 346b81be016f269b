"""Losses in closed form, what a stage minimises and what it changes."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
from hybrid_pose_ros.models.paper.config import PaperConfig
from hybrid_pose_ros.models.paper.hybrid_cnn_snn import PaperHybridSnn
from hybrid_pose_ros.pose.heatmap import decode_heatmaps
from hybrid_pose_ros.train.config import LossConfig, StageConfig
from hybrid_pose_ros.train.losses import (
    heatmap_loss,
    peak_error,
    pixel_error,
    regression_loss,
    speed_weights,
    target_maps,
)
from hybrid_pose_ros.train.module import Stage
from hybrid_pose_ros.train.objective import objective, run_network
from hybrid_pose_ros.train.published_losses import (
    hybrid_loss,
    label_maps,
    sequence_loss,
    state_loss,
)
from hybrid_pose_ros.train.samples import Batch

SMALL = LiteConfig(
    input_size=32, cnn_widths=(4, 4, 8, 8), snn_widths=(8, 8, 8), rnn_widths=(4, 4, 8)
)


def test_flat_logits_cost_the_entropy_of_the_grid():
    cells = torch.full((2, 13, 2), 30.0)
    assert heatmap_loss(torch.zeros(2, 13, 64, 64), cells).item() == pytest.approx(math.log(64**2))


def test_the_best_logits_cost_the_entropy_of_the_target():
    cells = torch.full((1, 13, 2), 30.25)
    targets, _ = target_maps(cells, 64, 0.8)
    entropy = -(targets * targets.clamp_min(1e-30).log()).sum((-1, -2)).mean()
    loss = heatmap_loss(targets.clamp_min(1e-30).log(), cells)
    assert loss.item() == pytest.approx(entropy.item(), rel=1e-4)


def test_unknown_and_outside_joints_do_not_count():
    cells = torch.full((1, 13, 2), 10.0)
    cells[0, 1] = torch.nan
    cells[0, 2, 0] = 64.0
    logits = torch.zeros(1, 13, 64, 64)
    logits[0, 1:3, 0, 0] = 50.0  # would be a disaster if it counted
    assert heatmap_loss(logits, cells).item() == pytest.approx(math.log(64**2))
    assert torch.isnan(pixel_error(logits, cells)[0, 1:3]).all()


def test_where_nobody_is_the_best_answer_is_flat():
    cells = torch.full((1, 2, 13, 2), 30.0)
    present = torch.tensor([True, False])
    logits = torch.zeros(1, 2, 13, 64, 64, requires_grad=True)
    heatmap_loss(logits, cells, present).backward()
    assert logits.grad[0, 0].abs().max() > 1e-3
    assert logits.grad[0, 1].abs().max() < 1e-8


def test_pixel_error_is_the_distance_that_the_decoder_gives():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (13, 64, 64)).astype(np.float32)
    crop = Crop(34, 2, 256, 256)
    truth = rng.uniform(5, 58, (13, 2)).astype(np.float32)
    ours = pixel_error(torch.from_numpy(logits), torch.from_numpy(truth)).numpy()
    decoded = decode_heatmaps(logits, crop).uv
    expected = np.linalg.norm(decoded - crop.to_sensor(truth, 64), axis=1)
    assert ours == pytest.approx(expected, abs=1e-2)


def test_a_regressed_blob_at_the_joint_costs_nothing_and_none_costs_one():
    cells = torch.full((1, 2, 13, 2), 30.25)
    cells[0, 0, 3] = torch.nan
    targets, _ = target_maps(cells, 64, 2.0)
    blobs = targets * (2 * math.pi * 2.0**2)
    assert blobs.amax((-2, -1))[0, 1].tolist() == pytest.approx([0.984] * 13, abs=1e-3)
    assert regression_loss(blobs, cells).item() == 0.0
    assert regression_loss(torch.zeros_like(blobs), cells).item() == pytest.approx(1.0, rel=1e-4)
    nobody = torch.tensor([True, False])
    assert regression_loss(blobs, cells, nobody).item() == pytest.approx(13 / 25, rel=1e-4)


def test_the_peaks_error_is_a_distance_in_crop_pixels():
    maps = torch.zeros(13, 64, 64)
    maps[:, 20, 10] = 1.0
    cells = torch.tensor([10.0, 23.0]).expand(13, 2).clone()
    cells[5] = torch.nan
    error = peak_error(maps, cells)
    assert error[0].item() == 12.0 and torch.isnan(error[5])


def batch(bins=3, size=32, following=True):
    torch.manual_seed(0)
    at = [0, bins] if following else [0]
    return Batch(
        torch.poisson(torch.ones(len(at), 2, 20, size, size)),
        torch.poisson(torch.ones(bins, 2, 2, size, size)),
        size / 2 * torch.rand(bins + 1, 2, 13, 2),
        torch.tensor([True, True]),
        torch.tensor(at),
    )


def test_the_published_objective_is_the_published_loss():
    torch.manual_seed(1)
    model = PaperHybridSnn(PaperConfig(input_size=32)).train()
    data = batch()
    got = objective(model, data, "published", LossConfig(states=0.05))["loss"]
    got = got - objective_of_keyframe(model, data)
    model.keyframe(data.keyframes[0])
    outputs = model.rollout(data.bins)
    after = model.states
    following = model.initial_states(model.features(data.keyframes[1])[1])
    expected = hybrid_loss(outputs, label_maps(data.cells[1:], 32), after, following)
    assert got.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("settings", [{}, {"motion": True}, {"motion": True, "rest": True}])
def test_membranes_are_held_against_the_next_keyframe_in_every_lite_hybrid(settings):
    torch.manual_seed(1)
    model = LiteHybrid(dataclasses.replace(SMALL, **settings)).train()
    data = batch(size=SMALL.input_size)
    data = data._replace(cells=data.cells * SMALL.heatmap_size / SMALL.input_size)
    found = objective(model, data, "published", LossConfig(states=0.5))
    said = model.initial_states(model.cnn.features(data.keyframes[1])[1])
    expected = state_loss(model.states[: len(said)], said)
    assert found["states"].item() == pytest.approx(expected.item(), rel=1e-5) and expected > 0


def objective_of_keyframe(model, data):
    """What a CNN that is trained along adds; nothing once it is frozen."""
    return sequence_loss(model.keyframe(data.keyframes[0])[None], label_maps(data.cells[:1], 32))


def test_spikes_cost_what_their_weight_says():
    model = LiteHybrid(SMALL).train()
    Stage(model, StageConfig(2, 1e-3, steps=1, bins=(3, 3)), LossConfig(), "ours", 1)
    data = batch(following=False)
    free = objective(model, data, "ours", LossConfig())
    dear = objective(model, data, "ours", LossConfig(spikes=10.0))
    assert 0 < free["spikes"] < 1
    assert dear["loss"].item() == pytest.approx(free["loss"].item() + 10 * free["spikes"].item())


def test_fast_joints_count_more_by_their_speed():
    gain = 0.5
    cells = torch.zeros(21, 1, 13, 2)
    steps = torch.arange(21.0)
    cells[:, 0, 1, 0] = 0.1 * steps  # 4 px per 100 ms: half of what counts as fast
    cells[:, 0, 2, 1] = 0.2 * steps
    cells[:, 0, 3, 0] = 2.0 * steps  # ten times as fast, counts as three
    cells[:, 0, 4] = torch.nan
    weights = speed_weights(cells, 64, gain)
    assert weights.shape == cells.shape[:-1]
    torch.testing.assert_close(
        weights[:, 0, :5], torch.tensor([1.0, 1.25, 1.5, 2.5, 1.0]).expand(21, -1)
    )
    assert speed_weights(cells[:1], 64, gain).eq(1).all()
    jump = torch.zeros(21, 1, 13, 2)
    jump[10:, 0, 0, 0] = 0.9  # within one bin: a tenth of a cell per bin on average around it
    weights = speed_weights(jump, 64, gain)[:, 0, 0]
    assert weights[10] == pytest.approx(1.25)
    assert (weights > 1).sum() == 9
    assert weights[0] == weights[-1] == 1


def test_the_weight_of_fast_joints_enters_the_loss_where_somebody_is():
    torch.manual_seed(3)
    model = LiteHybrid(SMALL).eval()
    data = batch(following=False)._replace(present=torch.tensor([True, False]))
    answer = run_network(model, data)
    weights = speed_weights(answer.cells, answer.heatmaps.shape[-1], 2.0)
    weights[:, 1] = 1
    expected = heatmap_loss(answer.heatmaps, answer.cells, data.present, weights=weights)
    plain = heatmap_loss(answer.heatmaps, answer.cells, data.present)
    got = objective(model, data, "ours", LossConfig(fast=2.0, velocity=0.0))["heatmaps"]
    assert got.item() == pytest.approx(expected.item(), rel=1e-5)
    assert got.item() != pytest.approx(plain.item(), rel=1e-3)


def test_weights_of_joints_are_those_of_their_losses():
    logits, cells = torch.randn(1, 13, 16, 16), 15 * torch.rand(1, 13, 2)
    each = [heatmap_loss(logits[:, j : j + 1], cells[:, j : j + 1]) for j in range(13)]
    weights = torch.rand(1, 13)
    got = heatmap_loss(logits, cells, weights=weights)
    torch.testing.assert_close(got, (torch.stack(each) * weights[0]).mean())


@pytest.mark.parametrize("still", [False, True])
def test_still_norms_keep_their_statistics_and_are_trained(still):
    torch.manual_seed(2)
    model = LiteHybrid(SMALL)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    settings = StageConfig(2, 1e-2, steps=3, bins=(3, 3), still_norms=still)
    stage = Stage(model, settings, LossConfig(), "ours", 3)
    stage.on_train_epoch_start()
    (optimizer,), _ = stage.configure_optimizers()
    objective(model, batch(following=False), "ours", LossConfig())["loss"].backward()
    optimizer.step()
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert any("running" in k for k in changed) != still
    assert {"snn.s0.norm.weight", "snn.s0.norm.bias", "snn.u1.conv.weight"} <= changed


@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_the_cnn_of_a_hybrid_is_frozen_unless_it_has_a_rate(rate):
    torch.manual_seed(2)
    model = LiteHybrid(SMALL)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    settings = StageConfig(2, 1e-2, steps=3, bins=(3, 3), cnn_rate=rate)
    stage = Stage(model, settings, LossConfig(), "ours", 3)
    stage.on_train_epoch_start()
    (optimizer,), _ = stage.configure_optimizers()
    assert [g["initial_lr"] * 25 for g in optimizer.param_groups] == pytest.approx(
        [1e-2, 1e-3] if rate else [1e-2]
    )
    objective(model, batch(following=False), "ours", LossConfig())["loss"].backward()
    optimizer.step()
    changed = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    in_cnn = {k for k in before if k.startswith("cnn.")}
    assert bool(changed & in_cnn) == (rate > 0)
    statistics = {k for k in before if "running" in k or "batches_tracked" in k}
    assert not changed & in_cnn & statistics
    assert changed & statistics  # those of the other parts move
    assert {"snn.head.weight", "initialisers.0.layers.0.weight"} <= changed


def test_weights_may_have_rates_of_their_own():
    model = LiteHybrid(SMALL)
    rates = {"snn.s0.": 4.0, "cnn.head": 0.5}
    settings = StageConfig(2, 1e-2, steps=3, bins=(3, 3), cnn_rate=0.1, rates=rates)
    (optimizer,), _ = Stage(model, settings, LossConfig(), "ours", 3).configure_optimizers()
    expected = {
        name: (0.1 if name.startswith("cnn.") else 1.0)
        * (4.0 if name.startswith("snn.s0.") else 0.5 if name.startswith("cnn.head") else 1.0)
        for name, _ in model.named_parameters()
    }
    found = {id(p): g["initial_lr"] * 25 for g in optimizer.param_groups for p in g["params"]}
    for name, parameter in model.named_parameters():
        assert found.pop(id(parameter)) == pytest.approx(1e-2 * expected[name])
    assert not found and len(set(expected.values())) == 4


@pytest.mark.parametrize(
    ("recipe", "kind", "rate"), [("ours", "adamw", 1e-3 / 25), ("published", "adam", 1e-3)]
)
def test_recipes_have_their_optimisers(recipe, kind, rate):
    stage = Stage(LiteHybrid(SMALL), StageConfig(2, 1e-3, steps=9), LossConfig(), recipe, 9)
    made = stage.configure_optimizers()
    optimizer = made[0][0] if recipe == "ours" else made
    assert type(optimizer).__name__.lower() == kind
    assert optimizer.param_groups[0]["lr"] == pytest.approx(rate)
