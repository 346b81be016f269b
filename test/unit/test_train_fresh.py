"""Endless fresh clips: always others, decided by seed and step, and never those held out."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hybrid_pose_ros.errors import ConfigError, RecordingError
from hybrid_pose_ros.events.types import empty_events
from hybrid_pose_ros.models.lite.config import LiteConfig
from hybrid_pose_ros.simulator.batched.simulate import simulate_batch
from hybrid_pose_ros.train import fresh
from hybrid_pose_ros.train.batches import Batches
from hybrid_pose_ros.train.clips import ClipPlan, plan_clips
from hybrid_pose_ros.train.config import StageConfig
from hybrid_pose_ros.train.config_file import build_config
from hybrid_pose_ros.train.data_config import AugmentationConfig, DataConfig, FreshConfig
from hybrid_pose_ros.train.fresh import FreshViews
from hybrid_pose_ros.train.run import train
from hybrid_pose_ros.train.samples import windows_for

CONFIG = DataConfig(
    source="fresh", clips=2, seconds=0.4, cameras=("cam3",), fresh=FreshConfig(3, "cpu")
)


@pytest.fixture
def drawn(monkeypatch):
    """Plans of all clips that were asked for; none is simulated."""
    plans: list[ClipPlan] = []

    nobody = SimpleNamespace(cameras={"cam3": empty_events()}, truth_xyz=np.zeros((41, 13, 3)))

    def noted(subject, movement, seed, seconds, cameras):
        plans.append(ClipPlan(str(seconds), subject, movement, seed))
        return nobody

    monkeypatch.setattr(fresh, "simulate", noted)
    return plans


def test_clips_are_renewed_and_nothing_held_out_is_among_them(drawn):
    views = FreshViews(dataclasses.replace(CONFIG, clips=40))
    renewed = [views.renew(step, [7, 0]) for step in range(9)]
    assert renewed == [True, False, False] * 3
    assert len(drawn) == 120
    assert len(views.views) == 40
    assert len({plan.seed for plan in drawn}) == 120
    assert not {plan.movement for plan in drawn} & {str(m) for m in CONFIG.held_out_movements}
    assert not {plan.subject for plan in drawn} & set(range(13, 18))
    assert 30 < sum(plan.subject > 1_000_000 for plan in drawn) < 90
    # Another device of the same run, or another stage, sees others.
    FreshViews(dataclasses.replace(CONFIG, clips=40)).renew(0, [7, 1])
    assert not {plan.seed for plan in drawn[:120]} & {plan.seed for plan in drawn[120:]}


def test_a_step_has_the_same_batch_however_it_is_reached():
    def batches() -> Batches:
        windows = windows_for("ours", CONFIG, LiteConfig(input_size=32))
        stage = StageConfig(2, 1e-3, steps=20, bins=(3, 4))
        return Batches([], windows, stage, 5, AugmentationConfig(), fresh=FreshViews(CONFIG))

    going, resumed = batches(), batches()
    first = going[2]
    assert len(going) == 20
    assert first.keyframes.sum() > 100
    late, again = going[3], resumed[3]
    for a, b in zip(late, again, strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.keyframes, late.keyframes)


def test_a_gpu_simulates_the_clips_together(monkeypatch):
    sizes = []

    def here(performances, seeds, cameras, device):
        assert device == "cuda"
        sizes.append(len(performances))
        return simulate_batch(performances, seeds, cameras, device="cpu")

    monkeypatch.setattr(fresh, "simulate_batch", here)
    monkeypatch.setattr(fresh, "_AT_ONCE", 2)
    views = FreshViews(dataclasses.replace(CONFIG, clips=3, seconds=0.05))
    host = FreshViews(views._config)
    views._device = torch.device("cuda")
    views.renew(0, [1])
    host.renew(0, [1])
    assert sizes == [2, 1]
    for a, b in zip(views.views, host.views, strict=True):
        assert a.name == b.name
        np.testing.assert_array_equal(a.uv, b.uv)
        assert a.between(0, 10**8).size == pytest.approx(b.between(0, 10**8).size, rel=0.3, abs=60)


def test_a_network_trains_on_fresh_clips(tiny, tmp_path):
    config = tiny(tmp_path / "run", steps=2)
    data = dataclasses.replace(
        config.data, source="fresh", folder=str(tmp_path / "clips"), clips=1, seconds=0.5,
        validation_clips=1, fresh=FreshConfig(1, "cpu"),
    )  # fmt: skip
    config = dataclasses.replace(config, data=data)
    assert train("lite/cnn", config).is_file()
    kept = {path.name for path in (tmp_path / "clips").iterdir()}
    assert kept == {"look.json", "validation_0000.npz"}
    assert plan_clips(data)[1][0].name == "validation_0000"


def test_wrong_settings_are_named():
    def settings(**data):
        return {"cnn": {"steps": 1, "batch": 1, "learning_rate": 0.1}, "data": data}

    assert build_config(settings(source="fresh"), "mine").data.fresh is None
    with pytest.raises(ConfigError, match="fresh belongs to source fresh, not simulated"):
        build_config(settings(fresh={"steps": 5}), "mine")
    with pytest.raises(ConfigError, match="steps must be at least 1, got 0"):
        build_config(settings(source="fresh", fresh={"steps": 0}), "mine")
    with pytest.raises(ConfigError, match=r"needs recipe: ours and trainer.workers: 0"):
        build_config(settings(source="fresh") | {"trainer": {"workers": 2}}, "mine")
    with pytest.raises(ConfigError, match="no device 'gpu'"):
        FreshViews(dataclasses.replace(CONFIG, fresh=FreshConfig(1, "gpu")))
    windows = windows_for("ours", CONFIG, LiteConfig())
    with pytest.raises(RecordingError, match="no recording is long enough for sequences of 30"):
        Batches(
            [], windows, StageConfig(1, 0.1, steps=1, bins=(30, 30)), 1, AugmentationConfig(),
            fresh=FreshViews(CONFIG),
        )  # fmt: skip
