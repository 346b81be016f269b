"""Heatmaps that move with their joints: closed forms; the kernels against PyTorch's operations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid_pose_ros.models.lite.motion import (
    advance,
    advance_plainly,
    believed,
    joint_velocity,
    moved,
)
from hybrid_pose_ros.models.lite.motion_kernels import MAX_CELLS, REST
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.train.losses import velocity_loss

SIDE = 24


def parabola(u, v, curvature=0.3):
    """(1, 1, SIDE, SIDE) logits of a Gaussian around column u, row v."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype("f4")
    return torch.from_numpy(-curvature * ((columns - u) ** 2 + (rows - v) ** 2))[None, None]


def mean_place(heatmaps):
    """Columns and rows (2,) of a map's softmax."""
    grid = torch.arange(SIDE, dtype=torch.float32)
    where = torch.softmax(heatmaps.flatten(), 0).view(SIDE, SIDE)
    return torch.stack([(where.sum(0) * grid).sum(), (where.sum(1) * grid).sum()])


def sequence(rng, steps=4, batch=2, joints=3):
    """Random arguments of `advance`."""
    changes = torch.from_numpy(rng.normal(0, 0.8, (steps, batch, 3 * joints, SIDE, SIDE)))
    output = torch.from_numpy(rng.normal(0, 3, (batch, joints, SIDE, SIDE)))
    velocity = torch.from_numpy(rng.normal(0, 1, (batch, joints, 2)))
    keep = torch.from_numpy(rng.uniform(0.1, 0.9, joints))
    noise = torch.from_numpy(np.exp(rng.uniform(-6, 0, joints)))
    return [changes, output, velocity, torch.tensor(0.93, dtype=torch.float64), keep, noise]


def test_a_joint_moves_with_its_velocity():
    # Nothing is added and the velocity stays: after n bins the joint is n velocities further.
    velocity = torch.tensor([[[0.37, -0.61]]])
    out, _ = advance(
        torch.zeros(10, 1, 3, SIDE, SIDE), parabola(9.0, 14.0), velocity, torch.tensor(1.0),
        torch.tensor([1.0]), torch.tensor([1e-9]),
    )  # fmt: skip
    for n in (1, 5, 10):
        place = mean_place(out[n - 1])
        torch.testing.assert_close(
            place, torch.tensor([9.0 + n * 0.37, 14.0 - n * 0.61]), atol=0.02, rtol=0
        )


def test_a_motion_map_counts_where_the_joint_is():
    motion = torch.zeros(1, 2, SIDE, SIDE)
    motion[0, 0, :, :12] = 0.5  # columns: to the right in the left half
    motion[0, 1, :, 12:] = -0.25  # rows: upwards in the right half
    left = joint_velocity(parabola(4.0, 10.0, 5.0), motion)
    right = joint_velocity(parabola(20.0, 10.0, 5.0), motion)
    torch.testing.assert_close(left, torch.tensor([[[0.5, 0.0]]]))
    torch.testing.assert_close(right, torch.tensor([[[0.0, -0.25]]]))


def test_whole_cells_are_exact_and_borders_repeat():
    maps = torch.arange(16.0).view(1, 1, 4, 4)
    out = moved(maps, torch.tensor([[[1.0, 0.0]]]))
    torch.testing.assert_close(out[0, 0, 0], torch.tensor([0.0, 0.0, 1.0, 2.0]))


def test_a_velocity_is_believed_by_what_it_has_over_the_noise():
    # At rest a tenth, at the noise's own size (1 + 0.1) / 2, far above it all; direction as it was.
    velocity = torch.tensor([[1e-5, 0.0], [0.12, -0.16], [300.0, -400.0]], dtype=torch.float64)
    expected = torch.tensor([REST, (1 + REST) / 2, 1.0], dtype=torch.float64)[:, None] * velocity
    got = believed(velocity, torch.full((3,), 0.2, dtype=torch.float64))
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=0)
    assert torch.equal(believed(velocity, torch.zeros(3)), velocity)


def test_a_motion_that_says_nothing_yet_can_be_learnt():
    changes = torch.zeros(2, 1, 3, SIDE, SIDE, requires_grad=True)
    out, _ = advance(
        changes, parabola(9.0, 14.0), torch.zeros(1, 1, 2), torch.tensor(0.9),
        torch.tensor([0.5]), torch.tensor([0.02]),
    )  # fmt: skip
    (out[-1] * torch.linspace(0, 1, SIDE)).sum().backward()
    assert changes.grad[0, 0, 1].abs().max() > 0 and torch.isfinite(changes.grad).all()


