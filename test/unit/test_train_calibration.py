"""Calibration: known over-confidence is found and undone."""

import json

import numpy as np
import pytest
import torch

from hybrid_pose_ros.models.checkpoint import read_notes, save_checkpoint
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.train.calibration import (
    Collected,
    apply,
    apply_temperature,
    as_markdown,
    calibrate,
    fit,
    fit_still,
    to_note,
)
from hybrid_pose_ros.train.losses import local_soft_argmax
from hybrid_pose_ros.train.objective import run_network
from hybrid_pose_ros.train.samples import Batch

SIZE = 32


def blobs(cells, sigma):
    """Logits (n, 13, S, S) of normal distributions around cells (n, 13, 2)."""
    grid = np.arange(SIZE)
    square = (grid - cells[..., 1, None])[..., None] ** 2 + ((grid - cells[..., 0, None]) ** 2)[
        ..., None, :
    ]
    return (-square / (2 * sigma**2)).astype(np.float32)


def truth_and_guess(rng, n, sigma):
    """True cells and where a network says that they are: normal errors of `sigma` cells."""
    truth = rng.uniform(10, 21, (n, 13, 2))
    return truth, truth + rng.normal(0, sigma, truth.shape)


@pytest.mark.parametrize("hot", [0.5, 2.0])
def test_the_temperature_that_spoilt_the_logits_is_found(hot):
    rng = np.random.default_rng(0)
    truth, guess = truth_and_guess(rng, 300, 2.5)
    fitted = fit(Collected(blobs(guess, 2.5) / np.float32(hot), truth), "lite")
    assert fitted.temperature == pytest.approx(1 / hot, rel=0.25)
    for row in fitted.table:
        if row.count > 500:
            assert row.inside == pytest.approx(row.confidence, abs=0.06)


@pytest.mark.parametrize("factor", [0.5, 1.0])
def test_covariances_are_scaled_until_the_ellipses_hold(factor):
    rng = np.random.default_rng(1)
    truth, guess = truth_and_guess(rng, 200, 1.0 * factor)
    fitted = fit(Collected(np.exp(blobs(guess, 2.0)), truth), "paper")
    assert fitted.temperature == 1.0
    double = fit(Collected(np.exp(blobs(guess + (guess - truth), 2.0)), truth), "paper")
    once, twice = (mean_factor(f.covariance_scale) for f in (fitted, double))
    assert twice == pytest.approx(4 * once, rel=0.1)


def mean_factor(scale):
    return float(scale.at(np.linspace(0.9, 1.0, 50)).mean())


def test_a_normal_error_gets_a_scale_of_one_and_full_ellipses():
    rng = np.random.default_rng(2)
    truth, guess = truth_and_guess(rng, 300, 0.8)
    fitted = fit(Collected(blobs(guess, 0.8), truth), "lite")
    factor = mean_factor(fitted.covariance_scale)
    assert factor * fitted.temperature == pytest.approx(1.0, rel=0.15)
    counts = np.array([row.count for row in fitted.table])
    half = np.array([row.in_half for row in fitted.table]) @ counts / counts.sum()
    ninety = np.array([row.in_ninety for row in fitted.table]) @ counts / counts.sum()
    assert half == pytest.approx(0.5, abs=0.03) and ninety == pytest.approx(0.9, abs=0.03)


def test_unknown_joints_do_not_count():
    rng = np.random.default_rng(3)
    truth, guess = truth_and_guess(rng, 50, 1.0)
    maps = blobs(guess, 1.0)
    cells = np.where(np.arange(13)[:, None] == 4, np.nan, truth)
    plain = fit(Collected(maps, cells), "lite")
    assert sum(row.count for row in plain.table) == 50 * 12


@pytest.mark.parametrize("behind", [0.0, 0.6, 1.3])
def test_how_far_heatmaps_are_behind_is_found_and_makes_the_ellipses_hold(behind):
    rng = np.random.default_rng(5)
    truth, guess = truth_and_guess(rng, 200, 0.8)
    velocities = rng.normal(0, 0.7, truth.shape)
    late = Collected(blobs(guess - behind * velocities, 0.8), truth, velocities)
    fitted = fit(late, "lite")
    assert fitted.lead == pytest.approx(behind, abs=0.1)
    assert mean_factor(fitted.covariance_scale) * fitted.temperature < 1.3
    if behind:
        ignored = fit(late._replace(velocities=None), "lite")
        assert ignored.lead == 0.0
        assert mean_factor(ignored.covariance_scale) > mean_factor(fitted.covariance_scale)


def test_what_was_fitted_is_put_into_the_network():
    small = {"input_size": 32, "cnn_widths": (4, 4, 8, 8), "snn_widths": (8, 8, 8), "motion": True}
    torch.manual_seed(1)
    model = build("lite/snn", small)
    rng = np.random.default_rng(6)
    truth, guess = truth_and_guess(rng, 100, 1.0)
    velocities = rng.normal(0, 1, truth.shape)
    fitted = fit(Collected(blobs(guess - velocities, 1.0) / 2, truth, velocities), "lite")
    before = model.snn.head.weight.detach().clone()
    apply(model, fitted)
    assert model.config.lead == fitted.lead > 0.5
    assert model.covariance_scale == fitted.covariance_scale
    assert fitted.temperature != 1.0
    torch.testing.assert_close(model.snn.head.weight[:13], before[:13] / fitted.temperature)
    np.testing.assert_allclose(
        model.ahead(np.ones((26, 1, 1), np.float32)), np.full((13, 2), fitted.lead), rtol=1e-6
    )
    assert model.ahead(np.ones((3, 13, 2))).shape == (3, 13, 2)
    assert model.ahead(None) is None and build("lite/snn", small).ahead(np.ones((13, 2))) is None


