"""Axonal delays: the first layer sees bins again that came some bins ago."""

import pytest
import torch

from hybrid_pose_ros.errors import WeightsError
from hybrid_pose_ros.models.checkpoint import save_checkpoint
from hybrid_pose_ros.models.lite.config import MAX_DELAY, LiteConfig
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.train.parts import go_on_from

SMALL = {"input_size": 32, "cnn_widths": (8, 8, 8, 8), "snn_widths": (8, 8, 8)}
DELAYS = (0, 2, 5)


def make(name="lite/snn", **settings):
    torch.manual_seed(3)
    model = build(name, SMALL | settings).eval()
    part = model.part
    for block in part.BLOCKS:
        getattr(part, block).conv.weight.data *= 8  # neurons fire
    return model


def events(*lead, channels=2):
    return torch.poisson(torch.full((*lead, channels, 32, 32), 0.3))


@torch.inference_mode()
def test_a_delay_shifts_what_is_seen():
    """With weights of one delay alone, the answer to shifted bins of a network without delays."""
    late, plain = make(delays=DELAYS), make()
    for number, delay in enumerate(DELAYS):
        late.load_state_dict(
            plain.state_dict() | {"snn.s0.conv.weight": late.snn.s0.conv.weight}, strict=True
        )
        late.snn.s0.conv.weight.zero_()
        own = slice(2 * number, 2 * number + 2)
        late.snn.s0.conv.weight[:, own] = plain.snn.s0.conv.weight
        x = events(12, 2)
        late.reset(2)
        plain.reset(2)
        shifted = torch.cat([torch.zeros(delay, *x.shape[1:]), x])[: len(x)]
        expected, found = plain.rollout(shifted), late.rollout(x)
        assert plain.spikes[0].any()
        torch.testing.assert_close(found, expected)
        assert torch.equal(late.seen[:, own], shifted[-1])


@torch.inference_mode()
def test_steps_give_what_a_rollout_gives():
    model, x = make(delays=DELAYS), events(9, 2)
    model.reset(2)
    together = model.rollout(x)
    model.reset(2)
    torch.testing.assert_close(torch.stack([model.step(bins) for bins in x]), together)
    model.reset(2)
    parts = [model.rollout(x[:3]), model.rollout(x[3:4]), model.rollout(x[4:])]
    torch.testing.assert_close(torch.cat(parts), together)


@pytest.mark.parametrize("carry", [False, True])
@torch.inference_mode()
def test_a_correction_keeps_the_last_bins_and_a_keyframe_forgets_them(carry):
    model = make("lite/hybrid_cnn_snn", delays=DELAYS, motion=carry, carry=carry)
    keyframe, x = events(2, channels=20), events(8, 2)
    answers = []
    for again, shown in (("correct", None), ("keyframe", None), ("keyframe", x[:6])):
        model.keyframe(keyframe)
        model.rollout(x[:6])
        getattr(model, again)(keyframe)
        if shown is not None:
            model.see(shown)
        model.rollout(x[6:])
        answers.append(model.seen)
    corrected, forgotten, shown = answers
    assert torch.equal(corrected, shown)
    assert torch.equal(corrected[:, 4:], x[2])  # five bins before the last one
    assert not forgotten[:, 4:].any() and torch.equal(forgotten[:, :2], x[7])


@torch.inference_mode()
def test_bins_that_were_not_seen_count_as_empty():
    model, x = make(delays=DELAYS), events(4, 1)
    model.reset(1)
    model.see(x[:3])
    model.step(x[3])
    assert torch.equal(model.seen, torch.cat([x[3], x[1], torch.zeros_like(x[3])], 1))


@torch.inference_mode()
def test_weights_without_delays_go_on_unchanged(tmp_path):
    before, path = make("lite/hybrid_cnn_snn"), tmp_path / "before.safetensors"
    save_checkpoint(before, path)
    after = make("lite/hybrid_cnn_snn", delays=DELAYS)
    assert go_on_from(after, path) == [f"delays (0,) (now {DELAYS})"]
    keyframe, x = events(1, channels=20), events(9, 1)
    answers = []
    for model in (before, after):
        model.keyframe(keyframe)
        answers.append(model.rollout(x))
    torch.testing.assert_close(*answers)
    save_checkpoint(after, path)
    with pytest.raises(WeightsError, match=r"have delays \[0, 2, 5\], the network \[0\]"):
        go_on_from(before, path)


@torch.inference_mode()
def test_weights_keep_their_delays(tmp_path):
    before, path = make(delays=(0, 5)), tmp_path / "before.safetensors"
    save_checkpoint(before, path)
    after, x = make(delays=DELAYS), events(9, 1)
    go_on_from(after, path)
    answers = []
    for model in (before, after):
        model.reset(1)
        answers.append(model.rollout(x))
    assert before.snn.s0.conv.weight[:, 2:].any()
    torch.testing.assert_close(*answers)
    with pytest.raises(WeightsError, match=r"have delays \[0, 5\], the network \[0, 2\]"):
        go_on_from(make(delays=(0, 2)), path)


@pytest.mark.parametrize("delays", [(), (1,), (0, 0), (0, 3, 2), (0, MAX_DELAY + 1), (-1, 0)])
def test_delays_rise_from_the_present(delays):
    with pytest.raises(ValueError, match="delays must rise from 0"):
        LiteConfig(delays=delays)
