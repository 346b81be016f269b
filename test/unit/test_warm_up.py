"""Warming up runs the whole estimator once on made-up events."""

from __future__ import annotations

import pytest
import torch

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.models.presets import build
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.keyframe_stage import KeyframeStage
from hybrid_pose_ros.runtime.update_stage import UpdateStage
from hybrid_pose_ros.runtime.warm_up import warm_up_keyframes, warm_up_updates

CROPS = {"cam": Crop(0, 0, 64, 64)}


@pytest.mark.parametrize("kind", ["hybrid_cnn_snn", "snn"])
@pytest.mark.parametrize(
    "config", [EstimatorConfig(), EstimatorConfig(bin_ns=5_000_000, keyframe_bins=4)]
)
def test_both_sides_have_computed_something(kind, config):
    torch.manual_seed(0)
    small = {"input_size": 32, "cnn_widths": (8, 8, 8, 8), "snn_widths": (8, 8, 8)}
    model = build(f"lite/{kind}", small).eval()
    if model.has_keyframe:
        assert len(warm_up_keyframes(KeyframeStage(model, CROPS, config))) == 1
    stage = UpdateStage(model, CROPS, config)
    assert warm_up_updates(stage) == 3
    assert stage.counters("cam").get("bins", 0) == 0  # its own cameras have seen nothing
