"""Warming up runs the whole estimator once on made-up events."""

from __future__ import annotations

import torch

from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.runtime.warm_up import warm_up_keyframes, warm_up_updates


def test_both_sides_have_computed_something():
    torch.manual_seed(0)
    model = LiteHybrid(LiteConfig(32, cnn_widths=(8, 8, 8, 8), snn_widths=(8, 8, 8))).eval()
    for config in (EstimatorConfig(), EstimatorConfig(bin_ns=5_000_000, keyframe_bins=4)):
        assert len(warm_up_keyframes(model, config, "cpu")) == 1
        assert warm_up_updates(model, config, "cpu") == 3
