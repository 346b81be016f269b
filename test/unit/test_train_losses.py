"""Losses in closed form, and a stage of training that learns."""

import math

import numpy as np
import pytest
import torch

from hybrid_pose_ros.events.crop import Crop
from hybrid_pose_ros.models.checkpoint import load_checkpoint
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.models.lite.hybrid_cnn_snn import LiteHybrid
from hybrid_pose_ros.pose.heatmap import decode_heatmaps
from hybrid_pose_ros.runtime.config import EstimatorConfig
from hybrid_pose_ros.train.losses import heatmap_loss, pixel_error, target_maps


def test_flat_logits_cost_the_entropy_of_the_grid():
    cells = torch.full((2, 13, 2), 30.0)
    assert heatmap_loss(torch.zeros(2, 13, 64, 64), cells).item() == pytest.approx(math.log(64**2))


def test_the_best_logits_cost_the_entropy_of_the_target():
    cells = torch.full((1, 13, 2), 30.25)
    targets, _ = target_maps(cells, 64, 0.8)
    entropy = -(targets * targets.clamp_min(1e-30).log()).sum((-1, -2)).mean()
    loss = heatmap_loss(targets.clamp_min(1e-30).log(), cells)
    assert loss.item() == pytest.approx(entropy.item(), rel=1e-4)


def test_unknown_and_outside_joints_do_not_count():
    cells = torch.full((1, 13, 2), 10.0)
    cells[0, 1] = torch.nan
    cells[0, 2, 0] = 64.0
    logits = torch.zeros(1, 13, 64, 64)
    logits[0, 1:3, 0, 0] = 50.0  # would be a disaster if it counted
    assert heatmap_loss(logits, cells).item() == pytest.approx(math.log(64**2))
    assert torch.isnan(pixel_error(logits, cells)[0, 1:3]).all()


def test_where_nobody_is_the_best_answer_is_flat():
    cells = torch.full((1, 2, 13, 2), 30.0)
    present = torch.tensor([True, False])
    logits = torch.zeros(1, 2, 13, 64, 64, requires_grad=True)
    heatmap_loss(logits, cells, present).backward()
    assert logits.grad[0, 0].abs().max() > 1e-3
    assert logits.grad[0, 1].abs().max() < 1e-8


def test_pixel_error_is_the_distance_that_the_decoder_gives():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (13, 64, 64)).astype(np.float32)
    crop = Crop(34, 2, 256, 256)
    truth = rng.uniform(5, 58, (13, 2)).astype(np.float32)
    ours = pixel_error(torch.from_numpy(logits), torch.from_numpy(truth)).numpy()
    decoded = decode_heatmaps(logits, crop).uv
    expected = np.linalg.norm(decoded - crop.to_sensor(truth, 64), axis=1)
    assert ours == pytest.approx(expected, abs=1e-2)


@pytest.mark.slow
def test_all_stages_run_resume_and_write_weights(tmp_path):
    from hybrid_pose_ros.train.clips import View
    from hybrid_pose_ros.train.config import StageConfig, TrainConfig
    from hybrid_pose_ros.train.run import assemble, train_stage
    from hybrid_pose_ros.train.samples import SequenceSampler

    rng = np.random.default_rng(0)
    uv = np.full((101, 13, 2), 120.0, np.float32)
    events = np.zeros(20_000, [("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")])
    events["t"] = np.sort(rng.integers(0, 10**9, events.size))
    events["x"], events["y"] = rng.integers(110, 131, (2, events.size))
    views = [View("blob", events, uv)]
    small = LiteConfig(input_size=32, cnn_widths=(4, 4, 8, 8), snn_widths=(8, 8, 8))
    settings = TrainConfig(
        output=str(tmp_path), threads=1, model=small,
        cnn=StageConfig(20, 2, 1e-2), snn=StageConfig(2, 2, 1e-3, (8, 8)),
        hybrid=StageConfig(2, 2, 1e-3, (3, 6)),
    )  # fmt: skip
    model = train_stage("cnn", LiteHybrid(small), settings, views, views)
    batch = SequenceSampler(views, small, EstimatorConfig(), 9).batch(4, 0, augment=False)
    untrained, trained = (
        heatmap_loss(m.eval().cnn(batch.keyframe)[None], batch.cells)
        for m in (LiteHybrid(small), model)
    )
    assert trained < untrained - 0.2
    train_stage("snn", LiteHybrid(small), settings, views, views)
    hybrid = train_stage("hybrid", assemble(settings), settings, views, views)
    again = load_checkpoint(tmp_path / "hybrid.safetensors")
    for a, b in zip(hybrid.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(a.cpu(), b)
    assert (tmp_path / "hybrid" / "last.ckpt").exists()
    train_stage("hybrid", assemble(settings), settings, views, views)  # resumes: nothing left to do