def carrying_network_and_batch(added):
    """A hybrid and what it would say if it kept more of its own pose by `added`."""
    small = {"input_size": 64, "cnn_widths": (4, 4, 8, 8), "snn_widths": (8, 8, 8)}
    torch.manual_seed(3)
    model = build("lite/hybrid_cnn_snn", small | {"motion": True, "carry": True}).eval()
    batch = Batch(
        keyframes=torch.poisson(torch.full((2, 3, 20, 64, 64), 0.4)),
        bins=torch.poisson(torch.full((9, 3, 2, 64, 64), 0.4)),
        cells=torch.full((10, 3, 13, 2), torch.nan),
        at=torch.tensor([0, 4]),
        present=torch.ones(3, dtype=torch.bool),
    )
    with torch.no_grad():
        model.carry.still += added
        heatmaps = run_network(model, batch).heatmaps
        model.carry.still -= added
    batch.cells[1:] = local_soft_argmax(heatmaps)
    return model, batch


@pytest.mark.parametrize("added", [-1.0, 0.0, 2.0])
def test_how_much_a_hybrid_should_keep_of_a_joint_at_rest_is_found(added):
    model, batch = carrying_network_and_batch(added)
    trained = model.carry.still.detach().clone()
    assert fit_still(model, [batch]) == pytest.approx(added)
    torch.testing.assert_close(model.carry.still.detach(), trained + added)
    assert calibrate(model, [batch], "lite").still == 0.0  # nothing is left to find


def test_without_a_later_keyframe_or_a_known_joint_nothing_is_kept_more():
    model, batch = carrying_network_and_batch(2.0)
    assert fit_still(model, [batch._replace(at=torch.tensor([0]))]) == 0.0
    assert fit_still(model, [batch._replace(cells=torch.full_like(batch.cells, torch.nan))]) == 0.0
    alone = build("lite/cnn", {"input_size": 32, "cnn_widths": (4, 4, 8, 8)})
    assert fit_still(alone, []) == 0.0


@pytest.mark.parametrize("kind", ["cnn", "snn", "rnn", "hybrid_cnn_snn", "hybrid_cnn_rnn"])
def test_a_temperature_in_the_weights_divides_the_logits(kind):
    small = {"input_size": 32, "cnn_widths": (4, 4, 8, 8), "snn_widths": (8, 8, 8)}
    torch.manual_seed(0)
    model = build(f"lite/{kind}", small).eval()
    keyframe = torch.poisson(torch.ones(1, 20, 32, 32))
    bins = torch.poisson(3 * torch.ones(4, 1, 2, 32, 32))

    def answer():
        model.reset(1)
        first = model.keyframe(keyframe)
        return torch.stack([first, *model.rollout(bins)])

    with torch.no_grad():
        before = answer()
        apply_temperature(model, 2.5)
        assert before.abs().max() > 0
        assert torch.allclose(answer(), before / 2.5, atol=1e-6)


def test_the_temperature_leaves_velocities_and_where_a_joint_is_looked_for():
    options = {"input_size": 32, "cnn_widths": (8, 8, 8, 8), "motion": True}
    torch.manual_seed(2)
    model = build("lite/hybrid_cnn_snn", options).eval()
    model.first_motion.weight.data.normal_()
    keyframe = torch.poisson(torch.full((1, 20, 32, 32), 0.4))
    bins = torch.poisson(torch.full((4, 1, 2, 32, 32), 0.4))
    with torch.no_grad():
        answers = []
        for _ in range(2):
            model.keyframe(keyframe)
            answers.append((model.rollout(bins), model.velocities))
            apply_temperature(model, 2.5)
    (before, speed), (after, same_speed) = answers
    assert speed.abs().max() > 0.01
    torch.testing.assert_close(same_speed, speed, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(after, before / 2.5, atol=1e-4, rtol=1e-3)


def test_the_calibration_travels_with_the_weights(tmp_path):
    rng = np.random.default_rng(4)
    truth, guess = truth_and_guess(rng, 30, 1.0)
    fitted = fit(Collected(blobs(guess, 1.0), truth), "lite")
    model = build("lite/cnn", LiteConfig(input_size=32, cnn_widths=(4, 4, 8, 8)).asdict())
    save_checkpoint(model, tmp_path / "a.safetensors", to_note(fitted))
    note = json.loads(read_notes(tmp_path / "a.safetensors")["calibration"])
    assert note["temperature"] == fitted.temperature
    assert note["covariance_scale"]["factor"] == [*fitted.covariance_scale.factor]
    assert len(note["table"]) == len(fitted.table)
    table = as_markdown(fitted)
    assert f"{fitted.covariance_scale.factor[0]:.2f} at " in table
    assert len(table.splitlines()) == 4 + len(fitted.table)
