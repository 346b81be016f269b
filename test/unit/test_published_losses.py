"""The published labels, losses and first weights; gradients against spikingjelly's own loop."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron

from hybrid_pose_ros.models.lif import Lif
from hybrid_pose_ros.models.paper.config import PaperConfig
from hybrid_pose_ros.models.paper.hybrid_cnn_snn import PaperHybridSnn
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.train.published_initialisation import freeze_cnn, initialise
from hybrid_pose_ros.train.published_losses import (
    hybrid_loss,
    label_maps,
    sequence_loss,
    state_loss,
)

METRICS = np.load(Path(__file__).parents[1] / "data/fixture/metrics.npz")


@pytest.mark.parametrize(("name", "size", "sigma"), [("2", 64, 2), ("1.1", 64, 1.1), ("2", 256, 2)])
def test_labels_equal_the_fixture(name, size, sigma):
    key = f"mse_{name}_{size}"
    uv = torch.tensor(METRICS[f"{key}_xy"], dtype=torch.float64)
    uv[~torch.tensor(METRICS[f"{key}_present"])] = torch.nan
    maps = label_maps(uv, size, sigma)
    sample = METRICS[f"{key}_target_sample"]
    stride = size // 64
    assert np.abs(maps[0, : len(sample), ::stride, ::stride].numpy() - sample).max() < 1e-6
    sums = maps.double().sum((-2, -1)).numpy()
    assert np.abs(sums - METRICS[f"{key}_target_sum"]).max() < 1e-5


def test_a_label_is_a_truncated_pixel_blurred_and_scaled_to_one():
    maps = label_maps(torch.tensor([[20.9, 10.2], [math.nan, 3.0], [64.0, 3.0], [-1.0, 3.0]]), 64)
    assert maps[0, 10, 20] == 1.0
    assert maps[0, 10, 22].item() == pytest.approx(math.exp(-0.5))
    assert maps[0, 10, 26] == 0.0  # eleven taps
    assert maps[1:].abs().max() == 0.0
    single = label_maps(torch.tensor([20.0, 10.0]), 64, blur=False)
    assert single.sum() == 1.0 and single[10, 20] == 1.0


def test_losses_in_closed_form():
    outputs, labels = torch.zeros(2, 1, 13, 4, 4), torch.zeros(2, 1, 13, 4, 4)
    labels[0] += 2.0  # bin 0: mean square 4, bin 1: 0
    assert sequence_loss(outputs, labels).item() == 2.0
    states, following = [torch.zeros(3), torch.ones(50)], [torch.ones(3), torch.full((50,), 3.0)]
    assert state_loss(states, following).item() == 2.5  # (1 + 4) / 2: layers weigh the same
    loss = hybrid_loss(outputs, labels, states, following)
    assert loss.item() == pytest.approx(0.95 * 2.0 + 0.05 * 2.5)


def training_step(seed=0):
    """One step of the hybrid on a small picture; loss and gradients by name."""
    torch.manual_seed(seed)
    model = PaperHybridSnn(PaperConfig(input_size=32)).train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.bias, 0.5, 0.3)
    freeze_cnn(model)
    keys = torch.poisson(torch.ones(2, 2, 20, 32, 32))
    bins = torch.poisson(torch.ones(4, 2, 2, 32, 32))
    labels = label_maps(32 * torch.rand(4, 2, 13, 2), 32)
    model.keyframe(keys[0])
    outputs = model.rollout(bins)
    states = model.states
    following = model.initial_states(model.features(keys[1])[1])
    loss = hybrid_loss(outputs, labels, states, following)
    loss.backward()
    grads = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return model, loss.item(), grads


def test_gradients_through_time_equal_those_of_spikingjellys_neurons(monkeypatch):
    _, loss, grads = training_step()
    monkeypatch.setattr(Lif, "multi_step_forward", neuron.LIFNode.multi_step_forward)
    _, reference_loss, reference = training_step()
    assert loss == pytest.approx(reference_loss, rel=1e-6)
    assert set(grads) == set(reference)
    for name, gradient in grads.items():
        scale = reference[name].abs().max()
        assert scale > 0 or "states" in name
        # Batch norms cancel the biases before them: nothing but rounding is left there.
        floor = 1e-6 if name.endswith((".conv1.bias", ".conv2.bias")) else 0.0
        assert (gradient - reference[name]).abs().max() <= 1e-4 * scale + floor


def test_only_what_the_published_code_trains_gets_gradients():
    model, _, grads = training_step()
    assert not [name for name in grads if "_cnn" in name]
    trained = [name for name, _ in model.named_parameters() if "_cnn" not in name]
    assert sorted(grads) == sorted(trained)


def test_the_loss_of_the_bins_does_not_reach_the_cnn_through_the_output():
    model = PaperHybridSnn(PaperConfig(input_size=32)).train()
    key = model.keyframe(torch.ones(1, 20, 32, 32))
    model.rollout(torch.ones(2, 1, 2, 32, 32)).square().mean().backward()
    assert key.requires_grad and model.conv3_cnn.weight.grad is None
    assert model.conv1_cnn.weight.grad is not None  # through the state initialisers


@pytest.mark.parametrize(
    ("kind", "divided"),
    [("cnn", "conv3"), ("hybrid_cnn_rnn", "conv3_cnn"), ("rnn", None), ("snn", None)],
)
def test_first_weights_are_xavier_normal_and_the_last_layer_starts_near_zero(kind, divided):
    torch.manual_seed(0)
    model = build(f"paper/{kind}")
    initialise(model)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            fan = module.weight[0].numel() + module.out_channels * module.weight[0, 0].numel()
            expected = math.sqrt(2 / fan)
            if name == divided or (kind.startswith("hybrid") and name.endswith("pred.conv2d")):
                expected /= 2500
            assert module.weight.std().item() == pytest.approx(expected, rel=0.15)
