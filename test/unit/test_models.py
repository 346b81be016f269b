"""The lite hybrid behind its three calls; checkpoints that rebuild it."""

import json

import numpy as np
import pytest
import torch

from hybrid_pose_ros.errors import WeightsError
from hybrid_pose_ros.models.checkpoint import fingerprint, load_checkpoint, save_checkpoint
from hybrid_pose_ros.models.fold import folded
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
from hybrid_pose_ros.models.macs import dense_macs

SMALL = LiteConfig(input_size=32, cnn_widths=(4, 4, 8, 8), snn_widths=(8, 8, 8))


def small_model(seed=0):
    torch.manual_seed(seed)
    return LiteHybrid(SMALL).eval()


def test_keyframe_and_step_give_heatmaps_of_half_the_input():
    model = small_model()
    assert model.keyframe(torch.rand(2, 20, 32, 32)).shape == (2, 13, 16, 16)
    assert model.step(torch.rand(2, 2, 32, 32)).shape == (2, 13, 16, 16)


def test_the_first_step_already_decays_the_keyframe():
    model = small_model()
    with torch.no_grad():
        model.snn.head.weight.zero_()
        key = model.keyframe(torch.rand(1, 20, 32, 32))
        out = model.step(torch.zeros(1, 2, 32, 32))
    assert torch.allclose(out, float(model.decay) * key, atol=1e-6)


@torch.no_grad()
def test_a_rollout_equals_its_steps():
    model, bins = small_model(), torch.poisson(torch.full((5, 1, 2, 32, 32), 0.3))
    key = torch.poisson(torch.full((1, 20, 32, 32), 0.3))
    model.keyframe(key)
    rollout = model.rollout(bins)
    model.keyframe(key)
    steps = torch.stack([model.step(x) for x in bins])
    assert torch.allclose(rollout, steps, atol=1e-5)


@torch.no_grad()
def test_a_keyframe_wipes_out_what_was_before():
    model, key = small_model(), torch.rand(1, 20, 32, 32)
    model.keyframe(key)
    first = model.step(torch.ones(1, 2, 32, 32))
    for _ in range(3):
        model.step(10 * torch.rand(1, 2, 32, 32))
    model.keyframe(key)
    assert torch.equal(first, model.step(torch.ones(1, 2, 32, 32)))


def test_bad_input_is_named():
    model = small_model()
    with pytest.raises(ValueError, match="needs a keyframe"):
        model.step(torch.zeros(1, 2, 32, 32))
    with pytest.raises(ValueError, match=r"expected \(B, 20, 32, 32\), got \(1, 19, 32, 32\)"):
        model.keyframe(torch.zeros(1, 19, 32, 32))
    model.keyframe(torch.zeros(1, 20, 32, 32))
    with pytest.raises(ValueError, match="batch size 1, the bins of 2"):
        model.step(torch.zeros(2, 2, 32, 32))
    with pytest.raises(ValueError, match="multiple of 16, got 100"):
        LiteConfig(input_size=100)


def test_the_shipped_sizes_meet_the_budget_of_the_lite_family():
    model = LiteHybrid()
    assert model.macs_per_keyframe <= 1e9
    assert model.macs_per_step <= 0.2e9
    state_bytes = 2 * sum(int(np.prod(shape)) for shape in model.snn.state_shapes())
    assert state_bytes <= 1_000_000


def test_macs_of_a_convolution_and_a_transposed_one_in_closed_form():
    down = torch.nn.Conv2d(3, 5, 3, 2, 1)
    up = torch.nn.ConvTranspose2d(5, 7, 4, 2, 1)
    both = torch.nn.Sequential(down, up)
    macs = dense_macs(both, lambda: both(torch.zeros(1, 3, 8, 8)))
    assert macs == 16 * 5 * 3 * 9 + 64 * 7 * 5 * 4


def test_a_checkpoint_rebuilds_the_same_model(tmp_path):
    model, path = small_model(), tmp_path / "w.safetensors"
    save_checkpoint(model, path)
    again = load_checkpoint(path)
    assert again.config == SMALL
    assert fingerprint(again) == fingerprint(model)
    assert fingerprint(small_model(seed=1)) != fingerprint(model)
    assert not list(tmp_path.glob("*.partial"))


def test_broken_weights_are_named(tmp_path):
    with pytest.raises(WeightsError, match=r"no weights at .*nothing\.safetensors"):
        load_checkpoint(tmp_path / "nothing.safetensors")
    path = tmp_path / "w.safetensors"
    save_checkpoint(small_model(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="damaged"):
        load_checkpoint(path)
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="damaged"):
        load_checkpoint(path)


def test_weights_of_another_network_are_refused(tmp_path):
    from safetensors.torch import load_file, save_file

    path = tmp_path / "w.safetensors"
    save_checkpoint(small_model(), path)
    tensors = load_file(path)
    tensors.pop("snn.head.weight")
    meta = {"format": "hybrid_pose_ros/lite/1", "config": json.dumps({"input_size": 32})}
    save_file(tensors, path, meta)
    with pytest.raises(WeightsError, match="do not fit"):
        load_checkpoint(path)
    save_file(tensors, path, {"format": "something else"})
    with pytest.raises(WeightsError, match="something else"):
        load_checkpoint(path)


@torch.no_grad()
def test_folding_batch_norms_changes_nothing_but_the_work():
    model = small_model()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0.0, 0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.uniform_(module.weight, 0.5, 2.0)
    light, x = folded(model), torch.rand(1, 20, 32, 32)
    assert torch.allclose(light.keyframe(x), model.keyframe(x), atol=1e-4)
    for ours, reference in zip(light.states, model.states, strict=True):
        assert torch.allclose(ours, reference, atol=1e-4)
    norms = [m for m in light.cnn.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms == []
