"""The published networks against the reference numbers of the published code."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hybrid_pose_ros.models.fold import folded
from hybrid_pose_ros.models.network import PoseNetwork
from hybrid_pose_ros.models.paper.cnn import PaperCnn
from hybrid_pose_ros.models.paper.config import PaperConfig
from hybrid_pose_ros.models.paper.hybrid_cnn_rnn import PaperHybridRnn
from hybrid_pose_ros.models.paper.hybrid_cnn_snn import PaperHybridSnn
from hybrid_pose_ros.models.paper.rnn import PaperRnn
from hybrid_pose_ros.models.presets import KINDS, build
from hybrid_pose_ros.pose.published import argmax_landmarks

FIXTURE = Path(__file__).parents[1] / "data/fixture"
SPEC = importlib.util.spec_from_file_location("fixture_gen", FIXTURE / "gen.py")
gen = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(gen)

PARAMETERS = {
    "cnn": 19_818_669, "snn": 4_410_138, "rnn": 10_710_106,
    "hybrid_cnn_snn": 24_780_845, "hybrid_cnn_rnn": 30_703_495,
}  # fmt: skip
TOLERANCE = 2e-5
STEPS = 2  # of the ten in the fixture; benchmarks/parity.py drives all


def published(kind):
    model = build(f"paper/{kind}")
    model.load_state_dict({k: torch.from_numpy(v) for k, v in gen.state_dict(kind).items()})
    return model.eval()


def keyframe_input(step):
    return torch.from_numpy(gen.cnn_input(step))[None]


def assert_equals_fixture(output, reference, step):
    assert np.abs(output[0, :, ::8, ::8].numpy() - reference["out"][step]).max() <= TOLERANCE
    assert np.array_equal(argmax_landmarks(output[0].numpy()), reference["landmarks"][step])


@pytest.mark.parametrize("kind", KINDS)
def test_keys_shapes_order_and_counts_are_the_published_ones(kind):
    keys = json.loads((FIXTURE / "keys.json").read_text())[kind]
    with torch.device("meta"):
        model = build(f"paper/{kind}")
    state = model.state_dict()
    assert list(state) == list(keys)
    assert {k: list(v.shape) for k, v in state.items()} == {k: s for k, (s, _) in keys.items()}
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS[kind]


def test_dense_operations_are_the_published_ones():
    giga = {kind: [] for kind in KINDS}
    for kind in KINDS:
        with torch.device("meta"):
            model = build(f"paper/{kind}")
        giga[kind] = [model.macs_per_keyframe / 1e9, model.macs_per_step / 1e9]
    assert giga["cnn"] == pytest.approx([22.6, 0], abs=0.05)
    assert giga["snn"] == pytest.approx([0, 24.0], abs=0.05)
    assert giga["rnn"] == pytest.approx([0, 22.1], abs=0.05)
    assert giga["hybrid_cnn_snn"][1] == giga["snn"][1]
    assert giga["hybrid_cnn_rnn"][1] == giga["rnn"][1]


@torch.inference_mode()
def test_cnn_equals_the_fixture():
    model, reference = published("cnn"), np.load(FIXTURE / "cnn.npz")
    assert_equals_fixture(model.keyframe(keyframe_input(3)), reference, 3)


@torch.inference_mode()
def test_snn_equals_the_fixture_spike_by_spike():
    model, reference = published("snn"), np.load(FIXTURE / "snn.npz")
    model.reset(1)
    for step, counts in enumerate(torch.from_numpy(gen.snn_input("snn"))[:STEPS]):
        assert_equals_fixture(model.step(counts[None]), reference, step)
        assert [int(s.sum()) for s in model.spikes] == reference["spikes"][step].tolist()
        assert [s[0].numel() for s in model.spikes] == reference["neurons"].tolist()
        if step == 0:
            assert_samples(model.states, reference["v_sample_first_last"][0])


@torch.inference_mode()
def test_hybrid_cnn_snn_equals_the_fixture_spike_by_spike():
    model, reference = published("hybrid_cnn_snn"), np.load(FIXTURE / "hybrid_cnn_snn.npz")
    heatmaps = model.keyframe(keyframe_input(0))
    assert np.abs(heatmaps[0, :, ::8, ::8].numpy() - reference["cnn_out"]).max() <= TOLERANCE
    assert_samples(model.states, reference["vinit_sample"])
    for step, counts in enumerate(torch.from_numpy(gen.snn_input("hybrid_cnn_snn"))[:STEPS]):
        assert_equals_fixture(model.step(counts[None]), reference, step)
        assert [int(s.sum()) for s in model.spikes] == reference["spikes"][step].tolist()


@torch.inference_mode()
def test_rnn_equals_the_fixture():
    model, reference = published("rnn"), np.load(FIXTURE / "rnn.npz")
    model.reset(1)
    for step, counts in enumerate(torch.from_numpy(gen.snn_input("rnn"))[:STEPS]):
        assert_equals_fixture(model.step(counts[None]), reference, step)


def assert_samples(states, reference):
    ours = [s.flatten()[gen.sample_index(s.numel())].numpy() for s in states]
    assert np.abs(np.stack(ours) - reference).max() <= TOLERANCE


SMALL = PaperConfig(input_size=32)


def lively(model):
    """Random running statistics, so that a forgotten batch norm would show."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, 0.0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model.eval()


@torch.inference_mode()
def test_the_fifth_network_is_its_parts_put_together():
    torch.manual_seed(0)
    hybrid = lively(PaperHybridRnn(SMALL))
    state = hybrid.state_dict()
    cnn, rnn = PaperCnn(SMALL).eval(), PaperRnn(SMALL).eval()
    cnn.load_state_dict({k: state[f"{k.split('.')[0]}_cnn.{k.split('.', 1)[1]}"] for k in
                         cnn.state_dict()})  # fmt: skip
    rnn.load_state_dict({k: v for k, v in state.items() if k.startswith("unetrecurrent")})
    x, bins = torch.poisson(torch.ones(2, 20, 32, 32)), torch.poisson(torch.ones(3, 2, 2, 32, 32))
    expected = cnn.keyframe(x)
    assert torch.equal(hybrid.keyframe(x), expected)
    rnn.reset(2)
    rnn.set_states(hybrid.states)
    hidden, cells = hybrid.states[::2], hybrid.states[1::2]
    assert all(cell.abs().max() == 0 for cell in cells) and all(h.abs().max() > 0 for h in hidden)
    down1 = hybrid.features(x)[1].downs[0]
    assert torch.equal(hidden[0], hybrid.states_1(down1))
    for counts in bins:
        expected = 0.8 * expected + rnn.step(counts)
        assert torch.allclose(hybrid.step(counts), expected, atol=1e-6)


@torch.inference_mode()
def test_the_first_step_of_a_hybrid_already_decays_the_keyframe():
    model = PaperHybridSnn(SMALL).eval()
    model.temporalflat_snn.conv2d.weight.zero_()
    key = model.keyframe(torch.ones(1, 20, 32, 32))
    assert torch.allclose(model.step(torch.zeros(1, 2, 32, 32)), 0.8 * key)


@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_rollouts_states_and_resets(kind):
    torch.manual_seed(1)
    model = lively(build(f"paper/{kind}", {"input_size": 32, "cnn_step": "rerun"}))
    key, bins = torch.rand(2, 20, 32, 32), torch.poisson(torch.full((3, 2, 2, 32, 32), 0.5))
    model.reset(2)
    model.keyframe(key)
    start, output = [s.clone() for s in model.states], model.output.clone()
    assert [tuple(s.shape[1:]) for s in start] == model.state_shapes()
    steps = torch.stack([model.step(x) for x in bins])
    model.set_states(start)
    model.output = output
    assert torch.equal(model.rollout(bins), steps)
    model.reset(1)
    assert model.output.abs().max() == 0 and all(s.abs().max() == 0 for s in model.states)


@torch.inference_mode()
def test_a_cnn_holds_its_heatmaps_or_runs_again_on_the_last_bins():
    held = PaperCnn(SMALL).eval()
    again = PaperCnn(PaperConfig(input_size=32, cnn_step="rerun")).eval()
    again.load_state_dict(held.state_dict())
    window = torch.poisson(torch.ones(1, 20, 32, 32))
    key = held.keyframe(window)
    again.keyframe(window)
    counts = torch.poisson(torch.ones(1, 2, 32, 32))
    assert torch.equal(held.step(counts), key)
    moved = torch.cat([window[:, 1:10], counts[:, :1], window[:, 11:], counts[:, 1:]], 1)
    assert torch.equal(again.step(counts), held.keyframe(moved))


@pytest.mark.parametrize("network", [PaperHybridSnn, PaperHybridRnn])
@torch.inference_mode()
def test_folding_the_initialisers_changes_nothing_but_the_work(network):
    model, x = lively(network(SMALL)), torch.poisson(torch.ones(1, 20, 32, 32))
    light = folded(model)
    assert torch.allclose(light.keyframe(x), model.keyframe(x), atol=1e-5)
    for ours, reference in zip(light.states, model.states, strict=True):
        assert torch.allclose(ours, reference, atol=1e-5)
    assert isinstance(light.states_1.norm_layer2, torch.nn.Identity)


def test_bad_input_is_named():
    model: PoseNetwork = PaperHybridSnn(SMALL)
    key, counts = torch.zeros(1, 20, 32, 32), torch.zeros(1, 2, 32, 32)
    with pytest.raises(ValueError, match=r"hybrid_cnn_snn needs a keyframe or a reset"):
        model.step(counts)
    with pytest.raises(ValueError, match=r"expected \(B, 20, 32, 32\), got \(1, 2, 32, 32\)"):
        model.keyframe(counts)
    with pytest.raises(ValueError, match=r"expected \(T, B, 2, 32, 32\), got \(1, 2, 32, 32\)"):
        model.rollout(counts)
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="counts must be finite and >= 0"):
            model.keyframe(torch.full_like(key, bad))
    model.keyframe(key)
    with pytest.raises(ValueError, match="batch size 1, the bins of 2"):
        model.step(counts.repeat(2, 1, 1, 1))
    with pytest.raises(ValueError, match=r"expected 9 states, got 1"):
        model.set_states(model.states[:1])
    with pytest.raises(ValueError, match=r"state 0: expected \(1, 32, 32, 32\), got \(1, 64, 16"):
        model.set_states(model.states[1:] + model.states[:1])
    with pytest.raises(ValueError, match="batch size must be >= 1, got 0"):
        model.reset(0)
    with pytest.raises(ValueError, match="multiple of 32, got 250"):
        PaperConfig(input_size=250)
    with pytest.raises(ValueError, match=r"network: unknown settings .width."):
        PaperConfig.from_dict({"width": 3})
