"""The covariance scale: fitted ellipses hold what they say, travel with weights, reach poses."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_pose_ros.errors import WeightsError
from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.models.checkpoint import load_checkpoint, save_checkpoint
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.pose.covariance_scale import (
    CHI2,
    UNSCALED,
    CovarianceScale,
    fit_covariance_scale,
)
from hybrid_pose_ros.pose.heatmap import decode_heatmaps

SMALL = {"input_size": 32, "cnn_widths": (4, 4, 8, 8), "snn_widths": (8, 8, 8)}
SCALE = CovarianceScale((0.5, 0.9), (4.0, 0.5))


def test_a_factor_that_depends_on_confidence_is_found():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1.0, 60_000)
    true = 0.2 + 8 * (1 - confidence) ** 2
    distance = true * rng.chisquare(2, confidence.size)
    scale = fit_covariance_scale(distance, confidence)
    for low, high in ((0.3, 0.5), (0.5, 0.7), (0.8, 0.9), (0.95, 0.98), (0.98, 1.0)):
        chosen = (confidence >= low) & (confidence < high)
        held = distance[chosen] / scale.at(confidence[chosen]) <= CHI2
        assert held.mean() == pytest.approx(0.95, abs=0.02)


@given(st.integers(0, 400), st.integers(0, 2**32 - 1))
def test_any_sample_gives_positive_factors_that_fall_with_confidence(count, seed):
    rng = np.random.default_rng(seed)
    scale = fit_covariance_scale(rng.exponential(3, count), rng.uniform(size=count) ** 0.2)
    factors = scale.at(np.linspace(0, 1, 101))
    assert (factors > 0).all() and (np.diff(factors) <= 1e-6).all()
    if count < 60:
        assert scale == UNSCALED


def test_between_the_knots_it_is_linear_and_beyond_constant():
    found = SCALE.at(np.array([0.0, 0.5, 0.7, 0.9, 1.0]))
    assert found == pytest.approx([4.0, 4.0, 2.25, 0.5, 0.5])


@pytest.mark.parametrize(
    "wrong", [((), ()), ((0.5,), (1.0, 2.0)), ((0.5, 0.5), (1.0, 1.0)), ((0.5,), (0.0,))]
)
def test_knots_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="got CovarianceScale"):
        CovarianceScale(*wrong)


@pytest.mark.parametrize("preset", ["lite", "paper"])
def test_decoding_scales_covariances_and_nothing_else(preset):
    maps = np.random.default_rng(1).uniform(0, 1, (13, 16, 16)).astype(np.float32) ** 4
    crop = Crop(0, 0, 64, 64)
    raw, scaled = (decode_heatmaps(maps, crop, preset, s) for s in (UNSCALED, SCALE))
    assert np.array_equal(raw.uv, scaled.uv) and np.array_equal(raw.confidence, scaled.confidence)
    factor = SCALE.at(raw.confidence)[:, None]
    assert scaled.covariance == pytest.approx(raw.covariance * factor)
    assert scaled.covariance.dtype == np.float32


def test_it_travels_in_the_header_of_the_weights(tmp_path):
    model = build("lite/cnn", SMALL)
    save_checkpoint(model, tmp_path / "plain.safetensors")
    assert load_checkpoint(tmp_path / "plain.safetensors").covariance_scale == UNSCALED
    model.covariance_scale = SCALE
    save_checkpoint(model, tmp_path / "scaled.safetensors", {"seed": "7"})
    assert load_checkpoint(tmp_path / "scaled.safetensors").covariance_scale == SCALE
    with pytest.raises(ValueError, match="covariance_scale"):
        save_checkpoint(model, tmp_path / "x.safetensors", {"covariance_scale": "1"})


def test_a_damaged_scale_is_an_error_that_names_the_file(tmp_path):
    from safetensors.torch import save_file

    model = build("lite/cnn", SMALL)
    header = {"format": "hybrid_pose_ros/network/1", "network": "lite/cnn"}
    header["config"] = json.dumps(model.config.asdict())
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    for wrong in ("7", '{"confidence": [1], "factor": [-1]}', '{"knots": []}', "not JSON"):
        path = tmp_path / "damaged.safetensors"
        save_file(tensors, path, header | {"covariance_scale": wrong})
        with pytest.raises(WeightsError, match=r"damaged\.safetensors"):
            load_checkpoint(path)


def test_a_scale_is_a_plain_record():
    assert dataclasses.asdict(SCALE) == {"confidence": (0.5, 0.9), "factor": (4.0, 0.5)}