def test_velocity_is_limited():
    changes = torch.full((1, 1, 3, SIDE, SIDE), 50.0)
    _, velocity = advance(
        changes, torch.zeros(1, 1, SIDE, SIDE), torch.zeros(1, 1, 2), torch.tensor(0.9),
        torch.tensor([0.5]), torch.tensor([0.01]),
    )  # fmt: skip
    assert velocity.flatten().tolist() == [MAX_CELLS, MAX_CELLS]


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**16), sharpness=st.sampled_from([0.5, 1.0, 2.0]))
def test_kernels_equal_the_plain_operations_forwards_and_backwards(seed, sharpness):
    rng = np.random.default_rng(seed)
    given_ = sequence(rng)
    weights = None
    results = []
    for function, dtype in ((advance, torch.float32), (advance_plainly, torch.float64)):
        arguments = [value.to(dtype).requires_grad_(True) for value in given_]
        outputs = function(*arguments, sharpness)
        if weights is None:
            weights = [torch.from_numpy(rng.normal(size=tuple(out.shape))) for out in outputs]
        sum((out * w).sum() for out, w in zip(outputs, weights, strict=True)).backward()
        results.append([*outputs, *(argument.grad for argument in arguments)])
    for ours, plain in zip(*results, strict=True):
        # The gradient of `decay` is a sum of 14 thousand terms of either sign.
        scale = float(plain.detach().abs().max()) + (100.0 if plain.ndim == 0 else 1.0)
        torch.testing.assert_close(ours.double() / scale, plain / scale, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", ["snn", "rnn", "hybrid_cnn_snn", "hybrid_cnn_rnn"])
def test_a_rollout_equals_steps_from_kept_states(kind):
    options = {"motion": True, "input_size": 32, "cnn_widths": (8, 8, 8, 8)}
    network = build(f"lite/{kind}", options).eval()
    torch.manual_seed(3)
    for parameter in network.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    bins = torch.poisson(torch.full((5, 2, 2, 32, 32), 0.3))
    with torch.no_grad():
        network.reset(2)
        network.keyframe(torch.poisson(torch.full((2, 20, 32, 32), 0.3)))
        states, output = [s.clone() for s in network.states], network.output
        whole = network.rollout(bins)
        assert network.velocities.abs().max() > 0
        network.set_states(states)
        network.output = output
        for counts, expected in zip(bins, whole, strict=True):
            got = network.step(counts)
            kept = [s.clone() for s in network.states]
            network.set_states(kept)
            torch.testing.assert_close(got, expected)
    assert [tuple(s.shape[1:]) for s in kept] == network.state_shapes()


def test_velocity_loss_counts_what_is_inside_and_there():
    cells = torch.zeros(2, 2, 2, 2) + 5.0
    cells[1, 0, 0, 0] = 6.0  # one cell to the right
    cells[1, 0, 1, 0] = 70.0  # leaves the map
    present = torch.tensor([True, False])
    right = torch.zeros(1, 2, 2, 2)
    right[0, 0, 0, 0] = 1.0
    assert float(velocity_loss(right, cells, present, 64)) == 0.0
    # Smooth L1 with beta 0.1: |1| - 0.05 in one of two coordinates.
    still = float(velocity_loss(torch.zeros(1, 2, 2, 2), cells, present, 64))
    assert still == pytest.approx(0.95 / 2)
    assert float(velocity_loss(right, cells, torch.tensor([False, False]), 64)) == 0.0


@pytest.mark.parametrize("where", ["changes", "heatmaps", "velocity"])
def test_a_nan_stays_with_its_joint_and_ends_nothing(where):
    arguments = [value.float() for value in sequence(np.random.default_rng(1), batch=1)]
    clean, _ = advance(*arguments)
    spoilt = [value.clone() for value in arguments]
    index = {"changes": (0, 0, 1), "heatmaps": (0, 1), "velocity": (0, 1)}[where]
    place = ["changes", "heatmaps", "velocity"].index(where)
    spoilt[place][index] = float("nan")
    spoilt[0].requires_grad_(True)
    heatmaps, velocities = advance(*spoilt)
    heatmaps.sum().backward()
    assert torch.isnan(heatmaps[:, 0, 1]).any()
    torch.testing.assert_close(heatmaps[:, 0, [0, 2]], clean[:, 0, [0, 2]])
    assert torch.isfinite(velocities[:, 0, [0, 2]]).all()
