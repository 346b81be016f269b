"""Keyframes that are joined with what a network knows: closed forms, and who keeps what."""

import dataclasses
import math

import pytest
import torch

from hybrid_pose_ros.models.lite.carry import SLOW, Carry
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.hybrid_cnn_rnn import LiteHybridRnn
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid

SMALL = LiteConfig(
    input_size=32, cnn_widths=(8, 8, 8, 8), snn_widths=(8, 8, 8), rnn_widths=(4, 4, 4),
    motion=True, carry=True,
)  # fmt: skip


def make(kind=LiteHybrid, config=SMALL):
    torch.manual_seed(3)
    return kind(config).eval()


def events(*lead, channels):
    torch.manual_seed(4)
    return torch.poisson(torch.ones(*lead, channels, 32, 32))


def test_two_equal_opinions_keep_the_place_and_are_surer():
    carry = Carry(joints=1)
    with torch.no_grad():
        carry.share_logit.fill_(0.0)  # one half
        carry.still.fill_(0.0)
        carry.velocity_logit.fill_(torch.logit(torch.tensor(0.8)).item())
    line = torch.arange(9.0)
    opinion = (-((line - 4.0) ** 2)).expand(1, 1, 9, 9)
    other = (-((line - 6.0) ** 2)).expand(1, 1, 9, 9)
    zero, fast = torch.zeros(1, 2, 1, 1), torch.tensor([0.5, -1.0]).view(1, 2, 1, 1)
    same, velocity = carry(opinion, zero, opinion, fast)
    assert torch.equal(same, 1.5 * opinion)
    torch.testing.assert_close(velocity, 0.8 * fast)
    # Parabolas of curvatures 1 and 1/2 add to one whose peak is the weighted mean, 4 2/3.
    joined = carry(opinion, zero, other, zero)[0][0, 0, 0]
    expected = -1.5 * (line - 14 / 3) ** 2
    torch.testing.assert_close(joined - joined[0], expected - expected[0])


@pytest.mark.parametrize("kind", [LiteHybrid, LiteHybridRnn])
def test_after_a_reset_a_correction_is_a_keyframe(kind):
    model, x = make(kind), events(2, channels=20)
    with torch.no_grad():
        alone = model.keyframe(x).clone()
        states = [state.clone() for state in model.states]
        model.reset(2)
        assert torch.equal(model.correct(x), alone)
    assert all(torch.equal(a, b) for a, b in zip(model.states, states, strict=True))


@pytest.mark.parametrize("kind", [LiteHybrid, LiteHybridRnn])
def test_a_correction_adds_a_share_of_output_and_velocity_and_nothing_else(kind):
    model, x = make(kind), events(2, channels=20)
    with torch.no_grad():
        model.carry.share_logit.fill_(-math.log(3))  # a quarter
        model.carry.still.fill_(0.0)
        model.keyframe(x)
        before = model.rollout(50 * events(5, 2, channels=2))[-1].clone()
        velocity = model.states[-1].clone()
        assert velocity.abs().max() > 0
        model.correct(x)
        output, states = model.output.clone(), [state.clone() for state in model.states]
        alone = model.keyframe(x)
    torch.testing.assert_close(output, alone + 0.25 * before)
    torch.testing.assert_close(states[-1], model.states[-1] + 0.8 * velocity)
    for joined, fresh in zip(states[:-1], model.states[:-1], strict=True):
        assert torch.equal(joined, fresh)


def test_more_is_kept_of_a_joint_that_hardly_moves():
    carry = Carry(joints=3)
    with torch.no_grad():
        carry.share_logit.fill_(-2.0)
        carry.still.fill_(3.0)
    # At rest; where half of `still` counts, in any direction; and far too fast.
    half = SLOW * math.log(2)
    velocity = torch.tensor([[0.0, 0.0], [0.6 * half, -0.8 * half], [0.0, 50 * SLOW]])
    expected = torch.sigmoid(torch.tensor([[1.0, -0.5, -2.0]]))
    torch.testing.assert_close(carry.share(velocity.view(1, 6, 1, 1)), expected, atol=1e-3, rtol=0)


def test_a_joint_at_rest_has_finite_gradients():
    carry = Carry(joints=2)
    velocity = torch.zeros(1, 4, 1, 1, requires_grad=True)
    carry.share(velocity).sum().backward()
    assert velocity.grad is not None and torch.isfinite(velocity.grad).all()


def test_a_network_without_carry_forgets():
    model = make(config=dataclasses.replace(SMALL, carry=False))
    x = events(1, channels=20)
    with torch.no_grad():
        alone = model.keyframe(x).clone()
        model.rollout(events(3, 1, channels=2))
        assert torch.equal(model.correct(x), alone)
    assert not model.carries and not hasattr(model, "carry")


def test_a_correction_needs_something_to_correct_of_the_same_batch():
    model = make()
    with pytest.raises(ValueError, match="needs a keyframe or a reset before it"):
        model.correct(events(1, channels=20))
    model.reset(2)
    with pytest.raises(ValueError, match="batch size 2, the bins of 1"):
        model.correct(events(1, channels=20))


def test_carry_needs_motion():
    with pytest.raises(ValueError, match="carry needs motion"):
        LiteConfig(carry=True)


def test_both_shares_learn():
    model = make().train()
    model.keyframe(events(2, channels=20))
    model.rollout(50 * events(3, 2, channels=2))
    model.correct(events(2, channels=20))
    model.rollout(events(3, 2, channels=2)).square().sum().backward()
    for logit in model.carry.parameters():
        assert logit.grad is not None and logit.grad.abs().min() > 0
